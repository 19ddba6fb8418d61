//! One worker a file, across processes.
//!
//! Owns: a lock that the system frees when its holder dies. Refuses to own: what is done under it.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use same_file::Handle;
use tokio_util::sync::CancellationToken;

use super::Trouble;
use crate::error::HubError;

const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Held until dropped; the file vanishes with it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// `None` where someone else holds it, in this process or another.
    ///
    /// # Errors
    /// [`HubError::Disk`] where the file cannot be made.
    pub fn try_take(path: &Path) -> Result<Option<Self>, HubError> {
        let failed = |error| HubError::disk("Locking", path, &error);
        loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // Between the two calls the holder before may have removed the file: then this lock keeps nobody out.
            let ours = file
                .try_clone()
                .and_then(Handle::from_file)
                .map_err(failed)?;
            if Handle::from_path(path).is_ok_and(|there| there == ours) {
                return Ok(Some(Self {
                    _file: file,
                    path: path.to_owned(),
                }));
            }
        }
    }

    /// Waits for whoever holds it: they fetch the same file, and when they are done it is there.
    pub(crate) async fn take(
        path: &Path,
        stop: &CancellationToken,
        waiting: impl Fn(),
    ) -> Result<Self, Trouble> {
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            waiting();
            tokio::select! {
                () = stop.cancelled() => return Err(Trouble::Stopped),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still held, so that it is not another's; one that stays is free and does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
