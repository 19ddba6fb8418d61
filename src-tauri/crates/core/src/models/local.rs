//! Local models: the folders under `models/`, what their files say of themselves, and the starter model.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use nexus_llm::LocalError;
use nexus_protocol::{ErrorCard, ModelInfo, ModelRef};
use nexus_worker_client::{
    gguf::{self, GgufSummary},
    starter::{self, STARTER},
};

use super::files::{self, Place};
use crate::cards;

/// A local model.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalModel {
    /// Its file.
    pub path: PathBuf,
    /// What is known of it.
    pub info: ModelInfo,
}

/// A file as it was when it was looked at.
type Seen = (PathBuf, Option<SystemTime>, u64);

/// The models folder.
#[derive(Clone)]
pub struct LocalModels {
    folder: PathBuf,
    starter: Arc<Vec<PathBuf>>,
    summaries: Arc<Mutex<HashMap<Seen, Result<GgufSummary, LocalError>>>>,
    /// One import at a time: two of the same name would race for the folder.
    importing: Arc<tokio::sync::Mutex<()>>,
}

impl LocalModels {
    /// Over a folder; `starter` are places where the starter's file may be.
    pub fn new(folder: PathBuf, starter: Vec<PathBuf>) -> Self {
        Self {
            folder,
            starter: Arc::new(starter),
            summaries: Arc::default(),
            importing: Arc::default(),
        }
    }

    /// The file that the starter model is installed from.
    pub fn starter_file(&self) -> Option<&Path> {
        self.starter
            .iter()
            .find(|path| path.is_file())
            .map(PathBuf::as_path)
    }

    /// All files, by name; a file that is no usable model has its error.
    pub async fn scan(&self) -> Vec<Result<LocalModel, ErrorCard>> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.scan_now())
            .await
            .unwrap_or_else(|error| vec![Err(cards::internal(error))])
    }

    fn scan_now(&self) -> Vec<Result<LocalModel, ErrorCard>> {
        files::models_in(&self.folder)
            .into_iter()
            .map(|(name, path)| {
                self.inspect(&path)
                    .map(|summary| describe(&name, path, &summary))
                    .map_err(|error| error.card())
            })
            .collect()
    }

    /// A model by its name; its file is checked only if it is new.
    pub async fn find(&self, model: &ModelRef) -> Result<Option<LocalModel>, ErrorCard> {
        let (this, wanted) = (self.clone(), model.model().to_owned());
        tokio::task::spawn_blocking(move || {
            let found = files::models_in(&this.folder)
                .into_iter()
                .find(|(name, _)| *name == wanted);
            found
                .map(|(name, path)| {
                    let summary = this.inspect(&path).map_err(|error| error.card())?;
                    Ok(describe(&name, path, &summary))
                })
                .transpose()
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Reads the header once for each state of the file.
    fn inspect(&self, path: &Path) -> Result<GgufSummary, LocalError> {
        let data = std::fs::metadata(path).ok();
        let seen = (
            path.to_path_buf(),
            data.as_ref().and_then(|data| data.modified().ok()),
            data.map_or(0, |data| data.len()),
        );
        let known = self.lock().get(&seen).cloned();
        known.unwrap_or_else(|| {
            let summary = gguf::inspect(path);
            let mut summaries = self.lock();
            summaries.retain(|(other, ..), _| other != path);
            summaries.insert(seen, summary.clone());
            summary
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Seen, Result<GgufSummary, LocalError>>> {
        self.summaries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Links or copies a file into the folder, checked first. The same file again is the same model.
    pub async fn import(&self, source: PathBuf) -> Result<LocalModel, ErrorCard> {
        let _one = self.importing.lock().await;
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            // Links are followed here, so that the check and the copy are about the same file.
            let source = std::fs::canonicalize(&source).map_err(|_| {
                LocalError::FileMissing {
                    path: source.display().to_string(),
                }
                .card()
            })?;
            gguf::inspect(&source).map_err(|error| error.card())?;
            let (name, path) = files::bring_in(&this.folder, &source, &Place::Free, |_| Ok(()))?;
            let summary = this.inspect(&path).map_err(|error| error.card())?;
            Ok(describe(&name, path, &summary))
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Puts the starter model in place; what is there already stays.
    pub async fn install_starter(&self) -> Result<LocalModel, ErrorCard> {
        let _one = self.importing.lock().await;
        if let Some(found) = self.find(&super::starter_ref()).await? {
            return Ok(found);
        }
        let Some(source) = self.starter_file().map(Path::to_path_buf) else {
            return Err(cards::no_model(
                &super::starter_ref(),
                "The starter model did not come with this build; `cargo xtask setup` fetches it.",
            ));
        };
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let place = Place::Fixed {
                folder: STARTER.id.to_string(),
                file: STARTER.file_name.to_string(),
            };
            // The bytes that stay are the bytes that are checked.
            let (name, path) = files::bring_in(&this.folder, &source, &place, |path| {
                starter::verify(path).map_err(|error| error.card())
            })?;
            let summary = this.inspect(&path).map_err(|error| error.card())?;
            Ok(describe(&name, path, &summary))
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Deletes a model's file, and its folder if nothing else is in it.
    pub async fn remove(&self, model: &LocalModel) -> Result<(), ErrorCard> {
        let path = model.path.clone();
        tokio::task::spawn_blocking(move || {
            std::fs::remove_file(&path)
                .map_err(|error| cards::storage("The model could not be removed", &error))?;
            if let Some(folder) = path.parent() {
                // A folder that holds something else stays.
                let _ = std::fs::remove_dir(folder);
            }
            Ok(())
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }
}

fn describe(name: &str, path: PathBuf, summary: &GgufSummary) -> LocalModel {
    let model = ModelRef::new(ModelRef::LOCAL, name);
    let display_name = if model == super::starter_ref() {
        STARTER.display_name.to_string()
    } else {
        summary
            .name
            .clone()
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| name.to_owned())
    };
    LocalModel {
        path,
        info: summary.model_info(model, display_name),
    }
}
