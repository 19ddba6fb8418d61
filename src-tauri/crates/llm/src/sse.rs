//! Server-sent events, byte by byte.
//!
//! Owns: cutting a byte stream into events, with limits, so that any way of cutting the same bytes into pieces gives the same
//! events. Refuses to own: what an event means, and reconnecting (a paid request is never repeated by a parser).

/// Bytes that a stream may have before it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseLimits {
    /// Of one line.
    pub line: usize,
    /// Of one event's data.
    pub event: usize,
    /// Of the whole stream.
    pub body: u64,
}

impl Default for SseLimits {
    fn default() -> Self {
        Self {
            line: 8 * 1024 * 1024,
            event: 8 * 1024 * 1024,
            body: 256 * 1024 * 1024,
        }
    }
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field; empty where there is none.
    pub name: String,
    /// The `data` lines, joined by line feeds. Bytes that are no UTF-8 became U+FFFD.
    pub data: String,
}

/// A stream past its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line.
    #[error("a line is longer than {0} bytes")]
    LineTooLong(usize),
    /// An event.
    #[error("an event is longer than {0} bytes")]
    EventTooLong(usize),
    /// The whole.
    #[error("the answer is longer than {0} bytes")]
    BodyTooLong(u64),
}

/// Cuts bytes into events. After an error it stays in that error.
#[derive(Debug, Default)]
pub struct SseParser {
    limits: SseLimits,
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    name: Vec<u8>,
    total: u64,
    // A line feed right after a carriage return belongs to it, even when it comes in the next piece.
    after_cr: bool,
    past_first_line: bool,
    failed: Option<SseError>,
}

impl SseParser {
    /// A parser at the start of a stream.
    pub fn new(limits: SseLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes the next bytes and appends the events they complete, those before an error too.
    ///
    /// # Errors
    /// When a limit is passed.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let room = self.limits.body.saturating_sub(self.total);
        let allowed = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        let outcome = match self.take(bytes.get(..allowed).unwrap_or(bytes), events) {
            Ok(()) if allowed < bytes.len() => Err(SseError::BodyTooLong(self.limits.body)),
            other => other,
        };
        self.total = self.total.saturating_add(allowed as u64);
        self.failed = outcome.err();
        outcome
    }

    /// The stream ended. Unlike browsers, an event without its closing blank line counts: servers forget it after the last one.
    ///
    /// # Errors
    /// When a limit is passed.
    pub fn finish(&mut self, events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        self.dispatch(events);
        Ok(())
    }

    fn take(&mut self, mut bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let Some(at) = memchr::memchr2(b'\r', b'\n', bytes) else {
                return self.extend_line(bytes);
            };
            let (head, rest) = bytes.split_at(at);
            self.extend_line(head)?;
            self.after_cr = rest.first() == Some(&b'\r');
            bytes = rest.get(1..).unwrap_or_default();
            self.end_line(events)?;
        }
        Ok(())
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        if self.line.len().saturating_add(bytes.len()) > self.limits.line {
            self.line = Vec::new();
            return Err(SseError::LineTooLong(self.limits.line));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.past_first_line, true) && line.starts_with(b"\xEF\xBB\xBF")
        {
            line.drain(..3);
        }
        if line.is_empty() {
            self.dispatch(events);
            return Ok(());
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            // A comment: it keeps the connection warm and says nothing.
            Some(0) => return Ok(()),
            Some(at) => {
                let (field, value) = line.split_at(at);
                let value = value.get(1..).unwrap_or_default();
                (field, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line.as_slice(), &b""[..]),
        };
        match field {
            b"data" => {
                let joined = self.data.len() + usize::from(self.has_data) + value.len();
                if joined > self.limits.event {
                    self.data = Vec::new();
                    return Err(SseError::EventTooLong(self.limits.event));
                }
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => self.name = value.to_vec(),
            // `id` and `retry` serve reconnecting; others are for later versions of the standard.
            _ => {}
        }
        // Kept, so that a stream of many lines does not allocate for each.
        line.clear();
        self.line = line;
        Ok(())
    }

    fn dispatch(&mut self, events: &mut Vec<SseEvent>) {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if std::mem::take(&mut self.has_data) {
            events.push(SseEvent {
                name: String::from_utf8_lossy(&name).into_owned(),
                data: String::from_utf8_lossy(&data).into_owned(),
            });
        }
    }
}
