//! The task that owns the worker: takes jobs in order, keeps the right model loaded, ends it when it is idle.

use std::path::PathBuf;
use std::time::Duration;

use nexus_llm::{ModelError, ModelEvent};
use nexus_protocol::ChatRequest;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::breaker::Breaker;
use super::embeddings::Embeddings;
use super::link::Ended;
use super::loading::Loaded;
use super::options::WorkerOptions;
use super::process::Incoming;
use super::spawner::Spawner;

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
    Embed {
        texts: Vec<String>,
        reply: oneshot::Sender<Result<Embeddings, ModelError>>,
    },
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
    pub(super) loaded_path: watch::Sender<Option<PathBuf>>,
    pub(super) spawner: Option<Spawner>,
    pub(super) loaded: Option<Loaded>,
    pub(super) breaker: Breaker,
    pub(super) idle_since: Instant,
    pub(super) unload_waiters: Vec<oneshot::Sender<()>>,
    pub(super) shutdown_waiter: Option<oneshot::Sender<()>>,
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
            let idle_at = self
                .options
                .idle_unload
                .map(|after| self.idle_since + after);
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

    pub(super) fn control(&mut self, control: Control) {
        match control {
            Control::Unload(waiter) => self.unload_waiters.push(waiter),
            Control::Shutdown(waiter) => self.shutdown_waiter = Some(waiter),
            Control::SetIdleUnload(after) => self.options.idle_unload = after,
        }
    }

    pub(super) async fn unload(&mut self) {
        if let Some(loaded) = self.take_loaded() {
            loaded.process.shut_down(self.options.limits.exit).await;
        }
    }

    pub(super) fn take_loaded(&mut self) -> Option<Loaded> {
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
            Work::Count { .. } | Work::Embed { .. } => None,
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
            (Err(ended), Work::Embed { reply, .. }) => {
                let _left = reply.send(Err(ended.error()));
                Some(ended)
            }
            (Ok(()), Work::Embed { texts, reply }) => {
                let outcome = self.embed(texts, &job.cancel).await;
                let (answer, ended) = match outcome {
                    Ok(vectors) => (Ok(vectors), None),
                    Err(ended) => (Err(ended.error()), Some(ended)),
                };
                let _left = reply.send(answer);
                ended
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
