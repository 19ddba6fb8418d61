//! The names that a file has on its way.

use std::path::{Path, PathBuf};

pub(crate) const JOURNAL: &str = ".part.journal";

/// All beside each other, so that the last rename stays within one file system.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The final one.
    pub(crate) target: PathBuf,
    /// What came so far.
    pub(crate) part: PathBuf,
    /// What of it lasts.
    pub(crate) journal: PathBuf,
    /// Held by who works on it.
    pub(crate) lock: PathBuf,
}

impl Paths {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self {
            target: folder.join(name),
            part: folder.join(format!("{name}.part")),
            journal: folder.join(format!("{name}{JOURNAL}")),
            lock: folder.join(format!("{name}.lock")),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.target.parent().unwrap_or(Path::new("."))
    }
}
