//! The conversation with a loaded worker: waiting for what it says, and ending it when it does not behave.

use std::time::Duration;

use nexus_llm::{LocalError, ModelError, WorkerDeath};
use nexus_protocol::worker::{WorkerReply, WorkerRequest};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::actor::Actor;
use super::death::Obituary;
use super::process::Incoming;

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
    /// The engine does not take the file; another may.
    FileRefused {
        error: ModelError,
        /// In the engine's words.
        reason: String,
    },
    /// No engine is left.
    Unchosen(ModelError),
    /// The worker was ended for it. It counts as a death where the worker is to blame.
    Lost {
        error: ModelError,
        blame: Option<String>,
    },
}

impl Actor {
    /// Waits for the next thing that matters; sees to pings and to the engine's own controls meanwhile.
    pub(super) async fn step(
        &mut self,
        cancel: &CancellationToken,
        deadline: Instant,
        patience: Duration,
    ) -> Step {
        let limits = self.options.limits;
        loop {
            let look_at = self.next_look;
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
                () = sleep_until(look_at), if !self.parked.is_empty() => self.look_at_memory().await,
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
            return Err(gone());
        };
        let now = Instant::now();
        loaded.process.begin();
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
            return gone();
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
    pub(super) fn error(&self) -> ModelError {
        match self {
            Self::Refused(error)
            | Self::FileRefused { error, .. }
            | Self::Unchosen(error)
            | Self::Lost { error, .. } => error.clone(),
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

/// A worker that is gone. Where the machine was short of memory, or would not start it, that is not the file's fault.
pub(super) fn lost_to(obituary: Obituary) -> Ended {
    let Obituary { cause, reason } = obituary;
    Ended::Lost {
        blame: cause.is_worth_a_restart().then(|| reason.clone()),
        error: ModelError::Local(LocalError::WorkerDied { cause, reason }),
    }
}

/// The engine in it failed, or it said what it should not have.
pub(super) fn misbehaved(reason: String) -> Ended {
    lost_to(Obituary {
        cause: WorkerDeath::Misbehaved,
        reason,
    })
}

fn gone() -> Ended {
    misbehaved("It is not running.".to_owned())
}

pub(super) fn refused(error: LocalError) -> Ended {
    Ended::Refused(ModelError::Local(error))
}
