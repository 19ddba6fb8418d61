//! The working folder: the one place where a session's paths begin.
//!
//! Owns the open folder. All file tools act through it, component by component, so that no `..` and no symbolic link leads out.

use std::{
    io,
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};

/// The working folder, opened.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    dir: Dir,
}

impl Workspace {
    /// Opens `root`.
    ///
    /// # Errors
    /// Where it is no folder that can be read.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let dir = Dir::open_ambient_dir(&root, ambient_authority())?;
        Ok(Self { root, dir })
    }

    /// Absolute, symbolic links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder itself.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Whether an absolute, resolved path is the folder or in it.
    pub fn contains(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }
}
