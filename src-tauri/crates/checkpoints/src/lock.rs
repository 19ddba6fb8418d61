//! Who may work: any number of processes on different sessions, one at a time on one session, and nobody while something is
//! erased. Refuses to own what is done meanwhile. The system lets go of a lock when its process dies.

use std::{
    fs::{File, OpenOptions},
    path::Path,
};

use crate::CheckpointError;

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

/// Waits until nobody erases.
pub(crate) fn shared(path: &Path) -> Result<Held, CheckpointError> {
    let file = open(path)?;
    file.lock_shared().map_err(CheckpointError::at(path))?;
    Ok(Held { _file: file })
}

/// Waits until nobody else holds it.
pub(crate) fn exclusive(path: &Path) -> Result<Held, CheckpointError> {
    let file = open(path)?;
    file.lock().map_err(CheckpointError::at(path))?;
    Ok(Held { _file: file })
}

fn open(path: &Path) -> Result<File, CheckpointError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(CheckpointError::at(path))
}
