//! Getting the right model into a worker: the checks before, the start, the load.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nexus_llm::{LocalError, ModelEvent};
use nexus_protocol::ModelActivity;
use nexus_protocol::worker::{ModelSource, WorkerError, WorkerReply, WorkerRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Events};
use super::backend::Backend;
use super::link::{Ended, Step, lost_to, refused};
use super::process::Process;
use super::spawner::Spawner;
use crate::folder;
use crate::gguf::{self, DEFAULT_CONTEXT_TOKENS};
use crate::memory;
use crate::model_file::ModelFile;

/// A worker with a model in it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) process: Process,
    pub(super) path: PathBuf,
    identity: Identity,
    file: ModelFile,
    /// As asked for.
    wanted_context: u32,
    /// As the worker keeps to.
    pub(super) context_tokens: u32,
    prefix_budget: u64,
    prefix_used: u64,
}

impl Loaded {
    /// Notes that a conversation of `tokens` tokens stays in the worker's memory.
    pub(super) fn keeps(&mut self, tokens: u64) {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        self.prefix_used = self
            .prefix_used
            .saturating_add(self.file.cache_bytes(tokens));
    }

    pub(super) fn is_full(&self) -> bool {
        self.prefix_budget > 0 && self.prefix_used > self.prefix_budget
    }
}

/// What tells one content of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Actor {
    /// Sees to it that the model in `path` is loaded.
    pub(super) async fn ready(
        &mut self,
        path: &Path,
        context: Option<u32>,
        cancel: &CancellationToken,
        events: Option<&Events>,
    ) -> Result<(), Ended> {
        let wanted_context = context.unwrap_or(DEFAULT_CONTEXT_TOKENS).max(1);
        let identity = identity(path).await.map_err(refused)?;
        if let Some(loaded) = &self.loaded
            && loaded.path == path
            && loaded.identity == identity
            && loaded.wanted_context == wanted_context
        {
            return Ok(());
        }
        self.unload().await;
        if let Some(reason) = self.breaker.refusal(path, Instant::now()) {
            return Err(refused(LocalError::WorkerDied { reason }));
        }
        if let Some(events) = events {
            let _left = events.send(Ok(ModelEvent::Activity(ModelActivity::Loading)));
        }
        let started = Instant::now();
        let file = inspect(path).await.map_err(refused)?;
        let context_tokens = wanted_context.min(file.context_length());
        let available = memory::available();
        let backend = Backend::choose(file.architecture(), self.options.llama_program.is_some());
        let (plan, source) = match (backend, &file) {
            (Backend::Llama, ModelFile::Gguf(summary)) => {
                memory::plan_mapped(summary, context_tokens, available)
                    .map(|plan| (plan, ModelSource::Gguf))
            }
            _ => file.plan(
                context_tokens,
                self.options.weights.wish(),
                available,
                self.options.limits.prefix_bytes,
            ),
        }
        .map_err(refused)?;
        let process = self
            .start(backend, plan.weights, available)
            .await
            .map_err(refused)?;
        let loading = Loaded {
            process,
            path: path.to_owned(),
            identity,
            wanted_context,
            context_tokens,
            prefix_budget: plan.prefix_bytes,
            prefix_used: 0,
            file,
        };
        let patience =
            self.options.limits.load + Duration::from_secs(loading.file.file_bytes() / 20_000_000);
        self.loaded = Some(loading);
        self.load(
            path,
            source,
            context_tokens,
            // llama.cpp keeps the last conversation in the context it has reserved anyway.
            plan.prefix_bytes > 0 || backend == Backend::Llama,
            cancel,
            patience,
        )
        .await?;
        self.loaded_path.send_replace(Some(path.to_owned()));
        tracing::info!(
            ms = started.elapsed().as_millis(),
            ?backend,
            weights = ?plan.weights,
            context_tokens,
            "a local model was loaded"
        );
        Ok(())
    }

    async fn start(
        &mut self,
        backend: Backend,
        weights: gguf::Weights,
        memory: Option<u64>,
    ) -> Result<Process, LocalError> {
        let program = backend.program(&self.options).to_owned();
        if !program.is_file() {
            return Err(LocalError::WorkerMissing {
                path: program.display().to_string(),
            });
        }
        let cannot = |error: std::io::Error| LocalError::WorkerDied {
            reason: format!("It could not be started: {error}."),
        };
        let spawner = match self.spawner.take() {
            Some(spawner) => spawner,
            None => Spawner::start().map_err(cannot)?,
        };
        let process = Process::start(&program, &self.options, &spawner, weights, memory).await;
        self.spawner = Some(spawner);
        process.map_err(cannot)
    }

    async fn load(
        &mut self,
        path: &Path,
        source: ModelSource,
        context_tokens: u32,
        keep_prefixes: bool,
        cancel: &CancellationToken,
        patience: Duration,
    ) -> Result<(), Ended> {
        // Of a UQFF file the worker needs the folder, and the name within it.
        let place = match (&source, path.parent()) {
            (ModelSource::Uqff { .. }, Some(folder)) if path.is_file() => folder,
            _ => path,
        };
        let Some(path_text) = place.to_str() else {
            self.unload().await;
            return Err(refused(LocalError::NotGguf {
                path: path.display().to_string(),
                reason: "its path is not valid Unicode; move it elsewhere".to_owned(),
            }));
        };
        self.send(&WorkerRequest::Load {
            path: path_text.to_owned(),
            context_tokens,
            keep_prefixes,
            source,
        })
        .await?;
        let deadline = Instant::now() + patience;
        match self.step(cancel, deadline, patience).await {
            Step::Reply(WorkerReply::Loaded { context_tokens, .. }) => {
                if let Some(loaded) = &mut self.loaded {
                    loaded.context_tokens = context_tokens;
                }
                Ok(())
            }
            Step::Reply(WorkerReply::LoadFailed { error }) => {
                self.kill().await;
                Err(match error {
                    WorkerError::Load { reason } => {
                        refused(not_read(path, format!("the engine refused it: {reason}")))
                    }
                    other => lost_to(format!("It could not load the model: {other:?}.")),
                })
            }
            Step::Reply(other) => Err(self.out_of_turn(&other).await),
            step => Err(self.lose(step).await),
        }
    }
}

