//! What the Models page asks of [`Models`]: the library, the hub's pages, other apps' models, the folder.
//!
//! Owns putting the parts together, each of which is decided elsewhere.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use nexus_protocol::{
    AppEvent, BrokenModel, Download, DownloadId, DownloadRequest, ErrorCard, FoundModel,
    HubDetails, HubPage, ImportMode, LocalModelView, LocalModels, Measured, ModelInfo, ModelRef,
    ModelRemoved, ModelSkills, ModelsPlace, MoveProgress,
};
use nexus_worker_client::{Backend, ModelFile, folder, memory};
use serde_json::Value;

use super::{
    Models,
    files::Place,
    fit::{self, Machine},
    folder::ModelsFolder,
    found,
    local::{LocalModel, Scanned},
    missing, moving, removal,
    shelf::Shelf,
};
use crate::cards;

/// Between two reports of a move.
const REPORT: std::time::Duration = std::time::Duration::from_millis(250);

/// Weights of a model whose speed says what a larger one will have: of smaller ones other work takes most of the time.
const TELLING_BYTES: u64 = 400_000_000;

/// The folder, and the machine as it shows in what runs here.
struct Survey {
    machine: Machine,
    models: Vec<(Scanned, Option<Measured>)>,
}

/// What the engine is given: links are followed, so that a worker may see that and no other. A file in UQFF keeps its name, and
/// with it what lies beside it.
pub fn real(path: &Path) -> PathBuf {
    let real = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if folder::is_uqff(path) => {
            std::fs::canonicalize(folder).map(|folder| folder.join(name))
        }
        _ => std::fs::canonicalize(path),
    };
    real.unwrap_or_else(|_| path.to_path_buf())
}

/// Of a file that may be a link, or of all that is in a folder.
fn size(path: &Path) -> u64 {
    match std::fs::metadata(path) {
        Ok(data) if data.is_dir() => removal::bytes_here(&real(path)),
        Ok(data) => data.len(),
        Err(_) => 0,
    }
}

fn view(
    found: LocalModel,
    measured: Option<Measured>,
    machine: &Machine,
    loaded: bool,
) -> LocalModelView {
    let context = found.info.context_tokens.unwrap_or_default();
    let estimate = fit::estimate_file(&found.file, context, machine);
    LocalModelView {
        linked: removal::is_linked(&found.path),
        origin: found.origin.as_ref().map(|origin| origin.view()),
        skills: ModelSkills {
            tools: found.info.tools,
            vision: found.info.images,
            reasoning: false,
            embedding: found.file.is_embedding(),
        },
        fit: fit::judge(estimate, measured.as_ref(), machine),
        measured,
        loaded,
        path: found.path.display().to_string(),
        info: found.info,
    }
}

impl Models {
    /// Models by words, by name or by address; without words those of the built-in catalogue.
    pub async fn search(&self, query: &str, cursor: Option<&str>) -> Result<HubPage, ErrorCard> {
        let (machine, shelf) = futures::join!(self.machine(), self.shelf());
        self.hub.search(query, cursor, &machine, &shelf).await
    }

    /// One model with its files; `context` is what the memory is reckoned for.
    pub async fn details(&self, id: &str, context: Option<u32>) -> Result<HubDetails, ErrorCard> {
        let (machine, shelf) = futures::join!(self.machine(), self.shelf());
        self.hub.details(id, context, &machine, &shelf).await
    }

    /// What is in the models folder, with all that is known of it.
    pub async fn library(&self) -> LocalModels {
        let Survey { machine, models } = self.survey().await;
        let resident = self.engine.resident();
        let mut library = LocalModels::default();
        for (entry, measured) in models {
            match entry {
                Ok(found) => {
                    let loaded = resident.contains(&real(&found.path));
                    library.models.push(view(found, measured, &machine, loaded));
                }
                Err(broken) => library.broken.push(BrokenModel {
                    bytes: size(&broken.path),
                    model: broken.model,
                    path: broken.path.display().to_string(),
                    error: broken.error,
                }),
            }
        }
        library
    }

    /// Memory as it is now, and how quick this machine has shown itself.
    async fn machine(&self) -> Machine {
        self.survey().await.machine
    }

