//! The engine of local models: at most one worker process, and everything that is done to keep it well.
//!
//! [`LocalEngine`] is a handle; one task, the actor, owns the process. What comes in waits in one queue and is served in
//! order. A worker may hang, die or lie: every call still ends, with a typed error.

mod actor;
mod backend;
mod breaker;
mod embeddings;
mod generation;
mod link;
mod loading;
mod local_model;
mod options;
mod process;
mod spawner;
mod stderr;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nexus_llm::{LocalError, Model, ModelError};
use nexus_protocol::{ChatRequest, ModelInfo};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use embeddings::Embeddings;
pub use options::{Limits, WeightsPolicy, WorkerOptions};

use actor::{Actor, Control, Job, Work};
use local_model::LocalModel;

/// Runs local models, one at a time. Clones are handles to the same worker; it ends when the last one is gone.
#[derive(Clone, Debug)]
pub struct LocalEngine {
    jobs: mpsc::UnboundedSender<Job>,
    control: mpsc::UnboundedSender<Control>,
    loaded: watch::Receiver<Option<PathBuf>>,
}

impl LocalEngine {
    /// Starts nothing but a task: the worker comes with the first request. Call it within a tokio runtime.
    pub fn new(options: WorkerOptions) -> Self {
        let (jobs, job_queue) = mpsc::unbounded_channel();
        let (control, control_queue) = mpsc::unbounded_channel();
        let (loaded_in, loaded) = watch::channel(None);
        tokio::spawn(Actor::new(options, job_queue, control_queue, loaded_in).run());
        Self {
            jobs,
            control,
            loaded,
        }
    }

    /// The model in the file at `path`. The file is looked at when it is first needed. `info.context_tokens` is the
    /// context it is run with, at most the file's own.
    pub fn model(&self, path: PathBuf, info: ModelInfo) -> Arc<dyn Model> {
        Arc::new(LocalModel::new(self.clone(), path, info))
    }

    /// Tokens of a conversation as the model's template renders it. Loads the model where needed, and waits in the queue.
    ///
    /// # Errors
    /// As a generation.
    pub async fn count_tokens(
        &self,
        path: PathBuf,
        info: &ModelInfo,
        request: ChatRequest,
        cancel: CancellationToken,
    ) -> Result<u32, ModelError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job {
            path,
            context_tokens: info.context_tokens,
            cancel: cancel.clone(),
            work: Work::Count {
                request: crate::history::for_local(request, info),
                reply,
            },
        });
        if sent.is_err() {
            return Err(shut_down());
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ModelError::Cancelled),
            answer = answer => answer.unwrap_or_else(|_| Err(shut_down())),
        }
    }

    /// Frees the model's memory, once the answer that may be running has ended. Returns when it is free.
    pub async fn unload(&self) {
        let (done, waiting) = oneshot::channel();
        if self.control.send(Control::Unload(done)).is_ok() {
            // An error means that the actor is gone, and the worker with it.
            let _gone = waiting.await;
        }
    }

    /// Ends the worker at once; what runs or waits ends with [`ModelError::Cancelled`]. Nothing can be run afterwards.
    pub async fn shutdown(&self) {
        let (done, waiting) = oneshot::channel();
        if self.control.send(Control::Shutdown(done)).is_ok() {
            let _gone = waiting.await;
        }
    }

    /// The file whose model is in memory now.
    pub fn loaded(&self) -> Option<PathBuf> {
        self.loaded.borrow().clone()
    }

    /// After how long without a request the model's memory is freed; `None` for never.
    pub fn set_idle_unload(&self, after: Option<Duration>) {
        // An error means that the engine was shut down: nothing is loaded.
        let _gone = self.control.send(Control::SetIdleUnload(after));
    }
}

fn shut_down() -> ModelError {
    ModelError::Local(LocalError::WorkerDied {
        reason: "Local models were shut down.".to_owned(),
    })
}
