//! Local models: the folders under `models/`, what their files say of themselves, and the starter model.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use nexus_llm::LocalError;
use nexus_protocol::{ChoiceState, ErrorCard, ImportMode, ModelInfo, ModelRef, ModelRemoved};
use nexus_worker_client::{
    gguf::{self, GgufSummary},
    starter::{self, STARTER},
};

use super::{
    catalogue,
    files::{self, Place},
    folder::ModelsFolder,
    origin::Origin,
    shelf::Shelved,
    split,
};
use crate::cards;

/// A local model.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalModel {
    /// Its file.
    pub path: PathBuf,
    /// What is known of it.
    pub info: ModelInfo,
    /// What its header says.
    pub summary: GgufSummary,
    /// Where it was fetched from.
    pub origin: Option<Origin>,
}

/// A file that is no usable model.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenFile {
    /// The name that it would have.
    pub model: ModelRef,
    /// It.
    pub path: PathBuf,
    /// Why.
    pub error: ErrorCard,
}

/// A file of the folder: a model, or why it is none.
pub type Scanned = Result<LocalModel, Box<BrokenFile>>;

/// A file as it was when it was looked at.
type Seen = (PathBuf, Option<SystemTime>, u64);

/// The models folder.
#[derive(Clone)]
pub struct LocalModels {
    folder: ModelsFolder,
    starter: Arc<Vec<PathBuf>>,
    summaries: Arc<Mutex<HashMap<Seen, Result<GgufSummary, LocalError>>>>,
    /// One import at a time: two of the same name would race for the folder.
    importing: Arc<tokio::sync::Mutex<()>>,
}

impl LocalModels {
    /// Over a folder; `starter` are places where the starter's file may be.
    pub fn new(folder: ModelsFolder, starter: Vec<PathBuf>) -> Self {
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
    pub async fn scan(&self) -> Vec<Scanned> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.scan_now())
            .await
            .unwrap_or_else(|error| {
                // A fault of ours; there is nothing to show but that.
                let _said = cards::internal(error);
                Vec::new()
            })
    }

    fn scan_now(&self) -> Vec<Scanned> {
        files::models_in(&self.folder.path())
            .into_iter()
            .map(|(name, path)| match self.inspect(&path) {
                Ok(summary) => Ok(describe(&name, path, summary)),
                Err(error) => Err(Box::new(BrokenFile {
                    model: ModelRef::new(ModelRef::LOCAL, &name),
                    path,
                    error: error.card(),
                })),
            })
            .collect()
    }

    /// What is here, to compare with what the hub has.
    pub async fn shelved(&self) -> Vec<Shelved> {
        let models = self.scan().await.into_iter().flatten();
        let mut shelved: Vec<Shelved> = models
            .map(|found| {
                let name = found.path.file_name().unwrap_or_default();
                let starter = found.info.model == super::starter_ref();
                Shelved {
                    model: match &found.origin {
                        Some(origin) => Some(origin.model.to_string()),
                        None if starter => {
                            catalogue::by_name(STARTER.id).map(|entry| entry.model.clone())
                        }
                        None => None,
                    },
                    file: match &found.origin {
                        Some(origin) => origin.file.clone(),
                        None => name.to_string_lossy().into_owned(),
                    },
                    size: found.summary.file_bytes,
                    sha256: match &found.origin {
                        // A file that was changed since is another.
                        Some(origin) if origin.weight_bytes() == found.summary.file_bytes => {
                            Some(origin.sha256)
                        }
                        None if starter => STARTER.sha256.parse().ok(),
                        _ => None,
                    },
                    state: ChoiceState::Here {
                        model: found.info.model,
                    },
                }
            })
            .collect();
        // What is known to the byte comes before what has the same name.
        shelved.sort_by_key(|shelved| shelved.sha256.is_none());
        shelved
    }

    /// A model by its name; its file is checked only if it is new.
    pub async fn find(&self, model: &ModelRef) -> Result<Option<LocalModel>, ErrorCard> {
        let (this, wanted) = (self.clone(), model.model().to_owned());
        tokio::task::spawn_blocking(move || {
            let found = files::models_in(&this.folder.path())
                .into_iter()
                .find(|(name, _)| *name == wanted);
            found
                .map(|(name, path)| {
                    let summary = this.inspect(&path).map_err(|error| error.card())?;
                    Ok(describe(&name, path, summary))
                })
                .transpose()
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Reads the header once for each state of the file.
    fn inspect(&self, path: &Path) -> Result<GgufSummary, LocalError> {
        let (modified, bytes) = split::state_of(path);
        let seen = (path.to_path_buf(), modified, bytes);
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
    pub async fn import(
        &self,
        source: PathBuf,
        place: Place,
        mode: ImportMode,
    ) -> Result<LocalModel, ErrorCard> {
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
            let (name, path) =
                files::bring_in(&this.folder.path(), &source, &place, mode, |_| Ok(()))?;
            let summary = this.inspect(&path).map_err(|error| error.card())?;
            Ok(describe(&name, path, summary))
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
            let (name, path) = files::bring_in(
                &this.folder.path(),
                &source,
                &place,
                ImportMode::Either,
                |path| starter::verify(path).map_err(|error| error.card()),
            )?;
            let summary = this.inspect(&path).map_err(|error| error.card())?;
            Ok(describe(&name, path, summary))
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Deletes a model's file, and its folder if nothing else is in it.
    pub async fn remove(&self, path: PathBuf) -> Result<ModelRemoved, ErrorCard> {
        let folder = self.folder.path();
        tokio::task::spawn_blocking(move || files::remove(&folder, &path))
            .await
            .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Held while files come or go by the move of the folder: imports wait.
    pub async fn hold(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.importing).lock_owned().await
    }

    /// A file of the folder by the name of its model, usable or not.
    pub async fn file(&self, model: &ModelRef) -> Option<PathBuf> {
        let (folder, wanted) = (self.folder.path(), model.model().to_owned());
        let found = tokio::task::spawn_blocking(move || {
            files::models_in(&folder)
                .into_iter()
                .find(|(name, _)| *name == wanted)
        });
        Some(found.await.ok()??.1)
    }
}

fn describe(name: &str, path: PathBuf, summary: GgufSummary) -> LocalModel {
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
    // The note beside a file is about that file only.
    let origin = path.parent().and_then(Origin::read).filter(|origin| {
        let name = path.file_name().and_then(|name| name.to_str());
        origin.file.rsplit('/').next() == name
    });
    LocalModel {
        path,
        info: summary.model_info(model, display_name),
        summary,
        origin,
    }
}
