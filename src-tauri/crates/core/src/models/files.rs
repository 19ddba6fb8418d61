//! Files of the models folder: which there are, and how one comes in without ever being half there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nexus_protocol::{ErrorCard, ImportMode, ModelRemoved};
use nexus_worker_client::gguf;

use super::{
    origin::{self, Origin},
    split::{is_later_part, stem_of},
};
use crate::{cards, settings};

/// Begins the names of folders that an import is working in.
const WORKING: &str = ".import-";

/// Where a file goes.
pub enum Place {
    /// A folder named after the file, numbered where that one is taken.
    Free,
    /// A folder of this name, numbered where that one is taken: for files whose own names say nothing.
    Named(String),
    /// Exactly there.
    Fixed {
        /// The folder.
        folder: String,
        /// The file.
        file: String,
    },
}

/// All models: the name after `local/`, and the file. A folder with one file gives its name; in one with several the file's name
/// follows. A file that somebody put beside the folders has its own, with the ending where a folder has the same. A model that was
/// split is its first file.
pub fn models_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut models = Vec::new();
    for model in entries(folder) {
        let name = name_of(&model);
        if name.starts_with('.') {
            continue;
        }
        if is_model(&model) {
            if !is_later_part(&model) {
                let stem = stem_of(&model);
                let taken = folder.join(&stem).is_dir();
                models.push((if taken { name } else { stem }, model));
            }
            continue;
        }
        if !model.is_dir() {
            continue;
        }
        let files: Vec<PathBuf> = entries(&model)
            .into_iter()
            .filter(|file| is_model(file) && !is_later_part(file))
            .collect();
        match files.as_slice() {
            [only] => models.push((name, only.clone())),
            several => models.extend(
                several
                    .iter()
                    .map(|file| (format!("{name}/{}", stem_of(file)), file.clone())),
            ),
        }
    }
    models
}

/// Sorted, so that a list looks the same each time. A folder that cannot be read has nothing in it.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn is_model(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
        // A link whose file is gone is listed, so that people see what became of their model.
        && (path.is_file() || path.is_symlink())
}

/// Removes what imports left behind that were killed.
pub fn clean(folder: &Path) {
    for path in entries(folder) {
        if name_of(&path).starts_with(WORKING) {
            // One that cannot be removed now will be the next time.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Links or copies the file into a working folder, with its other parts where it is the first of several, lets `check` look at
/// it, and only then gives the folder its name. Nothing that is there is ever replaced.
pub fn bring_in(
    folder: &Path,
    source: &Path,
    place: &Place,
    mode: ImportMode,
    check: impl FnOnce(&Path) -> Result<(), ErrorCard>,
) -> Result<(String, PathBuf), ErrorCard> {
    let failed = |error: io::Error| cards::storage("The model could not be put in place", &error);
    let (wanted, file) = match place {
        Place::Free => (slug(source), None),
        Place::Named(name) => (slug_of(name), None),
        Place::Fixed { folder, file } => (folder.clone(), Some(file.clone())),
    };
    let parts = gguf::parts(source);
    let name_of = |number: usize| match (&file, parts.len()) {
        (Some(file), _) => file.clone(),
        (None, 1) => format!("{wanted}.gguf"),
        // The engine finds them by these names.
        (None, count) => format!("{wanted}-{number:05}-of-{count:05}.gguf"),
    };
    if let Place::Free | Place::Named(_) = place
        && let Some(found) = already_there(folder, source)
    {
        return Ok(found);
    }
    let working = folder.join(format!("{WORKING}{}", uuid::Uuid::now_v7().simple()));
    let outcome = (|| {
        fs::create_dir(&working).map_err(failed)?;
        for (number, part) in (1..).zip(&parts) {
            bring(part, &working.join(name_of(number)), mode).map_err(failed)?;
        }
        check(&working.join(name_of(1)))?;
        settings::sync_folder(&working).map_err(failed)?;
        let name = match place {
            Place::Fixed { .. } => give_this_name(folder, &working, &wanted),
            Place::Free | Place::Named(_) => give_name(folder, &working, &wanted),
        }
        .map_err(failed)?;
        settings::sync_folder(folder).map_err(failed)?;
        Ok((name.clone(), folder.join(name).join(name_of(1))))
    })();
    if outcome.is_err() {
        // The first error is the one to report; `clean` tries again at the next start.
        let _ = fs::remove_dir_all(&working);
    }
    outcome
}

fn bring(source: &Path, target: &Path, mode: ImportMode) -> io::Result<()> {
    // A hard link costs nothing, however large the file is, and stays when the other name goes; it works only within one file
    // system.
    if mode != ImportMode::Copy && fs::hard_link(source, target).is_ok() {
        return Ok(());
    }
    if mode == ImportMode::Link {
        return soft_link(source, target);
    }
    let mut from = fs::File::open(source)?;
    let mut to = fs::File::create_new(target)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

#[cfg(unix)]
pub fn soft_link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, target)
}

#[cfg(windows)]
pub fn soft_link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(source, target)
}

/// Renames to the first free name. `rename` would replace an empty folder, so the name is claimed by a check before; imports of
/// this process wait for each other.
pub fn give_name(folder: &Path, working: &Path, wanted: &str) -> io::Result<String> {
    for number in 1..1000 {
        let name = match number {
            1 => wanted.to_owned(),
            n => format!("{wanted}-{n}"),
        };
        if folder.join(&name).symlink_metadata().is_err() {
            return give_this_name(folder, working, &name);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "a thousand models have this name",
    ))
}

fn give_this_name(folder: &Path, working: &Path, name: &str) -> io::Result<String> {
    let target = folder.join(name);
    if target.symlink_metadata().is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} is in the way", target.display()),
        ));
    }
    fs::rename(working, &target)?;
    Ok(name.to_owned())
}

