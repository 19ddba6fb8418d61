//! Where the models folder is: the settings may move it while the app runs.
//!
//! Owns the path. Refuses to own what is in it (`files`) and moving that (`moving`).

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use nexus_protocol::Settings;

/// The models folder. Clones follow it.
#[derive(Clone, Debug)]
pub struct ModelsFolder(Arc<RwLock<PathBuf>>);

impl ModelsFolder {
    /// At this path.
    pub fn new(path: PathBuf) -> Self {
        Self(Arc::new(RwLock::new(path)))
    }

    /// As the settings say; `usual` is the one in the data folder.
    pub fn chosen(settings: &Settings, usual: &Path) -> PathBuf {
        match &settings.models_dir {
            Some(chosen) => PathBuf::from(chosen),
            None => usual.to_path_buf(),
        }
    }

    /// Where it is now.
    pub fn path(&self) -> PathBuf {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// It is here from now on; `false` where it was here already.
    pub fn set(&self, path: PathBuf) -> bool {
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let other = *now != path;
        *now = path;
        other
    }
}
