//! A file that is not whole yet.
//!
//! Owns: writing bytes where they belong, and knowing which of them last. Refuses to own: where they come from (`transfer`),
//! whether they are right (`verify`).

use std::{
    fs::{self, File},
    io,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;

use super::{
    Limits, Trouble,
    journal::{Identity, Journal},
    paths::Paths,
    ranges::Ranges,
};
use crate::error::HubError;

/// Shared by the connections that fill it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) paths: Paths,
    pub(crate) identity: Identity,
    file: Arc<File>,
    state: Mutex<Inner>,
    /// One journal at a time.
    saving: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Inner {
    done: Ranges,
    etag: Option<String>,
    unsaved: u64,
    saved: Instant,
}

impl Part {
    /// Goes on with what is there if it is of the same file, else begins.
    pub(crate) fn open(paths: Paths, identity: Identity) -> Result<Self, HubError> {
        let failed = |error| HubError::disk("Creating", &paths.part, &error);
        let journal = Journal::of_part(&paths).filter(|journal| journal.identity == identity);
        if journal.is_none() {
            // Whatever it is, a link among others: it is not ours to write through.
            match fs::remove_file(&paths.part) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(error));
                }
                _ => {}
            }
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&paths.part)
            .map_err(failed)?;
        if let Err(error) = file.set_len(identity.size) {
            if journal.is_none() {
                // Nothing came yet, so there is nothing to keep.
                let _ = fs::remove_file(&paths.part);
            }
            return Err(failed(error));
        }
        let (done, etag) = journal.map_or_else(Default::default, |j| (j.done, j.etag));
        Ok(Self {
            file: Arc::new(file),
            state: Mutex::new(Inner {
                done,
                etag,
                unsaved: 0,
                saved: Instant::now(),
            }),
            saving: tokio::sync::Mutex::new(()),
            paths,
            identity,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn received(&self) -> u64 {
        self.inner().done.total()
    }

    pub(crate) fn missing(&self) -> Vec<Range<u64>> {
        self.inner().done.missing(self.identity.size)
    }

    pub(crate) fn etag(&self) -> Option<String> {
        self.inner().etag.clone()
    }

    /// The first answer says what the file is; all others must agree.
    pub(crate) fn agree(&self, etag: Option<&str>) -> Result<(), Trouble> {
        let mut inner = self.inner();
        match (&inner.etag, etag) {
            (Some(known), Some(now)) if known != now => Err(Trouble::Changed),
            (None, Some(now)) => {
                inner.etag = Some(now.to_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Another server may name the same bytes differently.
    pub(crate) fn forget_etag(&self) {
        self.inner().etag = None;
    }

    /// Writes, and from time to time makes it last.
    pub(crate) async fn write(
        &self,
        at: u64,
        bytes: Bytes,
        limits: &Limits,
    ) -> Result<(), HubError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let file = Arc::clone(&self.file);
        let end = at + bytes.len() as u64;
        blocking(move || write_at(&file, &bytes, at))
            .await
            .map_err(|error| HubError::disk("Writing", &self.paths.part, &error))?;
        let due = {
            let mut inner = self.inner();
            inner.done.insert(at..end);
            inner.unsaved += end - at;
            inner.unsaved >= limits.save_bytes || inner.saved.elapsed() >= limits.save_every
        };
        // One that is being saved needs no second one to wait for it.
        if due && let Ok(_saving) = self.saving.try_lock() {
            self.save_now().await?;
        }
        Ok(())
    }

    /// Makes everything last that was written.
    pub(crate) async fn save(&self) -> Result<(), HubError> {
        let _saving = self.saving.lock().await;
        self.save_now().await
    }

    async fn save_now(&self) -> Result<(), HubError> {
        // Taken before the sync: what is written during it may not be on disk when it ends.
        let journal = {
            let mut inner = self.inner();
            inner.unsaved = 0;
            inner.saved = Instant::now();
            Journal::new(
                self.identity.clone(),
                inner.etag.clone(),
                inner.done.clone(),
            )
        };
        let file = Arc::clone(&self.file);
        let path = self.paths.journal.clone();
        blocking(move || {
            file.sync_data()?;
            journal.write(&path)
        })
        .await
        .map_err(|error| HubError::disk("Saving", &self.paths.journal, &error))
    }

    /// Begins anew.
    pub(crate) fn reset(&self) -> Result<(), HubError> {
        let failed = |error| HubError::disk("Emptying", &self.paths.part, &error);
        remove(&self.paths.journal)?;
        self.file.set_len(0).map_err(failed)?;
        self.file.set_len(self.identity.size).map_err(failed)?;
        let mut inner = self.inner();
        inner.done = Ranges::default();
        inner.etag = None;
        Ok(())
    }

    /// Gives the checked file its name, for good.
    pub(crate) async fn finish(&self) -> Result<(), HubError> {
        let file = Arc::clone(&self.file);
        let paths = self.paths.clone();
        blocking(move || {
            file.sync_all()?;
            // Nobody else has the lock, but anyone may put files here.
            if fs::symlink_metadata(&paths.target).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(&paths.part, &paths.target)?;
            sync_folder(paths.folder())
        })
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => HubError::Taken {
                path: self.paths.target.display().to_string(),
            },
            _ => HubError::disk("Naming", &self.paths.target, &error),
        })?;
        remove(&self.paths.journal)
    }
}

/// Removes a part and its journal.
pub(crate) fn remove_leftovers(paths: &Paths) -> Result<(), HubError> {
    // The part first: a journal without one is not believed, a part without one is never looked at again.
    remove(&paths.part)?;
    remove(&paths.journal.with_extension("journal.new"))?;
    remove(&paths.journal)
}

fn remove(path: &Path) -> Result<(), HubError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(HubError::disk("Removing", path, &error))
        }
        _ => Ok(()),
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        at += written as u64;
    }
    Ok(())
}

/// A new name is only certain once the folder that holds it is.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows writes names through by itself, and opens no folder for this.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
