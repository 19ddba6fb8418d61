//! What is tried again, and with what: a worker that died once is started anew, a file that an engine does not take goes to the
//! next engine. Never where something of the answer was shown: the user would read two beginnings.

use nexus_llm::{ModelError, ModelEvent};
use nexus_protocol::ModelActivity;

use super::actor::{Actor, Answer, Job};
use super::backend::Backend;
use super::chooser::Chosen;
use super::link::Ended;

/// What was tried for one request.
#[derive(Debug, Default)]
struct Tried {
    restarted: bool,
    /// Engines that refused the file, each with its words.
    refused: Vec<(Chosen, String)>,
    /// What the first of them said: where all refuse, that is the answer.
    refusal: Option<ModelError>,
}

impl Tried {
    fn backends(&self) -> Vec<Backend> {
        self.refused
            .iter()
            .map(|(chosen, _)| chosen.backend)
            .collect()
    }
}

impl Actor {
    /// Does a job, with all that is worth a try.
    pub(super) async fn persist(&mut self, job: &Job) -> Result<Answer, ModelError> {
        let mut tried = Tried::default();
        loop {
            self.shown = false;
            self.attempt = None;
            let ended = match self.attempt(job, &tried.backends()).await {
                Ok(answer) => {
                    self.note_refusals(job, tried.refused);
                    return Ok(answer);
                }
                Err(ended) => ended,
            };
            let error = ended.error();
            match self.another(job, ended, &mut tried) {
                Some(reason) => {
                    tracing::warn!(%reason, "a local model is tried again");
                    tell(job, reason);
                }
                None => return Err(tried.refusal.unwrap_or(error)),
            }
        }
    }

    /// Why another try is worth it, if it is.
    fn another(&self, job: &Job, ended: Ended, tried: &mut Tried) -> Option<String> {
        let may = !self.shown && !job.cancel.is_cancelled() && self.shutdown_waiter.is_none();
        match ended {
            Ended::Refused(_) => {
                // Not the file's fault: what was refused before does not matter.
                tried.refusal = None;
                None
            }
            Ended::Unchosen(_) => None,
            Ended::FileRefused { error, reason } => {
                let (_, chosen) = self.attempt.as_ref()?;
                tried.refusal.get_or_insert(error);
                tried.refused.push((chosen.clone(), reason.clone()));
                may.then(|| format!("{} refused the file: {reason}.", chosen.backend))
            }
            Ended::Lost { error, blame } => {
                let blame = blame?;
                tracing::warn!(reason = %blame, "a worker was lost");
                let (identity, chosen) = self.attempt.as_ref()?;
                let given_up = self.chooser.died(&job.path, identity, chosen, &blame);
                if !may {
                    return None;
                }
                let hung = matches!(
                    error,
                    ModelError::Local(nexus_llm::LocalError::Timeout { .. })
                );
                if given_up {
                    tried.restarted = false;
                    return Some(blame);
                }
                // One that hung would take the same time again.
                let restart = !tried.restarted && !hung;
                tried.restarted = true;
                restart.then_some(blame)
            }
        }
    }

    /// An engine took the file that others refused: so it is they who cannot, and they need not be asked the next time.
    fn note_refusals(&self, job: &Job, refused: Vec<(Chosen, String)>) {
        let Some((identity, _)) = &self.attempt else {
            return;
        };
        for (chosen, reason) in refused {
            self.chooser.refused(&job.path, identity, &chosen, &reason);
        }
    }
}

/// Says it where somebody listens.
fn tell(job: &Job, reason: String) {
    if let Some(events) = job.work.events() {
        let _left = events.send(Ok(ModelEvent::Activity(ModelActivity::Retrying {
            attempt: 1,
            wait_ms: 0,
            reason,
        })));
    }
}