/// No model, in the words for its form.
fn not_read(path: &Path, reason: String) -> LocalError {
    let shown = path.display().to_string();
    if folder::is_one(path) {
        LocalError::BadFolder {
            path: shown,
            reason,
        }
    } else {
        LocalError::NotGguf {
            path: shown,
            reason,
        }
    }
}

async fn identity(path: &Path) -> Result<Identity, LocalError> {
    if path.is_dir() {
        let owned = path.to_owned();
        return tokio::task::spawn_blocking(move || folder_identity(&owned))
            .await
            .map_err(|error| not_read(path, format!("it could not be examined: {error}")));
    }
    let metadata = tokio::fs::metadata(path)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                LocalError::FileMissing {
                    path: path.display().to_string(),
                }
            }
            _ => LocalError::NotGguf {
                path: path.display().to_string(),
                reason: format!("it could not be examined: {error}"),
            },
        })?;
    Ok(Identity {
        bytes: metadata.len(),
        modified: metadata.modified().ok(),
    })
}

/// Of a folder: the bytes of all its files, and when the newest was changed.
fn folder_identity(folder: &Path) -> Identity {
    let mut identity = Identity {
        bytes: 0,
        modified: None,
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for metadata in entries
        .take(folder::limits::ENTRIES)
        .filter_map(|entry| std::fs::metadata(entry.path()).ok())
    {
        identity.bytes = identity.bytes.saturating_add(metadata.len());
        identity.modified = identity.modified.max(metadata.modified().ok());
    }
    identity
}

async fn inspect(path: &Path) -> Result<ModelFile, LocalError> {
    let refuse = |reason: String| not_read(path, reason);
    let owned = path.to_owned();
    let file = tokio::task::spawn_blocking(move || ModelFile::inspect(&owned))
        .await
        .map_err(|error| refuse(format!("its check failed: {error}")))??;
    if !file.has_chat_template() && !file.is_embedding() {
        return Err(refuse(
            "it has no chat template, so it cannot answer messages; choose an “Instruct” or “Chat” model".to_owned(),
        ));
    }
    Ok(file)
}
