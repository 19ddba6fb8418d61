//! Files of the models folder: which there are, and how one comes in without ever being half there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nexus_protocol::ErrorCard;

use crate::{cards, settings};

/// Begins the names of folders that an import is working in.
const WORKING: &str = ".import-";

/// Where a file goes.
pub enum Place {
    /// A folder named after the file, numbered where that one is taken.
    Free,
    /// Exactly there.
    Fixed {
        /// The folder.
        folder: String,
        /// The file.
        file: String,
    },
}

/// All models: the name after `local/`, and the file. A folder with one file gives its name; in one with several the file's name
/// follows.
pub fn models_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut models = Vec::new();
    for model in entries(folder) {
        let name = name_of(&model);
        if name.starts_with('.') || !model.is_dir() {
            continue;
        }
        let files: Vec<PathBuf> = entries(&model)
            .into_iter()
            .filter(|file| is_model(file))
            .collect();
        match files.as_slice() {
            [only] => models.push((name, only.clone())),
            several => models.extend(several.iter().map(|file| {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                (format!("{name}/{stem}"), file.clone())
            })),
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
        && path.is_file()
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

/// Links the file into a working folder, or copies it to the disk's end where it cannot be linked, lets `check` look at it, and
/// only then gives the folder its name. Nothing that is there is ever replaced.
pub fn bring_in(
    folder: &Path,
    source: &Path,
    place: &Place,
    check: impl FnOnce(&Path) -> Result<(), ErrorCard>,
) -> Result<(String, PathBuf), ErrorCard> {
    let failed = |error: io::Error| cards::storage("The model could not be put in place", &error);
    let (wanted, file) = match place {
        Place::Free => (slug(source), file_name(source)),
        Place::Fixed { folder, file } => (folder.clone(), file.clone()),
    };
    if let Place::Free = place
        && let Some(found) = already_there(folder, source)
    {
        return Ok(found);
    }
    let working = folder.join(format!("{WORKING}{}", uuid::Uuid::now_v7().simple()));
    let outcome = (|| {
        fs::create_dir(&working).map_err(failed)?;
        let inside = working.join(&file);
        link_or_copy(source, &inside).map_err(failed)?;
        check(&inside)?;
        settings::sync_folder(&working).map_err(failed)?;
        let name = give_name(folder, &working, &wanted, place).map_err(failed)?;
        settings::sync_folder(folder).map_err(failed)?;
        Ok((name.clone(), folder.join(name).join(&file)))
    })();
    if outcome.is_err() {
        // The first error is the one to report; `clean` tries again at the next start.
        let _ = fs::remove_dir_all(&working);
    }
    outcome
}

fn link_or_copy(source: &Path, target: &Path) -> io::Result<()> {
    // A link costs nothing, however large the file is; it works only within one file system.
    if fs::hard_link(source, target).is_ok() {
        return Ok(());
    }
    let mut from = fs::File::open(source)?;
    let mut to = fs::File::create_new(target)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

/// Renames to the first free name. `rename` would replace an empty folder, so the name is claimed by a check before; imports of
/// this process wait for each other.
fn give_name(folder: &Path, working: &Path, wanted: &str, place: &Place) -> io::Result<String> {
    for number in 1..1000 {
        let name = match number {
            1 => wanted.to_owned(),
            n => format!("{wanted}-{n}"),
        };
        let target = folder.join(&name);
        if target.symlink_metadata().is_err() {
            fs::rename(working, &target)?;
            return Ok(name);
        }
        if let Place::Fixed { .. } = place {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is in the way", target.display()),
            ));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "a thousand models have this name",
    ))
}

/// The same file, linked here before, or lying here already.
fn already_there(folder: &Path, source: &Path) -> Option<(String, PathBuf)> {
    models_in(folder)
        .into_iter()
        .find(|(_, path)| same_file(path, source))
}

#[cfg(unix)]
fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// `Qwen2.5 7B (Q4_K_M).gguf` becomes `qwen2.5-7b-q4_k_m`: a name that can be typed and is safe in every file system.
fn slug(source: &Path) -> String {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    let mut slug = String::new();
    for c in stem.to_lowercase().chars() {
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

fn file_name(source: &Path) -> String {
    format!("{}.gguf", slug(source))
}

#[cfg(test)]
mod tests;
