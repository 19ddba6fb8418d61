//! Data folders that vanish with the test.
//!
//! Owns: making and removing them. Refuses to own: what is put into them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// An empty data folder, removed when this is dropped.
#[derive(Debug)]
pub struct TempData {
    folder: TempDir,
}

impl TempData {
    /// A new one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("nexus-test-")
            .tempdir()
            .expect("the system's folder for temporary files can be written");
        Self { folder }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into it, with its folders; returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        let parent = path.parent().expect("a file in the folder has a parent");
        std::fs::create_dir_all(parent).expect("folders can be made in a fresh folder");
        std::fs::write(&path, content).expect("files can be written in a fresh folder");
        path
    }
}

impl Default for TempData {
    fn default() -> Self {
        Self::new()
    }
}
