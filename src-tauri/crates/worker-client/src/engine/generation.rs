//! One answer, or one count, from a worker that has its model.

use std::time::Duration;

use nexus_llm::{ModelError, ModelEvent, WorkerDeath};
use nexus_protocol::worker::{WorkerError, WorkerReply, WorkerRequest};
use nexus_protocol::{ChatRequest, FinishReason, ModelActivity, ModelRef, Usage};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Events};
use super::backend::Backend;
use super::death::Obituary;
use super::link::{Ended, Step, lost_to, misbehaved};
use super::loading::Loaded;
use super::process::Incoming;
use super::records::Run;

/// Time for each token of a prompt before the first word must come: no machine that can run the model at all is slower.
const TIME_PER_PROMPT_TOKEN: Duration = Duration::from_millis(500);

/// For the answer to a ping that is asked for its memory.
const WEIGHING: Duration = Duration::from_millis(100);

/// When the parts of an answer came.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    started: Option<Instant>,
    first: Option<Instant>,
    finished: Option<Instant>,
}

impl Clock {
    /// What is long enough to be measured.
    fn run(self, loaded: &Loaded, usage: Usage) -> Run {
        /// Fewer tokens are read in one batch, whose time says nothing of longer ones.
        const PROMPT_TOKENS: u64 = 32;
        const ANSWER_TOKENS: u64 = 8;
        let rate = |tokens: u64, least: u64, from: Option<Instant>, to: Option<Instant>| {
            let seconds = to?.checked_duration_since(from?)?.as_secs_f64();
            (tokens >= least && seconds > 0.0).then(|| tokens as f64 / seconds)
        };
        // mistral.rs does not say what it remembered: of its later prompts it is not known what was computed.
        let computed = match loaded.chosen.backend {
            Backend::Mistral if loaded.answers > 0 => 0,
            _ => usage.input_tokens.saturating_sub(usage.cached_tokens),
        };
        Run {
            load_ms: loaded.load_ms,
            prompt_tokens_per_second: rate(computed, PROMPT_TOKENS, self.started, self.first),
            answer_tokens_per_second: rate(
                usage.output_tokens.saturating_sub(1),
                ANSWER_TOKENS,
                self.first,
                self.finished,
            ),
            peak_bytes: Some(loaded.process.peak_bytes).filter(|bytes| *bytes > 0),
            threads: loaded.threads,
        }
    }
}

impl Actor {
    /// Runs one generation; gives its last event.
    pub(super) async fn generate(
        &mut self,
        request: ChatRequest,
        cancel: &CancellationToken,
        events: &Events,
    ) -> Result<ModelEvent, Ended> {
        let id = self.id();
        self.send(&WorkerRequest::Generate { id, request }).await?;
        let limits = self.options.limits;
        let mut patience = limits.stall;
        let mut heard = Instant::now();
        let mut text_bytes = 0;
        let mut clock = Clock::default();
        loop {
            let step = self.step(cancel, heard + patience, patience).await;
            heard = Instant::now();
            let event = match step {
                Step::Reply(WorkerReply::Started {
                    id: of,
                    prompt_tokens,
                }) if of == id => {
                    patience = limits.stall + TIME_PER_PROMPT_TOKEN.saturating_mul(prompt_tokens);
                    clock.started = Some(heard);
                    ModelEvent::Activity(ModelActivity::Waiting)
                }
                Step::Reply(WorkerReply::Text { id: of, text }) if of == id => {
                    patience = limits.stall;
                    text_bytes += text.len();
                    ModelEvent::Text(text)
                }
                Step::Reply(WorkerReply::Thinking { id: of, text }) if of == id => {
                    patience = limits.stall;
                    text_bytes += text.len();
                    ModelEvent::Thinking(text)
                }
                Step::Reply(WorkerReply::Finished {
                    id: of,
                    reason: Some(reason),
                    usage,
                }) if of == id => {
                    clock.finished = Some(heard);
                    self.weigh().await;
                    return Ok(self.finished(reason, usage, clock));
                }
                Step::Reply(WorkerReply::Failed { id: of, error }) if of == id => {
                    return Err(self.failed(error).await);
                }
                Step::Reply(other) => return Err(self.out_of_turn(&other).await),
                Step::Cancelled => return Err(self.cancel(id).await),
                step => return Err(self.lose(step).await),
            };
            if text_bytes > limits.answer_bytes {
                let reason = format!("It sent more than {} bytes of text.", limits.answer_bytes);
                return Err(self.lose(Step::Dead(Some(reason))).await);
            }
            match &event {
                ModelEvent::Text(text) | ModelEvent::Thinking(text) if text.is_empty() => {}
                _ => {
                    if event.is_visible() {
                        clock.first.get_or_insert(heard);
                        self.shown = true;
                    }
                    let _left = events.send(Ok(event));
                }
            }
        }
    }

