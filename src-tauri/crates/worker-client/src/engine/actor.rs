//! The task that owns the workers: takes jobs in order, keeps models loaded where they fit, ends what is idle or in the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use nexus_llm::{ModelError, ModelEvent};
use nexus_protocol::ChatRequest;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::chooser::{Chooser, Chosen};
use super::embeddings::Embeddings;
use super::link::Ended;
use super::loading::Loaded;
use super::options::WorkerOptions;
use super::process::Incoming;
use super::records::Identity;
use super::spawner::Spawner;

/// Where an answer goes.
pub(super) type Events = mpsc::UnboundedSender<Result<ModelEvent, ModelError>>;

/// One thing asked of a model.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) path: PathBuf,
    /// Its name, `local/…`.
    pub(super) model: String,
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
    Embed {
        texts: Vec<String>,
        reply: oneshot::Sender<Result<Embeddings, ModelError>>,
    },
}

impl Work {
    pub(super) fn events(&self) -> Option<&Events> {
        match self {
            Self::Generate { events, .. } => Some(events),
            Self::Count { .. } | Self::Embed { .. } => None,
        }
    }
}

/// What a job comes to where it goes well.
#[derive(Debug)]
pub(super) enum Answer {
    /// The last event.
    Finished(ModelEvent),
    Counted(u32),
    Embedded(Embeddings),
}

/// What is asked of the engine itself; never waits behind jobs.
#[derive(Debug)]
pub(super) enum Control {
    Unload(oneshot::Sender<()>),
    Shutdown(oneshot::Sender<()>),
    SetIdleUnload(Option<Duration>),
}

#[derive(Debug)]
pub(super) struct Actor {
    pub(super) options: WorkerOptions,
    pub(super) jobs: mpsc::UnboundedReceiver<Job>,
    pub(super) control: mpsc::UnboundedReceiver<Control>,
    pub(super) resident: watch::Sender<Vec<PathBuf>>,
    pub(super) chooser: Arc<Chooser>,
    pub(super) spawner: Option<Spawner>,
    /// The one in use, or used last.
    pub(super) loaded: Option<Loaded>,
    /// Others that stay in memory, the one used longest ago first.
    pub(super) parked: Vec<Loaded>,
    /// What the present attempt is made with, once that is decided.
    pub(super) attempt: Option<(Identity, Chosen)>,
    /// Whether something of the present answer was shown.
    pub(super) shown: bool,
    pub(super) next_look: Instant,
    pub(super) unload_waiters: Vec<oneshot::Sender<()>>,
    pub(super) shutdown_waiter: Option<oneshot::Sender<()>>,
    pub(super) next_id: u64,
}

impl Actor {
    pub(super) fn new(
        options: WorkerOptions,
        jobs: mpsc::UnboundedReceiver<Job>,
        control: mpsc::UnboundedReceiver<Control>,
        resident: watch::Sender<Vec<PathBuf>>,
        chooser: Arc<Chooser>,
    ) -> Self {
        let next_look = Instant::now() + options.limits.memory_look;
        Self {
            options,
            jobs,
            control,
            resident,
            chooser,
            spawner: None,
            loaded: None,
            parked: Vec::new(),
            attempt: None,
            shown: false,
            next_look,
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
            Memory,
            Died(PathBuf),
            LastHandleGone,
        }
        while self.shutdown_waiter.is_none() {
            let idle_at = self.idle_at();
            let any = self.loaded.is_some() || !self.parked.is_empty();
            let look_at = any.then_some(self.next_look);
            let wake = tokio::select! {
                biased;
                control = self.control.recv() => control.map_or(Wake::LastHandleGone, Wake::Control),
                path = idle_death(&mut self.loaded, &mut self.parked) => Wake::Died(path),
                job = self.jobs.recv() => job.map_or(Wake::LastHandleGone, Wake::Job),
                () = at(idle_at) => Wake::Idle,
                () = at(look_at) => Wake::Memory,
            };
            match wake {
                Wake::LastHandleGone => break,
                Wake::Control(control) => self.control(control),
                Wake::Idle => self.retire_idle().await,
                Wake::Memory => self.look_at_memory().await,
                Wake::Died(path) => self.bury(&path).await,
                Wake::Job(job) => {
                    self.perform(job).await;
                    if let Some(loaded) = &mut self.loaded {
                        loaded.used = Instant::now();
                        loaded.busy = false;
                    }
                    if self.loaded.as_ref().is_some_and(Loaded::is_full) {
                        tracing::info!("the worker's memory of conversations is full: it ends");
                        self.unload().await;
                    }
                }
            }
            if !self.unload_waiters.is_empty() {
                self.unload_all().await;
                for waiter in self.unload_waiters.drain(..) {
                    let _left = waiter.send(());
                }
            }
        }
        self.jobs.close();
        self.unload_all().await;
        if let Some(waiter) = self.shutdown_waiter.take() {
            let _left = waiter.send(());
        }
    }

