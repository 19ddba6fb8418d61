//! Why a checkpoint could not be made or used.

use std::{io, path::PathBuf};

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
}
