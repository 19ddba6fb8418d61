//! Fills what is missing of a part, over several connections, however often they break.
//!
//! Owns: bodies, retries, waits, and giving up. Refuses to own: what to do when the file itself is wrong (`one`).

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use rand::Rng;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Limits, Trouble,
    notes::Notes,
    part::Part,
    plan::plan,
    source::{Opened, Source},
};
use crate::{error::HubError, http::unreachable};

/// Bytes that are written at once.
const BUFFER: usize = 256 * 1024;

/// One file's worth of what the connections share.
#[derive(Clone)]
pub(crate) struct Transfer {
    pub(crate) source: Arc<Source>,
    pub(crate) part: Arc<Part>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) stop: CancellationToken,
    /// The server has no ranges: one connection, from the first byte.
    pub(crate) whole: bool,
}

impl Transfer {
    /// Until nothing is missing. Whatever ends it, what came is saved.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let missing = self.part.missing();
        let mut plan = plan(&missing, &self.limits);
        if self.whole {
            plan.workers = 1;
            plan.pieces = std::iter::once(0..self.source.identity().size).collect();
        }
        let pieces = Arc::new(Mutex::new(VecDeque::from(plan.pieces)));
        let mut workers = JoinSet::new();
        let group = self.stop.child_token();
        for _ in 0..plan.workers {
            let worker = Self {
                stop: group.clone(),
                ..self.clone()
            };
            let pieces = Arc::clone(&pieces);
            workers.spawn(async move {
                loop {
                    let next = pieces
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    let Some(piece) = next else {
                        return Ok(());
                    };
                    worker.fill(piece).await?;
                }
            });
        }
        let mut outcome = Ok(());
        while let Some(ended) = workers.join_next().await {
            let ended = ended.unwrap_or_else(|error| {
                Err(Trouble::Fatal(HubError::Unreachable(error.to_string())))
            });
            if let Err(trouble) = ended {
                // The first one is the cause; the others then end because of it.
                group.cancel();
                if outcome.is_ok() {
                    outcome = Err(trouble);
                }
            }
        }
        let saved = self.part.save().await;
        self.notes.trouble(None);
        outcome?;
        Ok(saved?)
    }

    /// One piece, with as many tries as bring something.
    async fn fill(&self, piece: Range<u64>) -> Result<(), Trouble> {
        let mut left = piece;
        let mut counted = left.start;
        let mut failures = 0;
        while left.start < left.end {
            let trouble = match self.attempt(&mut left).await {
                // A server may give less at a time than was asked for, but not nothing.
                Ok(()) => continue,
                Err(trouble) => trouble,
            };
            let Trouble::Retry { error, after } = trouble else {
                return Err(trouble);
            };
            // From the first byte again, a connection that breaks is no nearer to its end than the one before.
            if !self.whole && left.start - counted >= self.limits.progress {
                failures = 0;
                counted = left.start;
            }
            failures += 1;
            if failures >= self.limits.tries {
                return Err(Trouble::Fatal(HubError::GaveUp {
                    tries: failures,
                    last: Box::new(error),
                }));
            }
            tracing::debug!(file = self.source.name(), %error, failures, "a connection failed");
            self.notes.trouble(Some(error));
            // Once is the line; more may be the server behind, and the hub may know a better one.
            if failures > 1 {
                self.source.forget_link().await;
            }
            let wait = after.unwrap_or_else(|| backoff(failures, &self.limits));
            tokio::select! {
                () = self.stop.cancelled() => return Err(Trouble::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(())
    }

    async fn attempt(&self, left: &mut Range<u64>) -> Result<(), Trouble> {
        if self.whole {
            left.start = 0;
        }
        let etag = self.part.etag();
        let opened = tokio::select! {
            () = self.stop.cancelled() => return Err(Trouble::Stopped),
            opened = self.source.open(left, self.whole, etag.as_deref()) => opened?,
        };
        self.part.agree(opened.etag.as_deref())?;
        self.drain(opened, left).await
    }

    /// Writes what comes. What came before a failure is written too: it need not come again.
    async fn drain(&self, opened: Opened, left: &mut Range<u64>) -> Result<(), Trouble> {
        let end = opened.end;
        let mut body = Box::pin(opened.body.bytes_stream());
        let mut buffer = BytesMut::with_capacity(BUFFER);
        let mut slow = Slow::new(&self.limits);
        let ended = loop {
            let room = end - left.start - buffer.len() as u64;
            if room == 0 {
                break Ok(());
            }
            let next = tokio::select! {
                biased;
                () = self.stop.cancelled() => break Err(Trouble::Stopped),
                next = tokio::time::timeout(self.limits.idle, body.next()) => next,
            };
            match next {
                Err(_) => {
                    let seconds = self.limits.idle.as_secs_f32();
                    break Err(Trouble::retry(HubError::Silent(format!(
                        "nothing came for {seconds} s"
                    ))));
                }
                Ok(None) => {
                    break Err(Trouble::retry(HubError::Unreachable(
                        "the file ended before its end".into(),
                    )));
                }
                Ok(Some(Err(error))) => {
                    break Err(match unreachable(error) {
                        // The user's own choice does not pass by itself.
                        error @ HubError::Offline => Trouble::Fatal(error),
                        error => Trouble::retry(error),
                    });
                }
                Ok(Some(Ok(chunk))) => {
                    let take = usize::try_from(room).unwrap_or(usize::MAX).min(chunk.len());
                    buffer.extend_from_slice(&chunk[..take]);
                    if let Err(trouble) = slow.note(take as u64) {
                        break Err(trouble);
                    }
                    if buffer.len() >= BUFFER {
                        self.store(&mut buffer, left).await?;
                        self.notes.trouble(None);
                    }
                }
            }
        };
        self.store(&mut buffer, left).await?;
        ended
    }

    async fn store(&self, buffer: &mut BytesMut, left: &mut Range<u64>) -> Result<(), HubError> {
        let bytes: Bytes = buffer.split().freeze();
        let count = bytes.len() as u64;
        self.part.write(left.start, bytes, &self.limits).await?;
        left.start += count;
        Ok(())
    }
}

/// Full jitter: connections that broke together do not come back together.
fn backoff(failures: u32, limits: &Limits) -> Duration {
    let bound = limits
        .backoff_base
        .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
        .min(limits.backoff_cap);
    bound.mul_f64(rand::rng().random_range(0.0..=1.0))
}

/// A drip keeps a connection open for ever; this ends it.
struct Slow {
    window: Duration,
    least: u64,
    since: Instant,
    bytes: u64,
}

impl Slow {
    fn new(limits: &Limits) -> Self {
        Self {
            window: limits.slow_window,
            least: limits.slow_bytes,
            since: Instant::now(),
            bytes: 0,
        }
    }

    fn note(&mut self, bytes: u64) -> Result<(), Trouble> {
        self.bytes += bytes;
        if self.since.elapsed() < self.window {
            return Ok(());
        }
        if self.bytes < self.least {
            return Err(Trouble::retry(HubError::Silent(format!(
                "only {} bytes came in {} s",
                self.bytes,
                self.window.as_secs_f32()
            ))));
        }
        self.since = Instant::now();
        self.bytes = 0;
        Ok(())
    }
}