    pub(super) fn control(&mut self, control: Control) {
        match control {
            Control::Unload(waiter) => self.unload_waiters.push(waiter),
            Control::Shutdown(waiter) => self.shutdown_waiter = Some(waiter),
            Control::SetIdleUnload(after) => self.options.idle_unload = after,
        }
    }

    async fn perform(&mut self, job: Job) {
        if job.cancel.is_cancelled() {
            // Whoever waited has been told already.
            return;
        }
        let outcome = self.persist(&job).await;
        match (job.work, outcome) {
            (Work::Generate { events, .. }, Ok(Answer::Finished(last))) => {
                let _left = events.send(Ok(last));
            }
            (Work::Generate { events, .. }, Err(error)) => {
                let _left = events.send(Err(error));
            }
            (Work::Count { reply, .. }, Ok(Answer::Counted(tokens))) => {
                let _left = reply.send(Ok(tokens));
            }
            (Work::Count { reply, .. }, Err(error)) => {
                let _left = reply.send(Err(error));
            }
            (Work::Embed { reply, .. }, Ok(Answer::Embedded(embeddings))) => {
                let _left = reply.send(Ok(embeddings));
            }
            (Work::Embed { reply, .. }, Err(error)) => {
                let _left = reply.send(Err(error));
            }
            (_, Ok(Answer::Counted(_) | Answer::Finished(_) | Answer::Embedded(_))) => {
                tracing::error!("an answer of the wrong kind was dropped");
            }
        }
    }

    /// One try, with an engine that was not tried before.
    pub(super) async fn attempt(&mut self, job: &Job, tried: &[Backend]) -> Result<Answer, Ended> {
        self.ready(job, tried).await?;
        match &job.work {
            Work::Generate { request, events } => self
                .generate(request.clone(), &job.cancel, events)
                .await
                .map(Answer::Finished),
            Work::Count { request, .. } => self
                .count(request.clone(), &job.cancel)
                .await
                .map(Answer::Counted),
            Work::Embed { texts, .. } => self
                .embed(texts.clone(), &job.cancel)
                .await
                .map(Answer::Embedded),
        }
    }

    /// A worker that nobody asked anything has died.
    async fn bury(&mut self, path: &Path) {
        let is = |loaded: &Loaded| loaded.path == path;
        let dead = match self.parked.iter().position(is) {
            Some(at) => Some(self.parked.remove(at)),
            None => self.loaded.take_if(|loaded| is(loaded)),
        };
        self.publish();
        if let Some(dead) = dead {
            let obituary = dead.process.obituary(None).await;
            tracing::warn!(reason = %obituary.reason, "an idle worker ended");
            if obituary.cause.is_worth_a_restart() {
                self.chooser
                    .died(path, &dead.identity, &dead.chosen, &obituary.reason);
            }
        }
    }
}

/// Ends when a worker that nobody asks anything has died, with its file; never where there is none.
async fn idle_death(loaded: &mut Option<Loaded>, parked: &mut [Loaded]) -> PathBuf {
    let all: Vec<_> = loaded
        .iter_mut()
        .chain(parked)
        .map(|loaded| {
            Box::pin(async {
                // Late pongs, and the end of an answer that was cancelled.
                while let Some(Incoming::Reply(_)) = loaded.process.next().await {}
                loaded.path.clone()
            })
        })
        .collect();
    if all.is_empty() {
        return std::future::pending().await;
    }
    select_all(all).await.0
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
