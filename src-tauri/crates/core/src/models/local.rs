//! Local models: what lies under `models/`, what it says of itself, and the starter model.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use nexus_llm::LocalError;
use nexus_protocol::{ChoiceState, ErrorCard, ImportMode, ModelInfo, ModelRef, ModelRemoved};
use nexus_worker_client::{
    ModelFile, folder,
    starter::{self, STARTER},
};

use super::{
    catalogue,
    files::{self, Place, Source},
    folder::ModelsFolder,
    listing::models_in,
    origin::Origin,
    removal,
    shelf::Shelved,
    split,
};
use crate::cards;

/// A local model.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalModel {
    /// Its file or folder.
    pub path: PathBuf,
    /// What is known of it.
    pub info: ModelInfo,
    /// What it says of itself.
    pub file: ModelFile,
    /// Where it was fetched from.
    pub origin: Option<Origin>,
}

/// A file or folder that is no usable model.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenFile {
    /// The name that it would have.
    pub model: ModelRef,
    /// It.
    pub path: PathBuf,
    /// Why.
    pub error: ErrorCard,
}

/// What lies in the folder: a model, or why it is none.
pub type Scanned = Result<LocalModel, Box<BrokenFile>>;

/// A file or folder as it was when it was looked at.
type Seen = (PathBuf, Option<SystemTime>, u64);

/// The models folder.
#[derive(Clone)]
pub struct LocalModels {
    folder: ModelsFolder,
    starter: Arc<Vec<PathBuf>>,
    summaries: Arc<Mutex<HashMap<Seen, Result<ModelFile, LocalError>>>>,
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
        models_in(&self.folder.path())
            .into_iter()
            .map(|(name, path)| match self.inspect(&path) {
                Ok(file) => Ok(describe(&name, path, file)),
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
                    size: found.file.file_bytes(),
                    sha256: match &found.origin {
                        // A file that was changed since is another.
                        Some(origin) if origin.weight_bytes() == found.file.file_bytes() => {
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
            let found = models_in(&this.folder.path())
                .into_iter()
                .find(|(name, _)| *name == wanted);
            found
                .map(|(name, path)| {
                    let file = this.inspect(&path).map_err(|error| error.card())?;
                    Ok(describe(&name, path, file))
                })
                .transpose()
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Looks once at each state of a file or folder.
    fn inspect(&self, path: &Path) -> Result<ModelFile, LocalError> {
        let folder = match std::fs::metadata(path) {
            Ok(data) if data.is_dir() => Some(path),
            // What lies beside it counts.
            _ if folder::is_uqff(path) => path.parent(),
            _ => None,
        };
        let (bytes, changed) = match folder {
            Some(folder) => folder::state(folder),
            None => split::state_of(path),
        };
        let seen = (path.to_path_buf(), changed, bytes);
        let known = self.lock().get(&seen).cloned();
        known.unwrap_or_else(|| {
            let file = ModelFile::inspect(path);
            let mut summaries = self.lock();
            summaries.retain(|(other, ..), _| other != path);
            summaries.insert(seen, file.clone());
            file
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Seen, Result<ModelFile, LocalError>>> {
        self.summaries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Links or copies a file or a folder into the folder, checked first. The same again is the same model.
    pub async fn import(
        &self,
        source: PathBuf,
        place: Place,
        mode: ImportMode,
    ) -> Result<LocalModel, ErrorCard> {
        let _one = self.importing.lock().await;
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let source = Source::of(&source).map_err(|_| {
                LocalError::FileMissing {
                    path: source.display().to_string(),
                }
                .card()
            })?;
            ModelFile::inspect(source.path()).map_err(|error| error.card())?;
            let (name, path) =
                files::bring_in(&this.folder.path(), &source, &place, mode, |_| Ok(()))?;
            let file = this.inspect(&path).map_err(|error| error.card())?;
            Ok(describe(&name, path, file))
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
        let Some(source) = self.starter_file() else {
            return Err(cards::no_model(
                &super::starter_ref(),
                "The starter model did not come with this build; `cargo xtask setup` fetches it.",
            ));
        };
        let (this, source) = (self.clone(), Source::File(source.to_path_buf()));
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
            let file = this.inspect(&path).map_err(|error| error.card())?;
            Ok(describe(&name, path, file))
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Deletes a model, and its folder if nothing else is in it.
    pub async fn remove(&self, path: PathBuf) -> Result<ModelRemoved, ErrorCard> {
        let folder = self.folder.path();
        tokio::task::spawn_blocking(move || removal::remove(&folder, &path))
            .await
            .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Held while files come or go by the move of the folder: imports wait.
    pub async fn hold(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.importing).lock_owned().await
    }

    /// What lies in the folder under the name of a model, usable or not.
    pub async fn file(&self, model: &ModelRef) -> Option<PathBuf> {
        let (folder, wanted) = (self.folder.path(), model.model().to_owned());
        let found = tokio::task::spawn_blocking(move || {
            models_in(&folder)
                .into_iter()
                .find(|(name, _)| *name == wanted)
        });
        Some(found.await.ok()??.1)
    }
}

fn describe(name: &str, path: PathBuf, file: ModelFile) -> LocalModel {
    let model = ModelRef::new(ModelRef::LOCAL, name);
    let display_name = if model == super::starter_ref() {
        STARTER.display_name.to_string()
    } else {
        file.name()
            .filter(|name| !name.trim().is_empty())
            .unwrap_or(name)
            .to_owned()
    };
    // The note beside a file is about that file only; one in a folder, about its weights.
    let names: Vec<PathBuf> = match &file {
        ModelFile::Gguf(_) => vec![path.clone()],
        ModelFile::Folder(_) => folder::weight_files(&path),
    };
    let beside = names.first().and_then(|file| file.parent());
    let origin = beside.and_then(Origin::read).filter(|origin| {
        let fetched = origin.file.rsplit('/').next();
        names
            .iter()
            .any(|file| file.file_name().and_then(|name| name.to_str()) == fetched)
    });
    LocalModel {
        path,
        info: file.model_info(model, display_name),
        file,
        origin,
    }
}
