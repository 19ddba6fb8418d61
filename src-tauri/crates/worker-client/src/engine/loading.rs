//! Getting the right model into a worker: the checks before, the start, the load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_llm::{LocalError, ModelError, ModelEvent, WorkerDeath};
use nexus_protocol::ModelActivity;
use nexus_protocol::worker::{CallFormat, ModelSource, WorkerError, WorkerReply, WorkerRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Job};
use super::backend::Backend;
use super::chooser::{Chosen, Subject};
use super::death::Obituary;
use super::link::{Ended, Step, lost_to, misbehaved, refused};
use super::process::{Order, Process, usual_threads};
use super::records::Identity;
use super::scratch;
use super::spawner::Spawner;
use crate::folder;
use crate::gguf::{self, DEFAULT_CONTEXT_TOKENS};
use crate::memory::{self, Plan};
use crate::model_file::ModelFile;

/// A worker with a model in it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) process: Process,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) chosen: Chosen,
    pub(super) file: ModelFile,
    /// The pin that it was chosen under: another one means another worker.
    pin: Option<Backend>,
    /// As asked for.
    wanted_context: u32,
    /// As the worker keeps to.
    pub(super) context_tokens: u32,
    /// Whether it answered that it has the model.
    pub(super) ready: bool,
    /// Whether a job is being done with it.
    pub(super) busy: bool,
    /// When it was used last.
    pub(super) used: Instant,
    pub(super) load_ms: u64,
    pub(super) threads: usize,
    /// Answers that it finished.
    pub(super) answers: u64,
    memory: Option<u64>,
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

    /// What it was given, bytes.
    pub(super) fn memory(&self) -> Option<u64> {
        self.memory
    }
}

impl Actor {
    /// Sees to it that the job's model is loaded, with an engine that was not tried.
    pub(super) async fn ready(&mut self, job: &Job, tried: &[Backend]) -> Result<(), Ended> {
        let path = job.path.as_path();
        let wanted_context = job.context_tokens.unwrap_or(DEFAULT_CONTEXT_TOKENS).max(1);
        let identity = identity(path).await.map_err(refused)?;
        let pin = self.chooser.pin(&job.model);
        let is_it = |loaded: &Loaded| {
            loaded.path == path
                && loaded.identity == identity
                && loaded.wanted_context == wanted_context
                && loaded.pin == pin
        };
        if !self.loaded.as_ref().is_some_and(is_it) {
            self.park();
            // What was loaded of this file under other terms is of no use any more.
            while let Some(at) = self
                .parked
                .iter()
                .position(|it| it.path == path && !is_it(it))
            {
                self.retire(at).await;
            }
            if let Some(at) = self.parked.iter().position(is_it) {
                self.loaded = Some(self.parked.remove(at));
            }
        }
        if let Some(loaded) = &mut self.loaded {
            loaded.busy = true;
            self.attempt = Some((loaded.identity.clone(), loaded.chosen.clone()));
            self.publish();
            return Ok(());
        }
        if let Some(events) = job.work.events() {
            let _left = events.send(Ok(ModelEvent::Activity(ModelActivity::Loading)));
        }
        let started = Instant::now();
        let file = inspect(path).await.map_err(refused)?;
        let context_tokens = wanted_context.min(file.context_length());
        let subject = Subject {
            path,
            identity: &identity,
            model: &job.model,
            architecture: file.architecture(),
            split: file.is_split(),
        };
        let chosen = self
            .chooser
            .choose(subject, tried)
            .await
            .map_err(|error| Ended::Unchosen(ModelError::Local(error)))?;
        tracing::info!(backend = %chosen.backend, why = %chosen.why, "an engine was chosen");
        self.attempt = Some((identity.clone(), chosen.clone()));
        self.keep_to_the_limit().await;
        let (plan, source, available) = self
            .room(chosen.backend, &file, context_tokens)
            .await
            .map_err(refused)?;
        let threads = self
            .options
            .threads
            .or(chosen.threads)
            .unwrap_or_else(usual_threads)
            .max(1);
        // Of a UQFF file the worker needs the folder, and the name within it.
        let place = match (&source, path.parent()) {
            (ModelSource::Uqff { .. }, Some(folder)) if path.is_file() => folder,
            _ => path,
        };
        let links_of = path.to_owned();
        let linked = tokio::task::spawn_blocking(move || folder::linked(&links_of))
            .await
            .map_err(|error| refused(not_read(path, error.to_string())))?;
        let order = Order {
            program: &chosen.program.path,
            model: place,
            identity: &identity,
            state: &chosen.program.fingerprint,
            context_tokens,
            linked,
            weights: plan.weights,
            memory: available,
            threads,
            gpu: chosen.program.uses_gpu(),
            number: self.id(),
        };
        let process = self.start(order).await.map_err(refused)?;
        let patience =
            self.options.limits.load + Duration::from_secs(file.file_bytes() / 20_000_000);
        // llama.cpp keeps the last conversation in the context it has reserved anyway.
        let keep_prefixes = plan.prefix_bytes > 0 || chosen.backend == Backend::Llama;
        let call_format = file.call_format();
        self.loaded = Some(Loaded {
            process,
            path: path.to_owned(),
            identity,
            chosen,
            file,
            pin,
            wanted_context,
            context_tokens,
            ready: false,
            busy: true,
            used: started,
            load_ms: 0,
            threads,
            answers: 0,
            memory: available,
            prefix_budget: plan.prefix_bytes,
            prefix_used: 0,
        });
        let request = load_request(place, source, context_tokens, keep_prefixes, call_format);
        self.load(path, request, &job.cancel, patience).await?;
        let ms = started.elapsed().as_millis();
        if let Some(loaded) = &mut self.loaded {
            loaded.ready = true;
            loaded.load_ms = u64::try_from(ms).unwrap_or(u64::MAX);
        }
        self.publish();
        tracing::info!(ms, weights = ?plan.weights, context_tokens, "a local model was loaded");
        Ok(())
    }

