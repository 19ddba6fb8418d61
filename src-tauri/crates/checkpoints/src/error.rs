//! Why a checkpoint could not be made or used.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a checkpoint could not be made or used. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The journal cannot be understood.
    #[error("the journal of changes {} cannot be read: {reason}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What was kept of a file is gone or is not what was kept: it is never put back.
    #[error("what was kept of a file is damaged ({reason}); the file is left as it is: {}", path.display())]
    Damaged {
        /// Where it was kept.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

impl CheckpointError {
    /// For `map_err`: what failed at `path`.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}
