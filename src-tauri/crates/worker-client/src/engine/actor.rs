//! The task that owns the worker: takes jobs in order, keeps the right model loaded, ends it when it is idle.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nexus_llm::{LocalError, ModelError, ModelEvent};
use nexus_protocol::worker::{WorkerError, WorkerReply, WorkerRequest};
use nexus_protocol::{ChatRequest, ModelActivity};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::breaker::Breaker;
use super::options::WorkerOptions;
use super::process::{Incoming, Process};
use super::spawner::Spawner;
use crate::gguf::{self, DEFAULT_CONTEXT_TOKENS, GgufSummary};
use crate::memory;

/// Where an answer goes.
pub(super) type Events = mpsc::UnboundedSender<Result<ModelEvent, ModelError>>;

/// One thing asked of a model.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) path: PathBuf,
    /// Context to run with; `None` for the usual.
    pub(super) context_tokens: Option<u32>,
    pub(super) cancel: CancellationToken,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Generate {
        request: ChatRequest,
        events: Events,
    },
    Count {
        request: ChatRequest,
        reply: oneshot::Sender<Result<u32, ModelError>>,
    },
}

/// What is asked of the engine itself; never waits behind jobs.
#[derive(Debug)]
pub(super) enum Control {
    Unload(oneshot::Sender<()>),
    Shutdown(oneshot::Sender<()>),
    SetIdleUnload(Option<Duration>),
}

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

    fn is_full(&self) -> bool {
        self.prefix_budget > 0 && self.prefix_used > self.prefix_budget
    }
}

/// What tells one content of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    bytes: u64,
    modified: Option<SystemTime>,
}

/// What can happen while the worker is waited for.
#[derive(Debug)]
pub(super) enum Step {
    Reply(WorkerReply),
    /// It is gone, or sent what is no reply.
    Dead(Option<String>),
    /// It did not answer for this long.
    Silent(Duration),
    Cancelled,
    ShutDown,
}

/// Why a job ended without what it asked for.
#[derive(Debug)]
pub(super) enum Ended {
    /// The worker is as it was.
    Refused(ModelError),
    /// The worker was ended for it. It counts as a death where the worker is to blame.
    Lost {
        error: ModelError,
        blame: Option<String>,
    },
}

#[derive(Debug)]
pub(super) struct Actor {
    pub(super) options: WorkerOptions,
    jobs: mpsc::UnboundedReceiver<Job>,
    control: mpsc::UnboundedReceiver<Control>,
    loaded_path: watch::Sender<Option<PathBuf>>,
    spawner: Option<Spawner>,
    pub(super) loaded: Option<Loaded>,
    breaker: Breaker,
    idle_since: Instant,
    unload_waiters: Vec<oneshot::Sender<()>>,
    shutdown_waiter: Option<oneshot::Sender<()>>,
    pub(super) next_id: u64,
}

impl Actor {
    pub(super) fn new(
        options: WorkerOptions,
        jobs: mpsc::UnboundedReceiver<Job>,
        control: mpsc::UnboundedReceiver<Control>,
        loaded_path: watch::Sender<Option<PathBuf>>,
    ) -> Self {
        let breaker = Breaker::new(options.limits.deaths, options.limits.death_window);
        Self {
            options,
            jobs,
            control,
            loaded_path,
            spawner: None,
            loaded: None,
            breaker,
            idle_since: Instant::now(),
            unload_waiters: Vec::new(),
            shutdown_waiter: None,
            next_id: 0,
        }
    }

    pub(super) async fn run(mut self) {
        enum Wake {
            Job(Job),
            Control(Control),
            Idle,
            Died,
            LastHandleGone,
        }
        while self.shutdown_waiter.is_none() {
            let idle_at = self.options.idle_unload.map(|after| self.idle_since + after);
            let wake = tokio::select! {
                biased;
                control = self.control.recv() => control.map_or(Wake::LastHandleGone, Wake::Control),
                () = idle_death(&mut self.loaded) => Wake::Died,
                job = self.jobs.recv() => job.map_or(Wake::LastHandleGone, Wake::Job),
                () = at(idle_at), if self.loaded.is_some() => Wake::Idle,
            };
            match wake {
                Wake::LastHandleGone => break,
                Wake::Control(control) => self.control(control),
                Wake::Idle => {
                    tracing::info!("the local model was idle and is unloaded");
                    self.unload().await;
                }
                Wake::Died => {
                    if let Some(loaded) = self.take_loaded() {
                        let reason = loaded.process.obituary(None).await;
                        tracing::warn!(%reason, "an idle worker ended");
                        self.breaker.died(&loaded.path, &reason, Instant::now());
                    }
                }
                Wake::Job(job) => {
                    self.perform(job).await;
                    self.idle_since = Instant::now();
                    if self.loaded.as_ref().is_some_and(Loaded::is_full) {
                        tracing::info!("the worker's memory of conversations is full: it ends");
                        self.unload().await;
                    }
                }
            }
            if !self.unload_waiters.is_empty() {
                self.unload().await;
                for waiter in self.unload_waiters.drain(..) {
                    let _left = waiter.send(());
                }
            }
        }
        self.jobs.close();
        self.unload().await;
        if let Some(waiter) = self.shutdown_waiter.take() {
            let _left = waiter.send(());
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Unload(waiter) => self.unload_waiters.push(waiter),
            Control::Shutdown(waiter) => self.shutdown_waiter = Some(waiter),
            Control::SetIdleUnload(after) => self.options.idle_unload = after,
        }
    }

