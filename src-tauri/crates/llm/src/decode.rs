//! Bytes of a streamed answer to events.
//!
//! Owns: the whole way from bytes to [`ModelEvent`]s and the judgement of how a stream ended. Pure: the same bytes give the same
//! events however they were cut. Refuses to own: sockets, time, retries.

use nexus_protocol::{ModelPlace, Pricing};
use secrecy::SecretString;
use serde_json::Value;

use crate::assemble::Assembler;
use crate::clean::Cleaner;
use crate::fault::{Fault, looks_like_a_page};
use crate::sse::{SseEvent, SseLimits, SseParser};
use crate::{ModelError, ModelEvent, ProviderLabel, usage};

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// The answer is coming.
    Open,
    /// The model is done; only token counts may follow.
    Tail,
    /// `Finished` was the last event, or an error was returned: nothing more is read.
    Ended,
}

/// Reads one answer.
#[derive(Debug)]
pub struct StreamDecoder {
    provider: ProviderLabel,
    cleaner: Cleaner,
    place: ModelPlace,
    pricing: Option<Pricing>,
    parser: SseParser,
    assembler: Assembler,
    state: StreamState,
    // The first bytes, to tell a web page from a broken stream.
    start: Vec<u8>,
}

impl StreamDecoder {
    /// For an answer of `provider`. `salt` makes ids of tool calls unique where the provider sends none.
    pub fn new(provider: impl Into<ProviderLabel>, salt: &str) -> Self {
        Self {
            provider: provider.into(),
            cleaner: Cleaner::default(),
            place: ModelPlace::Cloud,
            pricing: None,
            parser: SseParser::new(SseLimits::default()),
            assembler: Assembler::new(salt.to_owned()),
            state: StreamState::Open,
            start: Vec::new(),
        }
    }

    /// Takes the key out of messages.
    #[must_use]
    pub fn with_key(mut self, key: Option<SecretString>) -> Self {
        self.cleaner = Cleaner::new(key);
        self
    }

    /// Where the model runs and what it costs.
    #[must_use]
    pub fn with_pricing(mut self, place: ModelPlace, pricing: Option<Pricing>) -> Self {
        self.place = place;
        self.pricing = pricing;
        self
    }

