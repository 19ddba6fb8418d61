//! Getting the right model into a worker: the checks before, the start, the load.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nexus_llm::{LocalError, ModelEvent};
use nexus_protocol::ModelActivity;
use nexus_protocol::worker::{CallFormat, WorkerError, WorkerReply, WorkerRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Events};
use super::backend::Backend;
use super::link::{Ended, Step, lost_to, refused};
use super::process::Process;
use super::spawner::Spawner;
use crate::gguf::{self, DEFAULT_CONTEXT_TOKENS, GgufSummary};
use crate::memory;

/// A worker with a model in it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) process: Process,
    pub(super) path: PathBuf,
    identity: Identity,
    summary: GgufSummary,
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
            .saturating_add(self.summary.cache_bytes(tokens));
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
        let summary = inspect(path).await.map_err(refused)?;
        let context_tokens = wanted_context.min(summary.context_length);
        let available = memory::available();
        let backend = Backend::choose(&summary.architecture, self.options.llama_program.is_some());
        let plan = match backend {
            Backend::Mistral => memory::plan(
                &summary,
                context_tokens,
                self.options.weights.wish(),
                available,
                self.options.limits.prefix_bytes,
            ),
            Backend::Llama => memory::plan_mapped(&summary, context_tokens, available),
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
            summary,
        };
        let patience =
            self.options.limits.load + Duration::from_secs(loading.summary.file_bytes / 20_000_000);
        let call_format = loading.summary.call_format.unwrap_or_default();
        self.loaded = Some(loading);
        self.load(
            path,
            context_tokens,
            // llama.cpp keeps the last conversation in the context it has reserved anyway.
            plan.prefix_bytes > 0 || backend == Backend::Llama,
            call_format,
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
        context_tokens: u32,
        keep_prefixes: bool,
        call_format: CallFormat,
        cancel: &CancellationToken,
        patience: Duration,
    ) -> Result<(), Ended> {
        let Some(path_text) = path.to_str() else {
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
            call_format,
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
                    WorkerError::Load { reason } => refused(LocalError::NotGguf {
                        path: path.display().to_string(),
                        reason: format!("the engine refused it: {reason}"),
                    }),
                    other => lost_to(format!("It could not load the model: {other:?}.")),
                })
            }
            Step::Reply(other) => Err(self.out_of_turn(&other).await),
            step => Err(self.lose(step).await),
        }
    }
}

async fn identity(path: &Path) -> Result<Identity, LocalError> {
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

async fn inspect(path: &Path) -> Result<GgufSummary, LocalError> {
    let refuse = |reason: String| LocalError::NotGguf {
        path: path.display().to_string(),
        reason,
    };
    let owned = path.to_owned();
    let summary = tokio::task::spawn_blocking(move || gguf::inspect(&owned))
        .await
        .map_err(|error| refuse(format!("its check failed: {error}")))??;
    if !summary.has_chat_template {
        return Err(refuse(
            "it has no chat template, so it cannot answer messages; choose an “Instruct” or “Chat” model".to_owned(),
        ));
    }
    Ok(summary)
}
