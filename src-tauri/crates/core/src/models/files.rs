//! How a model comes into the models folder without ever being half there: a file, or the files of one that is a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nexus_protocol::{ErrorCard, ImportMode};
use nexus_worker_client::{folder, gguf};

use super::{
    listing::{entries, models_in, name_of},
    split,
};
use crate::{cards, settings};

/// Begins the names of folders that an import or a removal is working in.
pub const WORKING: &str = ".import-";

/// What is brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One file.
    File(PathBuf),
    /// The files of a model that is a folder: this folder, or this UQFF file in one.
    Folder(PathBuf),
}

impl Source {
    /// What somebody means by a path. Links are followed, so that check and copy are about the same file; but for those in a folder
    /// of which the model is made, where their names matter. Of weights or settings in a folder, the folder is meant.
    ///
    /// # Errors
    /// Where there is nothing.
    pub fn of(path: &Path) -> io::Result<Self> {
        let real = fs::canonicalize(path)?;
        if real.is_dir() {
            return Ok(Self::Folder(real));
        }
        let name = name_of(path);
        let (Some(parent), true) = (
            path.parent(),
            folder::is_uqff(path) || name.ends_with(".safetensors") || name == "config.json",
        ) else {
            return Ok(Self::File(real));
        };
        // The parent of a bare name is the folder that this program works in.
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        let parent = fs::canonicalize(parent)?;
        Ok(Self::Folder(if folder::is_uqff(path) {
            parent.join(name)
        } else {
            parent
        }))
    }

    /// What is looked at.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Folder(path) => path,
        }
    }

    /// What it is named after.
    fn name(&self) -> String {
        match self {
            Self::File(path) => split::stem_of(path),
            Self::Folder(path) => {
                let folder = if folder::is_uqff(path) {
                    path.parent().unwrap_or(path)
                } else {
                    path
                };
                // In the Hugging Face cache the folder has a commit for its name.
                in_cache(folder).unwrap_or_else(|| name_of(folder))
            }
        }
    }
}

/// `author/name` of a folder `models--author--name/snapshots/COMMIT` of the Hugging Face cache.
pub fn in_cache(folder: &Path) -> Option<String> {
    let snapshots = folder.parent()?;
    let repository = snapshots.parent()?;
    let name = name_of(repository)
        .strip_prefix("models--")?
        .replace("--", "/");
    (name_of(snapshots) == "snapshots").then_some(name)
}

/// Where a model goes.
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

/// Removes what imports left behind that were killed.
pub fn clean(folder: &Path) {
    for path in entries(folder) {
        if name_of(&path).starts_with(WORKING) {
            // One that cannot be removed now will be the next time.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Links or copies the model into a working folder, a file with its other parts where it is the first of several, lets `check` look
/// at it, and only then gives the folder its name. Nothing that is there is ever replaced.
pub fn bring_in(
    folder: &Path,
    source: &Source,
    place: &Place,
    mode: ImportMode,
    check: impl FnOnce(&Path) -> Result<(), ErrorCard>,
) -> Result<(String, PathBuf), ErrorCard> {
    let failed = |error: io::Error| cards::storage("The model could not be put in place", &error);
    let (wanted, file) = match place {
        Place::Free => (slug_of(&source.name()), None),
        Place::Named(name) => (slug_of(name), None),
        Place::Fixed { folder, file } => (folder.clone(), Some(file.clone())),
    };
    if let Place::Free | Place::Named(_) = place
        && let Some(found) = already_there(folder, source.path())
    {
        return Ok(found);
    }
    let working = folder.join(format!("{WORKING}{}", uuid::Uuid::now_v7().simple()));
    let outcome = (|| {
        fs::create_dir(&working).map_err(failed)?;
        // What is in the named folder in the end: a file, or nothing, for the folder itself.
        let inside = match source {
            Source::File(source) => {
                let parts = gguf::parts(source);
                let named = |number: usize| match (&file, parts.len()) {
                    (Some(file), _) => file.clone(),
                    (None, 1) => format!("{wanted}.gguf"),
                    // The engine finds them by these names.
                    (None, count) => format!("{wanted}-{number:05}-of-{count:05}.gguf"),
                };
                for (number, part) in (1..).zip(&parts) {
                    bring(part, &working.join(named(number)), mode).map_err(failed)?;
                }
                PathBuf::from(named(1))
            }
            Source::Folder(source) => {
                bring_all(source, &working, mode).map_err(failed)?;
                PathBuf::new()
            }
        };
        check(&working.join(&inside))?;
        settings::sync_folder(&working).map_err(failed)?;
        let name = match place {
            Place::Fixed { .. } => give_this_name(folder, &working, &wanted),
            Place::Free | Place::Named(_) => give_name(folder, &working, &wanted),
        }
        .map_err(failed)?;
        settings::sync_folder(folder).map_err(failed)?;
        let path = folder.join(&name);
        Ok((
            name,
            match source {
                Source::File(_) => path.join(inside),
                Source::Folder(_) => path,
            },
        ))
    })();
    if outcome.is_err() {
        // The first error is the one to report; `clean` tries again at the next start.
        let _ = fs::remove_dir_all(&working);
    }
    outcome
}

/// The files of a model that is a folder, by their names in it.
fn bring_all(source: &Path, working: &Path, mode: ImportMode) -> io::Result<()> {
    let from = if folder::is_uqff(source) {
        source.parent().unwrap_or(source)
    } else {
        source
    };
    for file in folder::files(source) {
        let name = file.strip_prefix(from).map_err(io::Error::other)?;
        let target = working.join(name);
        if let Some(part) = target.parent() {
            fs::create_dir_all(part)?;
        }
        // A link has the name, and the file that it leads to is what is taken.
        bring(&fs::canonicalize(&file)?, &target, mode)?;
    }
    Ok(())
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
    if source.is_dir() {
        std::os::windows::fs::symlink_dir(source, target)
    } else {
        std::os::windows::fs::symlink_file(source, target)
    }
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

/// The same file, linked here before, or lying here already.
fn already_there(folder: &Path, source: &Path) -> Option<(String, PathBuf)> {
    models_in(folder)
        .into_iter()
        .find(|(_, path)| same_model(path, source))
}

/// Whether two paths are one model: one file or folder, or folders that share all their weights.
pub fn same_model(a: &Path, b: &Path) -> bool {
    if same_file(a, b) {
        return true;
    }
    let is_folder = |path: &Path| path.is_dir() || folder::is_uqff(path);
    if !is_folder(a) || !is_folder(b) {
        return false;
    }
    let (a, b) = (folder::weight_files(a), folder::weight_files(b));
    !a.is_empty() && a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same_file(a, b))
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
pub fn slug(source: &Path) -> String {
    slug_of(&split::stem_of(source))
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
