//! The engine of local models: a worker process for each model in memory, and everything that is done to keep them well.
//!
//! [`LocalEngine`] is a handle; one task, the actor, owns the processes. What comes in waits in one queue and is served in
//! order: one answer at a time, for they all want the same cores. A worker may hang, die or lie: every call still ends, with a
//! typed error. One that dies before anything was shown is started anew once; a file that it dies of again and again is given up
//! with that engine, and goes to the other one.

mod actor;
mod backend;
mod breaker;
mod chooser;
mod confinement;
mod death;
mod embeddings;
mod generation;
mod link;
mod loading;
mod local_model;
mod options;
mod pressure;
mod process;
mod programs;
mod records;
mod residence;
mod retries;
mod scratch;
mod spawner;
mod stderr;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nexus_llm::{LocalError, Model, ModelError, WorkerDeath};
use nexus_protocol::{ChatRequest, ModelInfo};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use backend::Backend;
pub use confinement::Confinement;
pub use embeddings::Embeddings;
pub use options::{Limits, WeightsPolicy, WorkerOptions};
pub use pressure::{MemoryGauge, MemoryReading};
pub(crate) use process::usual_threads;
pub use programs::WorkerProgram;
pub use records::{Measured, Record};

use actor::{Actor, Control, Job, Work};
use chooser::{Chooser, Subject};
use local_model::LocalModel;

/// Runs local models, one answer at a time. Clones are handles to the same worker; it ends when the last one is gone.
#[derive(Clone, Debug)]
pub struct LocalEngine {
    jobs: mpsc::UnboundedSender<Job>,
    control: mpsc::UnboundedSender<Control>,
    resident: watch::Receiver<Vec<PathBuf>>,
    chooser: Arc<Chooser>,
}

/// How a model would be run now.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// With this engine.
    pub backend: Backend,
    /// Why, a sentence for people.
    pub why: String,
    /// By this program.
    pub program: WorkerProgram,
    /// How it did before, and what it does not run with.
    pub record: Record,
}

impl LocalEngine {
    /// Starts nothing but a task: the worker comes with the first request. Call it within a tokio runtime.
    pub fn new(options: WorkerOptions) -> Self {
        let (jobs, job_queue) = mpsc::unbounded_channel();
        let (control, control_queue) = mpsc::unbounded_channel();
        let (resident_in, resident) = watch::channel(Vec::new());
        let chooser = Arc::new(Chooser::new(&options));
        let actor = Actor::new(
            options,
            job_queue,
            control_queue,
            resident_in,
            chooser.clone(),
        );
        tokio::spawn(actor.run());
        Self {
            jobs,
            control,
            resident,
            chooser,
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
            model: info.model.0.clone(),
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

    /// Frees the memory of all models, once the answer that may be running has ended. Returns when it is free.
    pub async fn unload(&self) {
        let (done, waiting) = oneshot::channel();
        if self.control.send(Control::Unload(done)).is_ok() {
            // An error means that the actor is gone, and the worker with it.
            let _gone = waiting.await;
        }
    }

    /// Ends all workers at once; what runs or waits ends with [`ModelError::Cancelled`]. Nothing can be run afterwards.
    pub async fn shutdown(&self) {
        let (done, waiting) = oneshot::channel();
        if self.control.send(Control::Shutdown(done)).is_ok() {
            let _gone = waiting.await;
        }
    }

    /// The file whose model was used last, where it is in memory.
    pub fn loaded(&self) -> Option<PathBuf> {
        self.resident.borrow().last().cloned()
    }

    /// The files whose models are in memory, the one used last at the end.
    pub fn resident(&self) -> Vec<PathBuf> {
        self.resident.borrow().clone()
    }

    /// Which engine each model, by its name, is to be run with; the others are run as is best. Applies from the next request on.
    pub fn set_backends(&self, pins: HashMap<String, Backend>) {
        self.chooser.set_pins(pins);
    }

    /// The engines that are there, each with the build that runs on this machine. The first call asks the programs.
    pub async fn programs(&self) -> HashMap<Backend, WorkerProgram> {
        self.chooser.programs().await.as_ref().clone()
    }

    /// How the model in the file would be run now. Loads nothing.
    ///
    /// # Errors
    /// What a request would get before anything is loaded: the file is missing or no model, no engine is left for it.
    pub async fn outlook(&self, path: &Path, info: &ModelInfo) -> Result<Outlook, LocalError> {
        let identity = loading::identity(path).await?;
        let file = loading::inspect(path).await?;
        let subject = Subject {
            path,
            identity: &identity,
            model: &info.model.0,
            architecture: file.architecture(),
            split: file.is_split(),
        };
        let chosen = self.chooser.choose(subject, &[]).await?;
        Ok(Outlook {
            backend: chosen.backend,
            why: chosen.why,
            program: chosen.program,
            record: self.chooser.record(path, &identity),
        })
    }

    /// What is known of the file in its present state.
    ///
    /// # Errors
    /// [`LocalError::FileMissing`].
    pub async fn record(&self, path: &Path) -> Result<Record, LocalError> {
        let identity = loading::identity(path).await?;
        Ok(self.chooser.record(path, &identity))
    }

    /// Forgets that a file was given up: it is tried again with every engine.
    ///
    /// # Errors
    /// [`LocalError::FileMissing`].
    pub async fn try_again(&self, path: &Path) -> Result<(), LocalError> {
        let identity = loading::identity(path).await?;
        self.chooser.try_again(path, &identity);
        Ok(())
    }

    /// After how long without a request the model's memory is freed; `None` for never.
    pub fn set_idle_unload(&self, after: Option<Duration>) {
        // An error means that the engine was shut down: nothing is loaded.
        let _gone = self.control.send(Control::SetIdleUnload(after));
    }
}

fn shut_down() -> ModelError {
    ModelError::Local(LocalError::WorkerDied {
        cause: WorkerDeath::NotStarted,
        reason: "Local models were shut down.".to_owned(),
    })
}
