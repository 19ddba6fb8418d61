//! The working folder of a download: hidden in the models folder until it becomes a model's.
//!
//! Owns its name, what it holds, and the step that makes a model of it: the header is checked, then the folder gets its name. Blocks on
//! the disk. Refuses to fetch.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nexus_hub::{Lock, unfinished};
use nexus_protocol::{Download, DownloadStatus, ErrorCard};
use nexus_worker_client::{folder, gguf};

use super::super::{files, origin::Origin};
use crate::{cards, settings};

/// Begins the names of working folders. A leading dot keeps them out of the list of models.
pub const WORKING: &str = ".download-";

/// Its folder: the same for the same bytes, so that two programs that fetch them meet there.
pub fn folder_for(models: &Path, origin: &Origin) -> PathBuf {
    let sum = origin.fingerprint();
    let name = slug(origin);
    models.join(format!("{WORKING}{name}-{}", &sum[..12]))
}

/// What the model will be called: after its file, or after the model where the file's name says nothing.
fn slug(origin: &Origin) -> String {
    if origin.is_folder() {
        files::slug_of(origin.model.name())
    } else {
        files::slug(Path::new(&origin.file))
    }
}

/// Held by the one program that works on a folder.
pub fn lock_of(folder: &Path) -> PathBuf {
    folder.with_added_extension("lock")
}

/// All in a models folder, with what they are about. One that nobody can make sense of is left alone.
pub fn working_folders(models: &Path) -> Vec<(PathBuf, Origin)> {
    let mut found: Vec<(PathBuf, Origin)> = fs::read_dir(models)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(WORKING))
        .filter_map(|entry| {
            let origin = Origin::read(&entry.path())?;
            // A name that leads elsewhere was put there by somebody else.
            origin.files()?;
            Some((entry.path(), origin))
        })
        .collect();
    found.sort_by_key(|(_, origin)| origin.id);
    found
}

/// Makes the folder with its note. Where another program was quicker, its note counts.
pub fn prepare(folder: &Path, origin: Origin) -> Result<Origin, ErrorCard> {
    let failed = |error: io::Error| cards::storage("The download could not begin", &error);
    fs::create_dir_all(folder).map_err(failed)?;
    if let Some(kept) = Origin::read(folder)
        && kept.files().is_some()
        && kept.files() == origin.files()
    {
        return Ok(kept);
    }
    origin.write(folder).map_err(failed)?;
    Ok(origin)
}

/// What is seen of one that rests, or that another program works on.
pub fn view(folder: &Path, origin: &Origin) -> Download {
    let status = match Lock::try_take(&lock_of(folder)) {
        Ok(None) => DownloadStatus::Elsewhere,
        Ok(Some(_)) | Err(_) => DownloadStatus::Paused,
    };
    Download {
        received: received(folder, origin),
        status,
        ..fresh(origin)
    }
}

/// What is seen of one of which nothing is known but what it is about.
pub fn fresh(origin: &Origin) -> Download {
    Download {
        id: origin.id,
        model: origin.model.to_string(),
        file: origin.file.clone(),
        label: origin.label.clone(),
        status: DownloadStatus::Paused,
        received: 0,
        total: origin.bytes(),
        rate: None,
        seconds_left: None,
        trouble: None,
    }
}

/// Bytes on the disk.
pub fn received(folder: &Path, origin: &Origin) -> u64 {
    let files = origin.files().unwrap_or_default();
    let whole = files
        .iter()
        .chain(&origin.companions())
        .filter(|file| folder.join(file.path.file_name()).is_file())
        .map(|file| file.size)
        .fold(0, u64::saturating_add);
    let parts = unfinished(folder);
    let parts = parts.iter().map(|(_, done, _)| *done);
    parts.fold(whole, u64::saturating_add)
}

/// Makes a model of it: its name after `local/`.
///
/// # Errors
/// Where it is no model that the engines can run; then it is removed, for it would be the same a second time.
pub fn land(models: &Path, place: &Path, origin: &Origin) -> Result<String, ErrorCard> {
    let failed = |error: io::Error| cards::storage("The model could not be put in place", &error);
    let file = origin
        .hub_file()
        .ok_or_else(|| cards::internal("the note of a download was changed"))?;
    let checked = if origin.is_folder() {
        folder::inspect(place).map(drop)
    } else {
        gguf::inspect(&place.join(file.path.file_name())).map(drop)
    };
    if let Err(error) = checked {
        let mut card = error.card();
        card.detail = format!(
            "{} {} came whole and as the hub has it, so another try would not help: choose another one.",
            card.detail,
            if origin.is_folder() { "It" } else { "The file" }
        );
        // The first error is the one to report.
        let _ = fs::remove_dir_all(place);
        return Err(card);
    }
    settings::sync_folder(place).map_err(failed)?;
    let given = files::give_name(models, place, &slug(origin)).map_err(failed)?;
    settings::sync_folder(models).map_err(failed)?;
    Ok(given)
}

/// Removes all of it.
///
/// # Errors
/// Where another program works on it, or the disk fails.
pub fn discard(folder: &Path) -> Result<(), ErrorCard> {
    let lock = Lock::try_take(&lock_of(folder))
        .map_err(|error| cards::hub("The download could not be removed", &error))?;
    let Some(_lock) = lock else {
        return Err(cards::busy(
            "Another program fetches this model",
            "The app or `nexus` in a terminal is at it. Stop it there first.",
        ));
    };
    match fs::remove_dir_all(folder) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(cards::storage("The download could not be removed", &error)),
    }
}
