//! One answer, from the engine's tokens to the parent's frames.

use std::time::{Duration, Instant};

use nexus_protocol::worker::{WorkerError, WorkerReply};
use nexus_protocol::{ChatRequest, FinishReason, Usage};

use crate::constraint::Constraint;
use crate::engine::{Engine, Prompt};
use crate::output::Output;
use crate::sieve::{Piece, Sieve};
use crate::spare;
use crate::turn::Turn;
use crate::utf8::Utf8Carry;

/// Text is sent this often at most: more than a screen shows.
const MERGE: Duration = Duration::from_millis(16);

impl Engine<'_> {
    /// Runs a generation to its end. Gives the `Finished` or `Failed` that is to be sent, last.
    pub(crate) fn answer(
        &mut self,
        id: u64,
        request: &ChatRequest,
        turn: &Turn,
        output: &Output,
    ) -> WorkerReply {
        let fit = self.prompt(request).and_then(|prompt| {
            let prompt = self.as_seen(prompt);
            if prompt.count() < self.context_tokens() {
                return Ok(prompt);
            }
            Err(WorkerError::ContextOverflow {
                prompt_tokens: prompt.count(),
                context_tokens: self.context_tokens(),
            })
        });
        let prompt = match fit {
            Ok(prompt) => prompt,
            Err(error) => return WorkerReply::Failed { id, error },
        };
        let constraint = match self.constraint(request, &prompt) {
            Ok(constraint) => constraint,
            Err(error) => return WorkerReply::Failed { id, error },
        };
        output.send(&WorkerReply::Started {
            id,
            prompt_tokens: prompt.count(),
        });
        let mut usage = Usage {
            input_tokens: prompt.count().into(),
            ..Usage::default()
        };
        let mut writer = Writer::new(id, self.sieve(&prompt), output);
        let end = self.generate(request, &prompt, constraint, turn, &mut writer, &mut usage);
        match end {
            Ok(reason) => {
                writer.finish();
                WorkerReply::Finished { id, reason, usage }
            }
            Err(reason) => WorkerReply::Failed {
                id,
                error: spare::fault(reason),
            },
        }
    }

    /// `None` where it was cancelled.
    fn generate(
        &mut self,
        request: &ChatRequest,
        prompt: &Prompt,
        mut constraint: Option<Constraint>,
        turn: &Turn,
        writer: &mut Writer<'_>,
        usage: &mut Usage,
    ) -> Result<Option<FinishReason>, String> {
        let room = u64::from(self.context_tokens() - prompt.count());
        let most = request
            .max_output_tokens
            .map_or(room, |wish| u64::from(wish).clamp(1, room));
        let stopped = || turn.is_cancelled();
        usage.cached_tokens = self.recall(&prompt.tokens) as u64;
        self.read_beginning(request, prompt, &stopped)?;
        if !self.read(&prompt.tokens, prompt.tokens.len(), &stopped)? {
            return Ok(None);
        }
        let mut sampler = self.sampler(request);
        loop {
            if turn.is_cancelled() {
                return Ok(None);
            }
            spare::check()?;
            let token = match &mut constraint {
                Some(constraint) => self.next_within(&mut sampler, constraint)?,
                None => self.next(&mut sampler),
            };
            usage.output_tokens += 1;
            if self.is_end(token) {
                return Ok(Some(FinishReason::Stop));
            }
            usage.reasoning_tokens += u64::from(writer.sieve.is_thinking());
            let stopped = writer.write(&self.bytes(token));
            if stopped || constraint.as_ref().is_some_and(Constraint::is_over) {
                return Ok(Some(FinishReason::Stop));
            }
            if usage.output_tokens >= most {
                return Ok(Some(FinishReason::Length));
            }
            self.take(token)?;
        }
    }
}

/// Bytes of tokens become frames: characters made whole, reasoning sorted out, small pieces merged.
struct Writer<'a> {
    id: u64,
    output: &'a Output,
    carry: Utf8Carry,
    sieve: Sieve,
    /// Of one kind.
    waiting: Option<Piece>,
    sent: Option<Instant>,
}

impl<'a> Writer<'a> {
    fn new(id: u64, sieve: Sieve, output: &'a Output) -> Self {
        Self {
            id,
            output,
            carry: Utf8Carry::default(),
            sieve,
            waiting: None,
            sent: None,
        }
    }

    /// Whether the answer ends here.
    fn write(&mut self, bytes: &[u8]) -> bool {
        let text = self.carry.push(bytes);
        let pieces = self.sieve.push(&text);
        self.put(pieces);
        if self.sent.is_none_or(|sent| sent.elapsed() >= MERGE) {
            self.flush();
        }
        self.sieve.has_stopped()
    }

    /// What was held back goes out.
    fn finish(&mut self) {
        let text = self.carry.finish();
        let mut pieces = self.sieve.push(&text);
        pieces.extend(self.sieve.finish());
        self.put(pieces);
        self.flush();
    }

    fn put(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match (&mut self.waiting, piece) {
                (Some(Piece::Text(text)), Piece::Text(more))
                | (Some(Piece::Thinking(text)), Piece::Thinking(more)) => text.push_str(&more),
                (_, piece) => {
                    self.flush();
                    self.waiting = Some(piece);
                }
            }
        }
    }

    fn flush(&mut self) {
        let id = self.id;
        let Some(piece) = self.waiting.take() else {
            return;
        };
        self.output.send(&match piece {
            Piece::Text(text) => WorkerReply::Text { id, text },
            Piece::Thinking(text) => WorkerReply::Thinking { id, text },
        });
        self.sent = Some(Instant::now());
    }
}
