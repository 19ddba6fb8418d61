//! Folders that no tool may use, wherever the working folder is.

use std::path::{Path, PathBuf};

use crate::Host;

/// Folders that no tool may use: the app's own data, the user's keys. The session's own output may be read.
#[derive(Clone, Debug)]
pub(crate) struct Walls {
    hidden: Vec<PathBuf>,
    readable: PathBuf,
}

impl Walls {
    /// Those of this machine as they are now: links to them are resolved.
    pub(crate) fn of(host: &Host) -> Self {
        let resolved = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let mut hidden: Vec<PathBuf> = host.hidden.iter().map(resolved).collect();
        hidden.extend(host.hidden.iter().cloned());
        Self {
            hidden,
            readable: resolved(&host.scratch),
        }
    }

    /// Whether an absolute, resolved path is out of bounds.
    pub(crate) fn hides(&self, path: &Path, reading: bool) -> bool {
        self.hidden.iter().any(|hidden| path.starts_with(hidden))
            && !(reading && path.starts_with(&self.readable))
    }

    /// Those that a walk of the folder `root` may meet, none more often than not: each of its names is held against them.
    pub(crate) fn below(mut self, root: &Path) -> Self {
        self.hidden.retain(|hidden| hidden.starts_with(root));
        self
    }

    /// Whether something out of bounds is in the folder `path`.
    pub(crate) fn stand_in(&self, path: &Path) -> bool {
        self.hidden.iter().any(|hidden| hidden.starts_with(path))
    }
}
