//! The generation that runs, and how it is stopped: asked by the thread that reads, seen by the engine's.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use nexus_protocol::worker::{WorkerError, WorkerReply, WorkerRequest};

use crate::input;
use crate::output::Output;

/// What is left for the engine's thread, in order, and what it shares with the reader.
pub(crate) struct Input {
    pub(crate) requests: mpsc::Receiver<WorkerRequest>,
    pub(crate) turn: Arc<Turn>,
}

/// The generation that runs, if one does.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    running: Mutex<Option<u64>>,
    cancelled: AtomicBool,
}

impl Turn {
    /// Whether generation `id` may run; none else runs then.
    fn begin(&self, id: u64) -> bool {
        let mut running = self.running();
        if running.is_some() {
            return false;
        }
        self.cancelled.store(false, Ordering::Relaxed);
        *running = Some(id);
        true
    }

    /// To be called before the last reply is sent: the parent may ask for the next one as soon as it has read it.
    pub(crate) fn end(&self) {
        *self.running() = None;
    }

    /// One that has ended already needs no cancelling.
    fn cancel(&self, id: u64) {
        if *self.running() == Some(id) {
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn running(&self) -> MutexGuard<'_, Option<u64>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts to read. What must not wait for the engine is done at once.
pub(crate) fn listen(output: Output) -> io::Result<Input> {
    let (sender, requests) = mpsc::channel();
    let turn = Arc::<Turn>::default();
    let (reader_turn, replies) = (turn.clone(), output.clone());
    input::listen(output, move |request| match request {
        WorkerRequest::Cancel { id } => reader_turn.cancel(id),
        WorkerRequest::Generate { id, .. } if !reader_turn.begin(id) => {
            replies.send(&WorkerReply::Failed {
                id,
                error: WorkerError::BadState {
                    reason: "a generation runs already".to_owned(),
                },
            });
        }
        // An error means that the engine's thread has ended, and the process with it.
        request => drop(sender.send(request)),
    })?;
    Ok(Input { requests, turn })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_at_a_time_and_only_that_one_is_cancelled() {
        let turn = Turn::default();
        assert!(turn.begin(1));
        assert!(!turn.begin(2));
        turn.cancel(2);
        assert!(!turn.is_cancelled());
        turn.cancel(1);
        assert!(turn.is_cancelled());
        turn.end();
        // A cancellation that comes late, or that was for another, does not reach the next.
        turn.cancel(1);
        assert!(turn.begin(3));
        assert!(!turn.is_cancelled());
    }
}