    async fn unload(&mut self) {
        if let Some(loaded) = self.take_loaded() {
            loaded.process.shut_down(self.options.limits.exit).await;
        }
    }

    fn take_loaded(&mut self) -> Option<Loaded> {
        let loaded = self.loaded.take();
        self.loaded_path.send_replace(None);
        loaded
    }

    async fn perform(&mut self, job: Job) {
        if job.cancel.is_cancelled() {
            // Whoever waited has been told already.
            return;
        }
        let path = job.path;
        let events = match &job.work {
            Work::Generate { events, .. } => Some(events.clone()),
            Work::Count { .. } => None,
        };
        let ready = self
            .ready(&path, job.context_tokens, &job.cancel, events.as_ref())
            .await;
        let ended = match (ready, job.work) {
            (Err(ended), Work::Generate { events, .. }) => {
                let _left = events.send(Err(ended.error()));
                Some(ended)
            }
            (Err(ended), Work::Count { reply, .. }) => {
                let _left = reply.send(Err(ended.error()));
                Some(ended)
            }
            (Ok(()), Work::Generate { request, events }) => {
                let outcome = self.generate(request, &job.cancel, &events).await;
                match outcome {
                    Ok(finished) => {
                        self.breaker.finished(&path);
                        let _left = events.send(Ok(finished));
                        None
                    }
                    Err(ended) => {
                        let _left = events.send(Err(ended.error()));
                        Some(ended)
                    }
                }
            }
            (Ok(()), Work::Count { request, reply }) => {
                let outcome = self.count(request, &job.cancel).await;
                let (answer, ended) = match outcome {
                    Ok(tokens) => (Ok(tokens), None),
                    Err(ended) => (Err(ended.error()), Some(ended)),
                };
                let _left = reply.send(answer);
                ended
            }
        };
        if let Some(Ended::Lost {
            blame: Some(reason),
            ..
        }) = ended
        {
            tracing::warn!(%reason, "the worker was lost");
            self.breaker.died(&path, &reason, Instant::now());
        }
    }

    /// Sees to it that the model in `path` is loaded.
    async fn ready(
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
        let plan = memory::plan(
            &summary,
            context_tokens,
            self.options.weights.wish(),
            available,
            self.options.limits.prefix_bytes,
        )
        .map_err(refused)?;
        let process = self.start(plan.weights, available).await.map_err(refused)?;
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
        let patience = self.options.limits.load
            + Duration::from_secs(loading.summary.file_bytes / 20_000_000);
        self.loaded = Some(loading);
        self.load(path, context_tokens, plan.prefix_bytes > 0, cancel, patience)
            .await?;
        self.loaded_path.send_replace(Some(path.to_owned()));
        tracing::info!(
            ms = started.elapsed().as_millis(),
            weights = ?plan.weights,
            context_tokens,
            "a local model was loaded"
        );
        Ok(())
    }

    async fn start(
        &mut self,
        weights: gguf::Weights,
        memory: Option<u64>,
    ) -> Result<Process, LocalError> {
        if !self.options.program.is_file() {
            return Err(LocalError::WorkerMissing {
                path: self.options.program.display().to_string(),
            });
        }
        let cannot = |error: std::io::Error| LocalError::WorkerDied {
            reason: format!("It could not be started: {error}."),
        };
        let spawner = match self.spawner.take() {
            Some(spawner) => spawner,
            None => Spawner::start().map_err(cannot)?,
        };
        let process = Process::start(&self.options, &spawner, weights, memory).await;
        self.spawner = Some(spawner);
        process.map_err(cannot)
    }

