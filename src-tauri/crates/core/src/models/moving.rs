//! Moves the models to another folder: by name on the same disk, by checked copies to another one. What was there goes last.
//!
//! Owns the steps and the way back from each. Blocks on the disk. Refuses to decide when (`Models`) and to touch what is no model.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use nexus_hub::Limits;
use nexus_protocol::ErrorCard;
use nexus_worker_client::gguf;
use sha2::{Digest, Sha256};

use super::{downloads, files, fit, listing::models_in};
use crate::{cards, settings};

/// Begins the name of the folder that copies grow in.
const WORKING: &str = ".moving-";
const BLOCK: usize = 1024 * 1024;
const TITLE: &str = "The models folder was not moved";

/// What was moved. Nothing is lost until [`Relocated::finish`].
pub struct Relocated {
    from: PathBuf,
    to: PathBuf,
    names: Vec<OsString>,
    /// Copies: the old ones are still there.
    copied: bool,
}

/// Puts all models of `from` into `to` as well, or only there where that costs nothing. `progress` hears of bytes done and of all.
///
/// # Errors
/// Where the folders do not suit, the disk has no room or fails; then all is as it was.
pub fn relocate(
    from: &Path,
    to: &Path,
    limits: &Limits,
    mut progress: impl FnMut(u64, u64),
) -> Result<Relocated, ErrorCard> {
    let failed = |error: io::Error| cards::storage(TITLE, &error);
    let refused = |why: String| Err(cards::bad_input(TITLE, why));
    if !to.is_absolute() {
        return refused(format!(
            "“{}” is not the whole path of a folder.",
            to.display()
        ));
    }
    fs::create_dir_all(to).map_err(failed)?;
    let (from, to) = (
        fs::canonicalize(from).map_err(failed)?,
        fs::canonicalize(to).map_err(failed)?,
    );
    if to.starts_with(&from) || from.starts_with(&to) {
        return refused("One folder is the other, or lies in it. Choose another place.".to_owned());
    }
    clean(&to);
    let names = ours(&from).map_err(failed)?;
    if let Some(taken) = names
        .iter()
        .find(|name| to.join(name).symlink_metadata().is_ok())
    {
        return refused(format!(
            "There is a “{}” in {} already. Choose an empty folder.",
            taken.to_string_lossy(),
            to.display()
        ));
    }
    let relocated = |copied| Relocated {
        from: from.clone(),
        to: to.clone(),
        names: names.clone(),
        copied,
    };
    if one_disk(&from, &to).map_err(failed)? {
        rename_all(&from, &to, &names).map_err(failed)?;
        return Ok(relocated(false));
    }
    let mut total = 0;
    for name in &names {
        total += size(&from.join(name)).map_err(failed)?;
    }
    let free = (limits.free_space)(&to).map_err(failed)?;
    if free < total.saturating_add(limits.space_margin) {
        return Err(cards::storage(
            TITLE,
            &io::Error::other(format!(
                "{} has {} free, and the models take {}",
                to.display(),
                fit::bytes(free),
                fit::bytes(total)
            )),
        ));
    }
    let working = to.join(format!("{WORKING}{}", uuid::Uuid::now_v7().simple()));
    let copied = (|| {
        fs::create_dir(&working)?;
        let mut done = 0;
        for name in &names {
            copy(&from.join(name), &working.join(name), &mut |bytes| {
                done += bytes;
                progress(done, total);
            })?;
        }
        settings::sync_folder(&working)?;
        rename_all(&working, &to, &names)?;
        settings::sync_folder(&to)
    })();
    // Empty where all went well, else the half of it.
    let _ = fs::remove_dir_all(&working);
    copied.map_err(failed)?;
    Ok(relocated(true))
}

impl Relocated {
    /// Where the models are now.
    pub fn folder(&self) -> &Path {
        &self.to
    }