    /// Counts the tokens of a conversation.
    pub(super) async fn count(
        &mut self,
        request: ChatRequest,
        cancel: &CancellationToken,
    ) -> Result<u32, Ended> {
        let id = self.id();
        self.send(&WorkerRequest::CountTokens { id, request })
            .await?;
        let patience = self.options.limits.stall;
        match self.step(cancel, Instant::now() + patience, patience).await {
            Step::Reply(WorkerReply::Counted { id: of, tokens }) if of == id => Ok(tokens),
            Step::Reply(WorkerReply::Failed { id: of, error }) if of == id => {
                Err(self.failed(error).await)
            }
            Step::Reply(other) => Err(self.out_of_turn(&other).await),
            Step::Cancelled => Err(self.cancel(id).await),
            step => Err(self.lose(step).await),
        }
    }

    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Asks what the worker's memory is, which it says at once. An answer that does not come at once is not waited for.
    async fn weigh(&mut self) {
        let Some(loaded) = &mut self.loaded else {
            return;
        };
        // A ping always fits a frame.
        let _sent = loaded.process.send(&WorkerRequest::Ping { id: 0 });
        let pong = async {
            while let Some(Incoming::Reply(reply)) = loaded.process.next().await {
                if matches!(reply, WorkerReply::Pong { .. }) {
                    return;
                }
            }
        };
        let _late = timeout(WEIGHING, pong).await;
    }

    fn finished(&mut self, reason: FinishReason, usage: Usage, clock: Clock) -> ModelEvent {
        if let Some(loaded) = &mut self.loaded {
            let run = clock.run(loaded, usage);
            self.chooser
                .finished(&loaded.path, &loaded.identity, loaded.chosen.backend, run);
            loaded.answers += 1;
            loaded.keeps(usage.input_tokens.saturating_add(usage.output_tokens));
        }
        ModelEvent::Finished {
            reason,
            usage: Some(Usage {
                cost_usd: Some(0.0),
                ..usage
            }),
        }
    }

    /// Asks the worker to stop, and ends it where it does not in time: while it reads a prompt it cannot.
    async fn cancel(&mut self, id: u64) -> Ended {
        if let Err(ended) = self.send(&WorkerRequest::Cancel { id }).await {
            return ended;
        }
        let grace = self.options.limits.cancel_grace;
        let deadline = Instant::now() + grace;
        let never = CancellationToken::new();
        loop {
            match self.step(&never, deadline, grace).await {
                Step::Reply(
                    WorkerReply::Finished { id: of, .. }
                    | WorkerReply::Failed {
                        id: of,
                        error: WorkerError::ContextOverflow { .. } | WorkerError::Refused { .. },
                    }
                    | WorkerReply::Counted { id: of, .. },
                ) if of == id => return Ended::Refused(ModelError::Cancelled),
                Step::Reply(
                    WorkerReply::Started { .. }
                    | WorkerReply::Text { .. }
                    | WorkerReply::Thinking { .. },
                ) => {}
                // Whatever else it is: the caller wanted an end and has it, and the next job gets a fresh worker.
                step => {
                    tracing::info!("a cancelled generation did not stop: its worker is ended");
                    let blame = matches!(step, Step::Dead(_));
                    let ended = self.lose(step).await;
                    return Ended::Lost {
                        error: ModelError::Cancelled,
                        blame: match ended {
                            Ended::Lost { blame: reason, .. } if blame => reason,
                            _ => None,
                        },
                    };
                }
            }
        }
    }

    async fn failed(&mut self, error: WorkerError) -> Ended {
        match error {
            WorkerError::ContextOverflow {
                prompt_tokens,
                context_tokens,
            } => Ended::Refused(ModelError::ContextOverflow {
                needed: prompt_tokens,
                limit: context_tokens,
            }),
            WorkerError::Refused { reason } => Ended::Refused(ModelError::RequestRefused {
                provider: ModelRef::LOCAL.into(),
                status: 0,
                message: reason,
            }),
            WorkerError::Engine { reason } => {
                self.kill().await;
                misbehaved(format!("The engine failed: {reason}."))
            }
            WorkerError::OutOfMemory { reason } => {
                let limit = self.loaded.as_ref().and_then(Loaded::memory);
                self.kill().await;
                lost_to(Obituary {
                    cause: WorkerDeath::OutOfMemory { limit },
                    reason: format!("It ran out of memory: {reason}."),
                })
            }
            WorkerError::BadState { reason } | WorkerError::Load { reason } => {
                self.kill().await;
                misbehaved(format!("It was out of step: {reason}."))
            }
        }
    }
}