    async fn load(
        &mut self,
        path: &Path,
        context_tokens: u32,
        keep_prefixes: bool,
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
        })
        .await?;
        let deadline = Instant::now() + patience;
        loop {
            match self.step(cancel, deadline, patience).await {
                Step::Reply(WorkerReply::Loaded { context_tokens, .. }) => {
                    if let Some(loaded) = &mut self.loaded {
                        loaded.context_tokens = context_tokens;
                    }
                    return Ok(());
                }
                Step::Reply(WorkerReply::LoadFailed { error }) => {
                    self.kill().await;
                    return Err(match error {
                        WorkerError::Load { reason } => refused(LocalError::NotGguf {
                            path: path.display().to_string(),
                            reason: format!("the engine refused it: {reason}"),
                        }),
                        other => lost_to(format!("It could not load the model: {other:?}.")),
                    });
                }
                Step::Reply(other) => return Err(self.out_of_turn(&other).await),
                step => return Err(self.lose(step).await),
            }
        }
    }

    /// Waits for the next thing that matters; sees to pings and to the engine's own controls meanwhile.
    pub(super) async fn step(
        &mut self,
        cancel: &CancellationToken,
        deadline: Instant,
        patience: Duration,
    ) -> Step {
        let limits = self.options.limits;
        loop {
            let Some(loaded) = &mut self.loaded else {
                return Step::Dead(None);
            };
            let process = &mut loaded.process;
            let deaf_at = process.heard + limits.ping_patience;
            let ping_at = process.next_ping;
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Step::Cancelled,
                Some(control) = self.control.recv() => {
                    self.control(control);
                    if self.shutdown_waiter.is_some() {
                        return Step::ShutDown;
                    }
                }
                incoming = process.next() => {
                    process.heard = Instant::now();
                    match incoming {
                        Some(Incoming::Reply(WorkerReply::Pong { resident_bytes, .. })) => {
                            tracing::trace!(resident_bytes, "the worker is alive");
                        }
                        Some(Incoming::Reply(reply)) => return Step::Reply(reply),
                        Some(Incoming::Broken(reason)) => return Step::Dead(Some(reason)),
                        None => return Step::Dead(None),
                    }
                }
                () = sleep_until(deadline) => return Step::Silent(patience),
                () = sleep_until(deaf_at) => return Step::Silent(limits.ping_patience),
                () = sleep_until(ping_at) => {
                    process.next_ping = Instant::now() + limits.ping;
                    // A ping always fits a frame.
                    let _sent = process.send(&WorkerRequest::Ping { id: 0 });
                }
            }
        }
    }

    /// Sends a request; the clock of silence starts with it.
    pub(super) async fn send(&mut self, request: &WorkerRequest) -> Result<(), Ended> {
        let Some(loaded) = &mut self.loaded else {
            return Err(lost_to("It is not running.".to_owned()));
        };
        let now = Instant::now();
        loaded.process.heard = now;
        loaded.process.next_ping = now + self.options.limits.ping;
        loaded.process.send(request).map_err(|error| {
            tracing::warn!(%error, "a request is too long for the worker");
            Ended::Refused(ModelError::ContextOverflow {
                needed: 0,
                limit: loaded.context_tokens,
            })
        })
    }

    /// The worker did not do what it should: ends it, and says what the job ends with.
    pub(super) async fn lose(&mut self, step: Step) -> Ended {
        let Some(loaded) = self.take_loaded() else {
            return lost_to("It is not running.".to_owned());
        };
        match step {
            Step::Cancelled | Step::ShutDown => {
                loaded.process.kill().await;
                Ended::Lost {
                    error: ModelError::Cancelled,
                    blame: None,
                }
            }
            Step::Silent(patience) => {
                loaded.process.kill().await;
                let seconds = patience.as_secs().max(1);
                Ended::Lost {
                    error: ModelError::Local(LocalError::Timeout { seconds }),
                    blame: Some(format!("It did not answer for {seconds} s.")),
                }
            }
            Step::Dead(suspicion) => lost_to(loaded.process.obituary(suspicion).await),
            Step::Reply(reply) => {
                let reason = format!("It answered out of turn: {}.", name_of(&reply));
                lost_to(loaded.process.obituary(Some(reason)).await)
            }
        }
    }

    pub(super) async fn out_of_turn(&mut self, reply: &WorkerReply) -> Ended {
        self.lose(Step::Dead(Some(format!(
            "It answered out of turn: {}.",
            name_of(reply)
        ))))
        .await
    }

    pub(super) async fn kill(&mut self) {
        if let Some(loaded) = self.take_loaded() {
            loaded.process.kill().await;
        }
    }
}

impl Ended {
    fn error(&self) -> ModelError {
        match self {
            Self::Refused(error) | Self::Lost { error, .. } => error.clone(),
        }
    }
}

/// Kind of a reply, without its text: that is the user's.
fn name_of(reply: &WorkerReply) -> &'static str {
    match reply {
        WorkerReply::Loaded { .. } => "loaded",
        WorkerReply::LoadFailed { .. } => "load failed",
        WorkerReply::Started { .. } => "started",
        WorkerReply::Text { .. } => "text",
        WorkerReply::Thinking { .. } => "thinking",
        WorkerReply::Finished { .. } => "finished",
        WorkerReply::Failed { .. } => "failed",
        WorkerReply::Counted { .. } => "counted",
        WorkerReply::Pong { .. } => "pong",
    }
}

pub(super) fn lost_to(reason: String) -> Ended {
    Ended::Lost {
        error: ModelError::Local(LocalError::WorkerDied {
            reason: reason.clone(),
        }),
        blame: Some(reason),
    }
}

fn refused(error: LocalError) -> Ended {
    Ended::Refused(ModelError::Local(error))
}

async fn identity(path: &Path) -> Result<Identity, LocalError> {
    let metadata =
        tokio::fs::metadata(path)
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

/// Ends when a worker that nobody asks anything has died; never where there is none.
async fn idle_death(loaded: &mut Option<Loaded>) {
    let Some(loaded) = loaded else {
        return std::future::pending().await;
    };
    // Late pongs, and the end of an answer that was cancelled.
    while let Some(Incoming::Reply(_)) = loaded.process.next().await {}
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