    /// Removes what is still at the old place. What cannot be removed stays there and does no harm.
    pub fn finish(self) {
        if self.copied {
            for name in &self.names {
                let old = self.from.join(name);
                let removed = if old.is_dir() && !old.is_symlink() {
                    fs::remove_dir_all(&old)
                } else {
                    fs::remove_file(&old)
                };
                if let Err(error) = removed {
                    tracing::warn!(path = %old.display(), %error, "a model that was moved is still here");
                }
            }
        }
        // Only where nothing else is in it.
        let _ = fs::remove_dir(&self.from);
    }

    /// As it was before.
    pub fn undo(self) {
        let undone = if self.copied {
            self.names.iter().try_for_each(|name| {
                let new = self.to.join(name);
                if new.is_dir() {
                    fs::remove_dir_all(new)
                } else {
                    fs::remove_file(new)
                }
            })
        } else {
            rename_all(&self.to, &self.from, &self.names)
        };
        if let Err(error) = undone {
            tracing::error!(%error, from = %self.to.display(), to = %self.from.display(), "models could not be moved back");
        }
    }
}

/// Models, and downloads on their way. The folder may be one that the user keeps other things in.
fn ours(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names: BTreeSet<OsString> = models_in(folder)
        .into_iter()
        .flat_map(|(_, path)| gguf::parts(&path))
        .filter(|path| path.symlink_metadata().is_ok())
        .filter_map(|path| {
            let first = path.strip_prefix(folder).ok()?.iter().next()?;
            Some(first.to_owned())
        })
        .collect();
    for (path, _) in downloads::working_folders(folder) {
        names.extend(path.file_name().map(OsString::from));
    }
    Ok(names.into_iter().collect())
}

/// Whether a name can just be changed from one folder to the other. Mounts and links make every other answer a guess.
fn one_disk(from: &Path, to: &Path) -> io::Result<bool> {
    let name = format!("{WORKING}{}", uuid::Uuid::now_v7().simple());
    let (here, there) = (from.join(&name), to.join(&name));
    fs::write(&here, b"")?;
    let outcome = fs::rename(&here, &there);
    let removed = if outcome.is_ok() {
        fs::remove_file(&there)
    } else {
        fs::remove_file(&here)
    };
    removed?;
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(false),
        Err(error) => Err(error),
    }
}

/// All of them, or none.
fn rename_all(from: &Path, to: &Path, names: &[OsString]) -> io::Result<()> {
    for (index, name) in names.iter().enumerate() {
        if let Err(error) = fs::rename(from.join(name), to.join(name)) {
            for name in &names[..index] {
                // The first error is the one to report.
                let _ = fs::rename(to.join(name), from.join(name));
            }
            return Err(error);
        }
    }
    Ok(())
}

fn size(path: &Path) -> io::Result<u64> {
    let data = fs::symlink_metadata(path)?;
    if !data.is_dir() {
        return Ok(data.len());
    }
    let mut sum = 0;
    for entry in fs::read_dir(path)? {
        sum += size(&entry?.path())?;
    }
    Ok(sum)
}

fn copy(from: &Path, to: &Path, moved: &mut impl FnMut(u64)) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), moved)?;
        }
        return settings::sync_folder(to);
    }
    if kind.is_symlink() {
        return files::soft_link(&fs::canonicalize(from)?, to);
    }
    let mut target = fs::File::create_new(to)?;
    let written = digest(&mut fs::File::open(from)?, |block| {
        target.write_all(block)?;
        moved(block.len() as u64);
        Ok(())
    })?;
    target.sync_all()?;
    drop(target);
    // What was written is not what is on the disk until it was read again.
    if digest(&mut fs::File::open(to)?, |_| Ok(()))? != written {
        return Err(io::Error::other(format!(
            "{} came out different from what was written",
            to.display()
        )));
    }
    Ok(())
}

fn digest(
    file: &mut fs::File,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(count) => {
                hash.update(&block[..count]);
                each(&block[..count])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes what a move that was killed left at the new place.
fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(WORKING) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