    async fn survey(&self) -> Survey {
        let (free, scanned) = futures::join!(
            tokio::task::spawn_blocking(memory::available),
            self.local.scan()
        );
        let mut models = Vec::new();
        for entry in scanned {
            let measured = match &entry {
                Ok(found) => self.measured(found).await,
                Err(_) => None,
            };
            models.push((entry, measured));
        }
        let mut machine = Machine {
            free: free.ok().flatten(),
            freed_by_unloading: 0,
            maps: self.maps,
            bytes_per_second: models
                .iter()
                .filter_map(|(entry, measured)| {
                    let ModelFile::Gguf(summary) = &entry.as_ref().ok()?.file else {
                        // What lies in memory of a folder is not what lies on the disk.
                        return None;
                    };
                    let bytes = summary.file_bytes;
                    let speed = measured.as_ref()?.answer_tokens_per_second?;
                    (bytes >= TELLING_BYTES).then_some(bytes as f64 * speed)
                })
                .reduce(f64::max),
        };
        let resident = self.engine.resident();
        machine.freed_by_unloading = models
            .iter()
            .filter_map(|(entry, _)| entry.as_ref().ok())
            .filter(|found| resident.contains(&real(&found.path)))
            .map(|found| {
                let context = found.info.context_tokens.unwrap_or_default();
                fit::estimate_file(&found.file, context, &machine).total
            })
            .sum();
        Survey { machine, models }
    }

    /// How a model did with the engine that it did best with: the engines' choice follows that too.
    async fn measured(&self, found: &LocalModel) -> Option<Measured> {
        let record = self.engine.record(&real(&found.path)).await.ok()?;
        let best = Backend::ALL
            .into_iter()
            .filter_map(|backend| record.measured(backend))
            .max_by(|a, b| {
                let speed = |one: &nexus_worker_client::Measured| one.answer_tokens_per_second;
                speed(a)
                    .unwrap_or_default()
                    .total_cmp(&speed(b).unwrap_or_default())
            })?;
        Some(Measured {
            load_ms: best.load_ms,
            prompt_tokens_per_second: best.prompt_tokens_per_second,
            answer_tokens_per_second: best.answer_tokens_per_second,
            peak_bytes: best.peak_bytes,
            backend: best.backend.to_string(),
        })
    }

    /// What of the hub's is here or on its way.
    async fn shelf(&self) -> Shelf {
        let (mut here, coming) = futures::join!(self.local.shelved(), self.downloads.shelved());
        here.extend(coming);
        Shelf(here)
    }

    /// Models of other apps on this disk.
    pub async fn found(&self) -> Result<Vec<FoundModel>, ErrorCard> {
        let (env, folder) = (Arc::clone(&self.env), self.folder.path());
        tokio::task::spawn_blocking(move || found::look(&env, &folder))
            .await
            .map_err(cards::internal)
    }

    /// Takes a model of another app in by a link: only one that [`Self::found`] names.
    pub async fn take(&self, path: PathBuf) -> Result<ModelInfo, ErrorCard> {
        let wanted = path.display().to_string();
        let found = self.found().await?;
        let Some(found) = found.into_iter().find(|found| found.path == wanted) else {
            return Err(cards::bad_input(
                "This model is not there any more",
                "The other app may have removed it. Look at the list again.",
            ));
        };
        // What another app calls it says more than the file's name, which may be a checksum.
        let place = Place::Named(found.name);
        let taken = self.local.import(path, place, ImportMode::Link).await?;
        self.events.tell(AppEvent::LocalModelsChanged);
        Ok(taken.info)
    }

    /// Takes a file or a folder of the user's own into the models folder.
    pub async fn import(&self, path: PathBuf, mode: ImportMode) -> Result<ModelInfo, ErrorCard> {
        let imported = self.local.import(path, Place::Free, mode).await?;
        self.events.tell(AppEvent::LocalModelsChanged);
        Ok(imported.info)
    }

    /// Deletes a local model, also one that cannot be used. The model leaves the memory first.
    pub async fn remove(&self, model: &ModelRef) -> Result<ModelRemoved, ErrorCard> {
        if !model.is_local() {
            return Err(cards::bad_input(
                "Only models on this machine can be removed",
                format!("{model} is a provider's. Remove its provider in Settings instead."),
            ));
        }
        let path = self.local.file(model).await.ok_or_else(|| missing(model))?;
        if self.engine.resident().contains(&real(&path)) {
            self.engine.unload().await;
        }
        let removed = self.local.remove(path).await?;
        self.events.tell(AppEvent::LocalModelsChanged);
        Ok(removed)
    }

