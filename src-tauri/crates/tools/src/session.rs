//! What tools keep from call to call in one session: programs that go on running, and interpreters with their variables.
//!
//! Owns their number and their end. All of it ends with the value.

mod interpreter;
mod job;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

pub(crate) use interpreter::{Interpreter, Outcome};
pub(crate) use job::Job;

use crate::{ToolContext, ToolError, process::Planned};

/// Jobs that run at the same time.
const MAX_RUNNING: usize = 8;
/// Jobs that are remembered.
const MAX_JOBS: usize = 24;

/// What tools keep from call to call in one session: ends with it.
#[derive(Debug, Default)]
pub struct SessionTools {
    jobs: Mutex<Jobs>,
    pub(crate) python: tokio::sync::Mutex<Option<Interpreter>>,
    pub(crate) javascript: tokio::sync::Mutex<Option<Interpreter>>,
    /// Cancelled when the session ends: what runs in an interpreter then stops.
    pub(crate) closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Jobs {
    started: u32,
    list: Vec<Arc<Job>>,
}

impl SessionTools {
    /// Ends everything that still runs, and records what it changed.
    pub async fn close(&self) {
        self.closing.cancel();
        for job in self.jobs() {
            job.stop().await;
        }
        self.python.lock().await.take();
        self.javascript.lock().await.take();
    }

    /// Ends what could send something off this machine: the user went offline.
    pub async fn go_offline(&self) {
        let leaving = self.jobs().into_iter().filter(|job| job.may_leave());
        futures::future::join_all(leaving.map(|job| async move { job.stop().await })).await;
    }

    /// Starts a job.
    ///
    /// # Errors
    /// Where too many run, where the session is ending, and where it cannot be started.
    pub(crate) async fn start_job(
        &self,
        planned: Planned,
        ctx: &ToolContext,
    ) -> Result<Arc<Job>, ToolError> {
        let id = self.reserve()?;
        let job = Arc::new(Job::start(id, planned, ctx).await?);
        self.locked().list.push(Arc::clone(&job));
        if self.closing.is_cancelled() {
            job.stop().await;
        }
        Ok(job)
    }

    fn reserve(&self) -> Result<u32, ToolError> {
        let mut jobs = self.locked();
        let running: Vec<String> = jobs
            .list
            .iter()
            .filter(|job| job.ending().is_none())
            .map(|job| job.id.to_string())
            .collect();
        if running.len() >= MAX_RUNNING {
            return Err(ToolError::Failed(format!(
                "{MAX_RUNNING} jobs run already, no more may: {}. Stop one with `job` first.",
                running.join(", ")
            )));
        }
        if jobs.list.len() >= MAX_JOBS
            && let Some(oldest) = jobs.list.iter().position(|job| job.ending().is_some())
        {
            jobs.list.remove(oldest);
        }
        jobs.started += 1;
        Ok(jobs.started)
    }

    /// All jobs that are remembered, the oldest first.
    pub(crate) fn jobs(&self) -> Vec<Arc<Job>> {
        self.locked().list.clone()
    }

    /// One of them.
    ///
    /// # Errors
    /// Where there is none of this number; those there are, are named.
    pub(crate) fn job(&self, id: u32) -> Result<Arc<Job>, ToolError> {
        let jobs = self.jobs();
        if let Some(job) = jobs.iter().find(|job| job.id == id) {
            return Ok(Arc::clone(job));
        }
        let known: Vec<String> = jobs.iter().map(|job| job.id.to_string()).collect();
        Err(ToolError::BadArguments(if known.is_empty() {
            "There are no jobs. `shell` with `background` starts one.".to_owned()
        } else {
            format!("There is no job {id}. There are: {}.", known.join(", "))
        }))
    }

    fn locked(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
