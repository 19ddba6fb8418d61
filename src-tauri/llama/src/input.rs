//! What the parent says: read on a thread of its own, which answers what must not wait for the engine.

use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use nexus_protocol::worker::{FrameDecoder, WorkerError, WorkerReply, WorkerRequest};

use crate::guard::resident_bytes;
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

/// Starts to read. Ends the process when stdin ends, at `Shutdown` and at what is no request.
pub(crate) fn listen(output: Output) -> io::Result<Input> {
    let (sender, requests) = mpsc::channel();
    let turn = Arc::<Turn>::default();
    let reader = Reader {
        requests: sender,
        turn: turn.clone(),
        output,
    };
    std::thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || reader.run())?;
    Ok(Input { requests, turn })
}

struct Reader {
    requests: mpsc::Sender<WorkerRequest>,
    turn: Arc<Turn>,
    output: Output,
}

impl Reader {
    fn run(&self) -> ! {
        let mut decoder = FrameDecoder::default();
        let mut buffer = vec![0; 64 << 10];
        let mut stdin = io::stdin().lock();
        loop {
            match decoder.next_message() {
                Ok(Some(request)) => self.take(request),
                Ok(None) => match stdin.read(&mut buffer) {
                    Ok(0) => std::process::exit(0),
                    Ok(count) => decoder.push(&buffer[..count]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        tracing::error!(%error, "stdin cannot be read");
                        std::process::exit(1);
                    }
                },
                Err(error) => {
                    tracing::error!(%error, "the parent sent no request");
                    std::process::exit(1);
                }
            }
        }
    }

    fn take(&self, request: WorkerRequest) {
        match request {
            WorkerRequest::Ping { id } => self.output.send(&WorkerReply::Pong {
                id,
                resident_bytes: resident_bytes(),
            }),
            WorkerRequest::Shutdown => std::process::exit(0),
            WorkerRequest::Cancel { id } => self.turn.cancel(id),
            WorkerRequest::Generate { id, .. } if !self.turn.begin(id) => {
                self.output.send(&WorkerReply::Failed {
                    id,
                    error: WorkerError::BadState {
                        reason: "a generation runs already".to_owned(),
                    },
                });
            }
            // An error means that the engine's thread has ended, and the process with it.
            request => drop(self.requests.send(request)),
        }
    }
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