    /// Other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: SseLimits) -> Self {
        self.parser = SseParser::new(limits);
        self
    }

    /// Where the stream stands.
    pub fn state(&self) -> StreamState {
        self.state
    }

    /// Takes the next bytes and appends what they say, up to an error too.
    ///
    /// # Errors
    /// What the provider says went wrong, or [`ModelError::BadAnswer`].
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<ModelEvent>) -> Result<(), ModelError> {
        if self.state == StreamState::Ended {
            return Ok(());
        }
        let missing = 512_usize.saturating_sub(self.start.len()).min(bytes.len());
        self.start
            .extend_from_slice(bytes.get(..missing).unwrap_or_default());
        let mut raw = Vec::new();
        let limit = self.parser.push(bytes, &mut raw);
        for event in &raw {
            self.event(event, events)?;
            if self.state == StreamState::Ended {
                return Ok(());
            }
        }
        limit.map_err(|error| self.bad(&error.to_string()))
    }

    /// The stream ended without a fault of the connection.
    ///
    /// # Errors
    /// [`ModelError::ConnectionLost`] where the answer had not, [`ModelError::BadAnswer`] where it was none.
    pub fn end_of_stream(&mut self, events: &mut Vec<ModelEvent>) -> Result<(), ModelError> {
        if self.state == StreamState::Ended {
            return Ok(());
        }
        let mut raw = Vec::new();
        let limit = self.parser.finish(&mut raw);
        for event in &raw {
            // An event cut off in the middle is a lost connection, not a fault of the provider.
            if event.data.trim() != "[DONE]" && serde_json::from_str::<Value>(&event.data).is_err()
            {
                break;
            }
            self.event(event, events)?;
        }
        limit.map_err(|error| self.bad(&error.to_string()))?;
        if looks_like_a_page(&self.start) {
            return Err(self.bad("it sent a web page instead of an answer"));
        }
        let said_anything = self.start.iter().any(|byte| !byte.is_ascii_whitespace());
        if self.assembler.chunks == 0 && said_anything && !self.has_sse_start() {
            return Err(self.bad("it sent no event stream"));
        }
        self.lost("it ended before the answer did", events)
    }

    /// The connection broke, or fell silent after the model was done.
    ///
    /// # Errors
    /// [`ModelError::ConnectionLost`] where the answer had not ended.
    pub fn lost(&mut self, how: &str, events: &mut Vec<ModelEvent>) -> Result<(), ModelError> {
        match self.state {
            StreamState::Ended => Ok(()),
            StreamState::Tail => {
                self.finish(events);
                Ok(())
            }
            StreamState::Open => {
                self.state = StreamState::Ended;
                Err(ModelError::ConnectionLost {
                    provider: self.provider.clone(),
                    message: self.cleaner.message(how),
                })
            }
        }
    }

    /// Takes a whole answer in one piece of JSON, from servers that do not stream.
    ///
    /// # Errors
    /// What the provider says went wrong, or [`ModelError::BadAnswer`].
    pub fn whole(&mut self, body: &[u8], events: &mut Vec<ModelEvent>) -> Result<(), ModelError> {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Err(self.bad("it sent JSON that cannot be read"));
        };
        self.value(&value, events)?;
        if self.assembler.chunks == 0 {
            return Err(self.bad("it sent JSON without an answer in it"));
        }
        self.finish(events);
        Ok(())
    }

    fn event(&mut self, event: &SseEvent, events: &mut Vec<ModelEvent>) -> Result<(), ModelError> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        if data == "[DONE]" {
            if self.assembler.chunks == 0 {
                return Err(self.bad("it ended the answer before it began"));
            }
            self.finish(events);
            return Ok(());
        }
        match serde_json::from_str::<Value>(data) {
            Ok(value) if event.name == "error" && value.get("error").is_none() => {
                let fault = Fault::loosely(&value).unwrap_or_else(|| Fault {
                    message: data.to_owned(),
                    ..Fault::default()
                });
                Err(self.fault(fault))
            }
            Ok(value) => self.value(&value, events),
            Err(_) if event.name == "error" => Err(self.fault(Fault {
                message: data.to_owned(),
                ..Fault::default()
            })),
            Err(_) => Err(self.bad("a piece of the answer is no valid JSON")),
        }
    }

    fn value(&mut self, value: &Value, events: &mut Vec<ModelEvent>) -> Result<(), ModelError> {
        if let Err(fault) = self.assembler.chunk(value, events) {
            return Err(self.fault(fault));
        }
        if self.assembler.complete {
            self.finish(events);
        } else if self.assembler.finish.is_some() {
            self.state = StreamState::Tail;
        }
        Ok(())
    }

    fn finish(&mut self, events: &mut Vec<ModelEvent>) {
        if self.state == StreamState::Ended {
            return;
        }
        self.state = StreamState::Ended;
        let reason = self.assembler.end(events);
        let usage = self
            .assembler
            .usage
            .map(|counts| usage::priced(counts, self.place, self.pricing));
        events.push(ModelEvent::Finished { reason, usage });
    }

    /// Whether the bytes at least began as an event stream: then an early end is a lost connection.
    fn has_sse_start(&self) -> bool {
        let start = self
            .start
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(&self.start);
        let start = start.trim_ascii_start();
        [&b":"[..], b"data", b"event", b"id:", b"retry:"]
            .iter()
            .any(|field| start.starts_with(field) || field.starts_with(start))
    }

    fn fault(&mut self, fault: Fault) -> ModelError {
        self.state = StreamState::Ended;
        fault.into_error(&self.provider, &self.cleaner, None)
    }

    fn bad(&mut self, message: &str) -> ModelError {
        self.state = StreamState::Ended;
        ModelError::BadAnswer {
            provider: self.provider.clone(),
            message: self.cleaner.message(message),
        }
    }
}
