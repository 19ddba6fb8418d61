//! The acts: reading a whole file, replacing one, renaming without overwriting, and the journal around them.
//!
//! Owns how files are changed. Refuses to own what they are changed to and whether that is allowed.

use std::{
    collections::hash_map::RandomState,
    ffi::{OsStr, OsString},
    hash::{BuildHasher, Hasher},
    io::{self, Read, Write},
};

use cap_std::fs::{Dir, OpenOptions};
use nexus_checkpoints::{Intent, Kept, Recorder};
use sha2::{Digest, Sha256};

use crate::{
    ToolError,
    workspace::{Kind, Located, PathError},
};

/// Bytes of a file that is read or changed as a whole.
pub(super) const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// Does work that blocks where that is no harm.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        ToolError::Failed(format!("The tool ended before it was done: {error}."))
    })?
}

/// Words for what the system refused.
pub(super) fn failed(shown: &str) -> impl Fn(io::Error) -> ToolError {
    let shown = shown.to_owned();
    move |error| ToolError::Failed(format!("“{shown}”: {error}."))
}

/// The content of a file.
pub(super) fn read_whole(place: &Located, hint: &'static str) -> Result<Vec<u8>, ToolError> {
    let bytes = place.expect_file()?;
    let too_big = |bytes| PathError::TooBig {
        path: place.shown.clone(),
        bytes,
        most: MOST_BYTES,
        hint,
    };
    if bytes > MOST_BYTES {
        return Err(too_big(bytes).into());
    }
    let file = place.open_file()?;
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    // It may grow while it is read.
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(failed(&place.shown))?;
    if content.len() as u64 > MOST_BYTES {
        return Err(too_big(content.len() as u64).into());
    }
    Ok(content)
}

/// SHA-256 of a file's content, hexadecimal, however big it is.
pub(super) fn hash(place: &Located) -> Result<String, ToolError> {
    let mut file = place.open_file()?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut block).map_err(failed(&place.shown))?;
        if read == 0 {
            break;
        }
        hasher.update(block.get(..read).unwrap_or_default());
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// What is said where a file is not as it was when the call was looked at.
pub(super) fn changed_since(shown: &str) -> ToolError {
    ToolError::Failed(format!(
        "“{shown}” was changed since this call was looked at. Nothing was done. Read it again and repeat the call."
    ))
}

/// Fails unless nothing is at a place.
pub(super) fn expect_nothing(place: &Located) -> Result<(), ToolError> {
    match place.kind_now().map_err(failed(&place.shown))? {
        Kind::Missing => Ok(()),
        _ => Err(changed_since(&place.shown)),
    }
}

/// Keeps what a path holds before it changes. `Some` is why it cannot be undone.
pub(super) fn keep(
    recorder: &Recorder,
    place: &Located,
    intent: &Intent,
) -> Result<Option<String>, ToolError> {
    match recorder.before(&place.absolute, intent) {
        Ok(Kept::Whole) => Ok(None),
        Ok(Kept::NotContent(why)) => Ok(Some(why)),
        Err(error) => Err(ToolError::Failed(format!(
            "What “{}” holds could not be kept, so it was not changed: {error}.",
            place.shown
        ))),
    }
}

/// The change was made.
pub(super) fn done(recorder: &Recorder, place: &Located) -> Result<(), ToolError> {
    recorder.after(&place.absolute).map_err(|error| {
        ToolError::Failed(format!(
            "“{}” was changed, but that could not be recorded: {error}.",
            place.shown
        ))
    })
}

/// A line for the model where something cannot be undone; empty where all can.
pub(super) fn undo_words(not_kept: &[String]) -> String {
    match not_kept {
        [] => String::new(),
        [why] => format!("\nThis cannot be undone: {why}"),
        [why, ..] => format!(
            "\nThis cannot be undone wholly ({} files were not kept): {why}",
            not_kept.len()
        ),
    }
}

/// Makes the folders above a place that are not there, each of them journalled.
pub(super) fn make_folders(place: &Located, recorder: &Recorder) -> Result<(), ToolError> {
    for folder in place.folders_above() {
        if folder.kind_now().map_err(failed(&folder.shown))? != Kind::Missing {
            continue;
        }
        keep(recorder, &folder, &Intent::Folder)?;
        folder
            .open_parent()
            .and_then(|parent| parent.create_dir(folder.name()))
            .map_err(failed(&folder.shown))?;
        done(recorder, &folder)?;
    }
    Ok(())
}

/// Puts `content` at a place, whole or not at all: a new file beside it is synced and takes its name. An existing one's
/// permissions stay.
pub(super) fn replace(place: &Located, content: &[u8], exists: bool) -> Result<(), ToolError> {
    let failed = failed(&place.shown);
    let parent = place.open_parent().map_err(&failed)?;
    let permissions = if exists {
        Some(
            place
                .open_file()?
                .metadata()
                .map_err(&failed)?
                .permissions(),
        )
    } else {
        None
    };
    let temporary = temporary_name();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let written = parent
        .open_with(&temporary, &options)
        .and_then(|mut file| {
            file.write_all(content)?;
            if let Some(permissions) = permissions {
                file.set_permissions(permissions)?;
            }
            file.sync_all()
        })
        .and_then(|()| {
            if exists {
                parent.rename(&temporary, &parent, place.name())
            } else {
                rename_new(&parent, &temporary, &parent, place.name())
            }
        });
    if let Err(error) = written {
        // It may not have been made at all.
        let _ = parent.remove_file(&temporary);
        return Err(failed(error));
    }
    sync(&parent);
    Ok(())
}

/// Gives an entry another name; fails where that name is taken.
pub(super) fn rename_new(from: &Dir, old: &OsStr, to: &Dir, new: &OsStr) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::{
            fs::{RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
            // Not every file system can say so; the check below is nearly as good there.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            result => return Ok(result?),
        }
    }
    match to.symlink_metadata(new) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => from.rename(old, to, new),
        Err(error) => Err(error),
    }
}

/// Makes a rename in a folder last through a power cut, where the system can: elsewhere it does so itself.
pub(super) fn sync(folder: &Dir) {
    #[cfg(unix)]
    if let Ok(folder) = folder.try_clone() {
        // The content is synced already; a rename that is lost leaves the old file whole.
        let _ = folder.into_std_file().sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

fn temporary_name() -> OsString {
    // Randomly keyed: nobody can put something there first.
    let random = RandomState::new().build_hasher().finish();
    format!(".nexus-new-{random:016x}").into()
}