    /// Finds room for a model, if need be by ending those that were put aside.
    async fn room(
        &mut self,
        backend: Backend,
        file: &ModelFile,
        context_tokens: u32,
    ) -> Result<(Plan, ModelSource, Option<u64>), LocalError> {
        loop {
            let available = self.available().await;
            let plan = match (backend, file) {
                (Backend::Llama, ModelFile::Gguf(summary)) => {
                    memory::plan_mapped(summary, context_tokens, available)
                        .map(|plan| (plan, summary.source()))
                }
                _ => file.plan(
                    context_tokens,
                    self.options.weights.wish(),
                    available,
                    self.options.limits.prefix_bytes,
                ),
            };
            match plan {
                Ok((plan, source)) => return Ok((plan, source, available)),
                Err(LocalError::TooBig { .. }) if !self.parked.is_empty() => self.retire(0).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn start(&mut self, order: Order<'_>) -> Result<Process, LocalError> {
        let spawner = match self.spawner.take() {
            Some(spawner) => spawner,
            None => {
                scratch::clean(&self.options.scratch_dir);
                Spawner::start().map_err(|error| LocalError::WorkerDied {
                    cause: WorkerDeath::NotStarted,
                    reason: format!("It could not be started: {error}."),
                })?
            }
        };
        let process = Process::start(order, &self.options, &spawner).await;
        self.spawner = Some(spawner);
        process
    }

    async fn load(
        &mut self,
        path: &Path,
        request: Option<WorkerRequest>,
        cancel: &CancellationToken,
        patience: Duration,
    ) -> Result<(), Ended> {
        let Some(request) = request else {
            self.unload().await;
            let reason = "its path is not valid Unicode; move it elsewhere".to_owned();
            return Err(refused(not_read(path, reason)));
        };
        self.send(&request).await?;
        let deadline = Instant::now() + patience;
        match self.step(cancel, deadline, patience).await {
            Step::Reply(WorkerReply::Loaded { context_tokens, .. }) => {
                if let Some(loaded) = &mut self.loaded {
                    loaded.context_tokens = context_tokens;
                }
                Ok(())
            }
            Step::Reply(WorkerReply::LoadFailed { error }) => {
                let limit = self.loaded.as_ref().and_then(Loaded::memory);
                self.kill().await;
                Err(match error {
                    WorkerError::Load { reason } => Ended::FileRefused {
                        error: ModelError::Local(not_read(
                            path,
                            format!("the engine refused it: {reason}"),
                        )),
                        reason,
                    },
                    WorkerError::OutOfMemory { reason } => lost_to(Obituary {
                        cause: WorkerDeath::OutOfMemory { limit },
                        reason: format!("It ran out of memory: {reason}."),
                    }),
                    other => misbehaved(format!("It could not load the model: {other:?}.")),
                })
            }
            Step::Reply(other) => Err(self.out_of_turn(&other).await),
            step => Err(self.lose(step).await),
        }
    }
}

/// `None` where the path cannot be written in a frame.
fn load_request(
    place: &Path,
    source: ModelSource,
    context_tokens: u32,
    keep_prefixes: bool,
    call_format: CallFormat,
) -> Option<WorkerRequest> {
    Some(WorkerRequest::Load {
        path: place.to_str()?.to_owned(),
        context_tokens,
        keep_prefixes,
        source,
        call_format,
    })
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

pub(super) async fn identity(path: &Path) -> Result<Identity, LocalError> {
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
    let mut identity = Identity {
        bytes: metadata.len(),
        modified: metadata.modified().ok(),
    };
    // One that is missing is found by the check.
    for part in gguf::parts(path).iter().skip(1) {
        if let Ok(metadata) = tokio::fs::metadata(part).await {
            identity.bytes = identity.bytes.saturating_add(metadata.len());
            identity.modified = identity.modified.max(metadata.modified().ok());
        }
    }
    Ok(identity)
}

fn folder_identity(folder: &Path) -> Identity {
    let (bytes, modified) = folder::state(folder);
    Identity { bytes, modified }
}

pub(super) async fn inspect(path: &Path) -> Result<ModelFile, LocalError> {
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