    /// Where models are kept and come from.
    pub async fn place(&self) -> Result<ModelsPlace, ErrorCard> {
        let provider = self.providers.hub();
        let token = self.providers.status(&provider).await;
        let folder = self.folder.path();
        let free_space = self.limits.free_space;
        let scanned = self.local.scan().await;
        let (free_bytes, used_bytes, folder) = tokio::task::spawn_blocking(move || {
            let paths = scanned.into_iter().map(|entry| match entry {
                Ok(found) => found.path,
                Err(broken) => broken.path,
            });
            let paths: Vec<PathBuf> = paths.collect();
            // What lies in a folder that is a model itself is counted with that.
            let within = |path: &&PathBuf| {
                let mut above = path.ancestors().skip(1);
                above.any(|folder| paths.iter().any(|other| other == folder))
            };
            let counted = paths.iter().filter(|path| !within(path));
            let used = counted.map(|path| removal::bytes_here(path)).sum();
            (free_space(&folder).ok(), used, folder)
        })
        .await
        .map_err(cards::internal)?;
        Ok(ModelsPlace {
            folder: folder.display().to_string(),
            fixed: self.fixed(),
            free_bytes,
            used_bytes,
            hub_url: self.hub.base(),
            token,
        })
    }

    fn fixed(&self) -> bool {
        let names = self.settings.current().from_environment;
        names.iter().any(|name| name == "models_dir")
    }

    /// Moves the folder with all models in it. Nothing is fetched, imported or removed meanwhile, and none is in memory.
    pub async fn relocate(&self, to: PathBuf) -> Result<ModelsPlace, ErrorCard> {
        if self.fixed() {
            return Err(cards::bad_input(
                "The models folder cannot be moved here",
                "The environment variable NEXUS_MODELS_DIR names it. Unset it and start the app again.",
            ));
        }
        let closed = self.downloads.close().await?;
        let held = self.local.hold().await;
        self.engine.unload().await;
        let (from, limits) = (self.folder.path(), self.limits.clone());
        let (events, target) = (Arc::clone(&self.events), to.display().to_string());
        let mut reported: Option<Instant> = None;
        let moved = tokio::task::spawn_blocking(move || {
            moving::relocate(&from, &to, &limits, |done, total| {
                let due = reported.is_none_or(|last| last.elapsed() >= REPORT);
                if due || done == total {
                    reported = Some(Instant::now());
                    events.tell(AppEvent::ModelsMoving {
                        progress: MoveProgress {
                            to: target.clone(),
                            done,
                            total,
                        },
                    });
                }
            })
        })
        .await
        .map_err(cards::internal)??;
        let folder = moved.folder().to_path_buf();
        let setting = Value::String(folder.display().to_string());
        if let Err(error) = self.settings.set("models_dir", &setting) {
            tokio::task::spawn_blocking(move || moved.undo())
                .await
                .map_err(cards::internal)?;
            return Err(cards::settings(&error));
        }
        self.turn_to(folder);
        tokio::task::spawn_blocking(move || moved.finish())
            .await
            .map_err(cards::internal)?;
        drop((closed, held));
        self.events.tell(AppEvent::LocalModelsChanged);
        self.place().await
    }

    /// Follows the settings: the folder may have been changed by hand.
    pub fn follow(&self, settings: &nexus_protocol::Settings, usual: &Path) {
        if self.turn_to(ModelsFolder::chosen(settings, usual)) {
            self.events.tell(AppEvent::LocalModelsChanged);
        }
    }

    fn turn_to(&self, folder: PathBuf) -> bool {
        if let Err(error) = std::fs::create_dir_all(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "the models folder cannot be made");
        }
        let other = self.folder.set(folder.clone());
        if other && self.watch.is_on() {
            self.watch.turn_to(&folder);
        }
        other
    }

    /// Begins to tell what comes into the folder and leaves it.
    pub fn watch(&self) {
        if self.watch.is_on() {
            return;
        }
        let (watch, folder) = (self.watch.clone(), self.folder.path());
        // A folder on a network takes its time.
        tokio::task::spawn_blocking(move || watch.turn_to(&folder));
    }

    /// Where the models are now.
    pub fn folder(&self) -> PathBuf {
        self.folder.path()
    }

    /// All downloads.
    pub async fn downloads(&self) -> Result<Vec<Download>, ErrorCard> {
        self.downloads.list().await
    }

    /// Fetches a choice, or goes on with it.
    pub async fn download(&self, request: DownloadRequest) -> Result<Download, ErrorCard> {
        self.downloads.start(request).await
    }

    /// Stops one and keeps what came.
    pub async fn pause(&self, id: DownloadId) -> Result<Download, ErrorCard> {
        self.downloads.pause(id).await
    }

    /// Stops all and keeps what came.
    pub async fn pause_all(&self) {
        self.downloads.pause_all().await;
    }

    /// Goes on with one.
    pub async fn resume(&self, id: DownloadId) -> Result<Download, ErrorCard> {
        self.downloads.resume(id).await
    }

    /// Stops one and removes what came.
    pub async fn cancel(&self, id: DownloadId) -> Result<(), ErrorCard> {
        self.downloads.cancel(id).await
    }
}