/// Whether the file has another name, so that removing this one frees nothing.
pub fn is_linked(path: &Path) -> bool {
    path.is_symlink() || other_names(path).unwrap_or(false)
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

/// Removes a model's file or files and what came with it; its folder too where nothing else is in it.
pub fn remove(models: &Path, path: &Path) -> Result<ModelRemoved, ErrorCard> {
    let still_elsewhere = is_linked(path);
    let mut bytes = 0;
    // The first goes last: while it is there, the others are not models of their own.
    for part in gguf::parts(path).iter().rev() {
        let length = fs::symlink_metadata(part).map_or(0, |data| data.len());
        match fs::remove_file(part) {
            Ok(()) => bytes += length,
            Err(error) if error.kind() == io::ErrorKind::NotFound && part != path => {}
            Err(error) => return Err(cards::storage("The model could not be removed", &error)),
        }
    }
    if let Some(folder) = path.parent().filter(|folder| *folder != models) {
        if !entries(folder).iter().any(|file| is_model(file)) {
            // What stays of it is small, and names no model any more. Only what was fetched with it goes: the note says what.
            for name in Origin::read(folder).iter().flat_map(Origin::companions) {
                let companion = folder.join(name.path.file_name());
                let length = fs::symlink_metadata(&companion).map_or(0, |data| data.len());
                if fs::remove_file(&companion).is_ok() {
                    bytes += length;
                }
            }
            let _ = fs::remove_file(folder.join(origin::FILE));
        }
        // A folder that holds something else stays.
        let _ = fs::remove_dir(folder);
    }
    Ok(ModelRemoved {
        bytes_freed: if still_elsewhere { 0 } else { bytes },
        still_elsewhere,
    })
}

/// The same file, linked here before, or lying here already.
fn already_there(folder: &Path, source: &Path) -> Option<(String, PathBuf)> {
    models_in(folder)
        .into_iter()
        .find(|(_, path)| same_file(path, source))
}

#[cfg(unix)]
pub fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub fn same_file(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// `Qwen2.5 7B (Q4_K_M).gguf` becomes `qwen2.5-7b-q4_k_m`: a name that can be typed and is safe in every file system.
pub fn slug(source: &Path) -> String {
    slug_of(&stem_of(source))
}

pub fn slug_of(text: &str) -> String {
    let mut slug = String::new();
    for c in text.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '.' | '_' => slug.push(c),
            _ if !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug: String = slug.trim_matches(['-', '.']).chars().take(80).collect();
    if slug.is_empty() {
        "model".into()
    } else {
        slug
    }
}

#[cfg(test)]
mod tests;
