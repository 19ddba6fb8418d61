//! Taking a model out of the models folder, and what of it the disk counts.
//!
//! Owns what belongs to a model and what the disk gains. Refuses to follow links: what they lead to is somebody else's.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nexus_protocol::{ErrorCard, ModelRemoved};
use nexus_worker_client::{folder, gguf};

use super::{
    files::WORKING,
    listing::{entries, models_in, name_of},
    origin::{self, Origin},
};
use crate::cards;

/// Whether some of the model has another name on this disk, so that removing this one does not free all of it.
pub fn is_linked(path: &Path) -> bool {
    if path.is_symlink() {
        return true;
    }
    if path.is_dir() || folder::is_uqff(path) {
        return folder::weight_files(path)
            .iter()
            .any(|file| has_another_name(file));
    }
    gguf::parts(path).iter().any(|part| has_another_name(part))
}

fn has_another_name(file: &Path) -> bool {
    file.is_symlink() || other_names(file).unwrap_or(false)
}

#[cfg(unix)]
fn other_names(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(path)?.nlink() > 1)
}

#[cfg(windows)]
fn other_names(path: &Path) -> io::Result<bool> {
    let file = fs::File::open(path)?;
    Ok(winapi_util::file::information(&file)?.number_of_links() > 1)
}

/// What the model takes in the models folder, bytes. A link takes next to nothing.
pub fn bytes_here(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_file() && folder::is_uqff(path) => {
            let parts = folder::weight_files(path);
            let sizes = parts
                .iter()
                .filter_map(|part| fs::symlink_metadata(part).ok());
            sizes.map(|data| data.len()).sum()
        }
        Ok(data) if data.is_dir() => entries(path).iter().map(|inner| bytes_here(inner)).sum(),
        Ok(_) => gguf::parts(path)
            .iter()
            .filter_map(|part| fs::symlink_metadata(part).ok())
            .map(|data| data.len())
            .sum(),
        Err(_) => 0,
    }
}

/// Removes a model and what came with it; its folder too where nothing else is in it. A folder that is the model goes with all
/// that is in it, but for other models.
pub fn remove(models: &Path, path: &Path) -> Result<ModelRemoved, ErrorCard> {
    let failed = |error: io::Error| cards::storage("The model could not be removed", &error);
    let still_elsewhere = is_linked(path);
    let parent = path.parent().filter(|parent| *parent != models);
    let folder = if path.is_dir() { Some(path) } else { parent };
    let alone = folder.is_some_and(|folder| {
        let others = models_in(models);
        others
            .iter()
            .filter(|(_, other)| other.starts_with(folder))
            .count()
            == 1
    });
    let mut bytes_freed = if path.is_symlink() {
        // The link only, whether it leads to a file or to a folder.
        remove_link(path).map_err(failed)?;
        0
    } else if path.is_dir() && alone {
        remove_whole(models, path).map_err(failed)?
    } else if path.is_dir() || folder::is_uqff(path) {
        match folder {
            Some(folder) if alone => remove_whole(models, folder).map_err(failed)?,
            _ => {
                let mut files = folder::weight_files(path);
                // What a file in UQFF leaves as it is, all of them in that folder share.
                files.retain(|file| folder::is_uqff(file) || folder::is_whole(&name_of(file)));
                remove_files(&files).map_err(failed)?
            }
        }
    } else {
        let mut parts = gguf::parts(path);
        parts.retain(|part| part == path || part.symlink_metadata().is_ok());
        // The first goes last: while it is there, the others are not models of their own.
        parts.reverse();
        remove_files(&parts).map_err(failed)?
    };
    if let Some(parent) = parent {
        if alone {
            // What stays of it is small, and names no model any more. Only what was fetched with it goes: the note says what.
            for name in Origin::read(parent).iter().flat_map(Origin::companions) {
                let companion = parent.join(name.path.file_name());
                bytes_freed += remove_files(&[companion]).unwrap_or(0);
            }
            let _ = fs::remove_file(parent.join(origin::FILE));
        }
        // A folder that holds something else stays.
        let _ = fs::remove_dir(parent);
    }
    Ok(ModelRemoved {
        bytes_freed: if still_elsewhere { 0 } else { bytes_freed },
        still_elsewhere,
    })
}

/// What the disk gains by them.
fn remove_files(files: &[PathBuf]) -> io::Result<u64> {
    let mut freed = 0;
    for file in files {
        freed += gain(file);
        fs::remove_file(file)?;
    }
    Ok(freed)
}

/// It is out of sight before the first of its files goes: what is half there would be listed as broken.
fn remove_whole(models: &Path, folder: &Path) -> io::Result<u64> {
    let freed = gain(folder);
    let working = models.join(format!("{WORKING}{}", uuid::Uuid::now_v7().simple()));
    fs::rename(folder, &working)?;
    if let Err(error) = fs::remove_dir_all(&working) {
        tracing::warn!(%error, model = %name_of(folder), "a removed model is cleaned away at the next start");
    }
    Ok(freed)
}

fn gain(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => entries(path).iter().map(|inner| gain(inner)).sum(),
        Ok(data) if data.is_file() && !has_another_name(path) => data.len(),
        _ => 0,
    }
}

#[cfg(unix)]
fn remove_link(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// One to a folder is a folder there.
#[cfg(windows)]
fn remove_link(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(|_| fs::remove_dir(path))
}
