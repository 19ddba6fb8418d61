//! Answers of the scripted server, down to the byte.
//!
//! Owns: describing them. Refuses to own: playing them (`server`).

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) head: Option<Head>,
    pub(crate) framing: Framing,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

/// How a body is marked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// In chunks: a reader can tell an end from a break.
    Chunked,
    /// By the end of the connection: a reader cannot.
    UntilClose,
    /// By a length that is announced.
    Length(u64),
}

/// One thing the server does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Repeat(Vec<u8>, u64),
    Wait(Duration),
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Finish,
    Fin,
    Reset,
    Stall,
}

impl Answer {
    /// An event stream without events yet: status 200, chunked.
    pub fn stream() -> Self {
        Self::with_head(200, "text/event-stream; charset=utf-8").header("cache-control", "no-cache")
    }

    /// Any status with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        let body = body.to_string();
        let answer = Self::with_head(status, "application/json").send(body.as_bytes());
        answer.framing(Framing::Length(body.len() as u64))
    }

    /// An error status with an error object, as OpenAI writes it.
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(
            status,
            &serde_json::json!({"error": {"message": message, "type": "test_error", "param": null, "code": null}}),
        )
    }

    /// Any status with a web page.
    pub fn page(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in to the Wi-Fi</body></html>";
        Self::with_head(status, "text/html; charset=utf-8").send(page.as_bytes())
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::with_head(status, "text/plain")
            .header("location", location)
            .framing(Framing::Length(0))
    }

    /// Reads the request and never answers.
    pub fn silence() -> Self {
        Self::without_head().then_stall()
    }

    /// Reads the request and ends the connection.
    pub fn hang_up() -> Self {
        Self::without_head().then_fin()
    }

    /// Reads the request and resets the connection.
    pub fn reset() -> Self {
        Self::without_head().then_reset()
    }

    /// Sends these bytes and nothing else, head and all.
    pub fn raw(bytes: &[u8]) -> Self {
        let answer = Self::without_head().send(bytes);
        answer.framing(Framing::UntilClose).then_fin()
    }

    /// A stream whose body is one gzip member: `head` and then `zeros` bytes of the letter `a`.
    pub fn gzip_bomb(head: &[u8], zeros: usize) -> Self {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(head).expect("memory can be written");
        let block = vec![b'a'; 1024 * 1024];
        let mut left = zeros;
        while left > 0 {
            let now = left.min(block.len());
            packer
                .write_all(&block[..now])
                .expect("memory can be written");
            left -= now;
        }
        let packed = packer.finish().expect("memory can be written");
        Self::stream()
            .header("content-encoding", "gzip")
            .send(&packed)
    }

    /// Adds a header; one of the same name is replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(head) = &mut self.head {
            head.headers.retain(|(known, _)| known != name);
            head.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Takes a header away.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        if let Some(head) = &mut self.head {
            head.headers.retain(|(known, _)| known != name);
        }
        self
    }

    /// Marks the body off in another way.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Sends bytes.
    #[must_use]
    pub fn send(mut self, bytes: &[u8]) -> Self {
        self.steps.push(Step::Send(bytes.to_vec()));
        self
    }

    /// Waits.
    #[must_use]
    pub fn wait(mut self, time: Duration) -> Self {
        if !time.is_zero() {
            self.steps.push(Step::Wait(time));
        }
        self
    }

    /// Sends bytes one by one, with a pause after each.
    #[must_use]
    pub fn drip(self, bytes: &[u8], pause: Duration) -> Self {
        bytes
            .iter()
            .fold(self, |answer, byte| answer.send(&[*byte]).wait(pause))
    }

    /// Sends the same bytes again and again.
    #[must_use]
    pub fn repeat(mut self, bytes: &[u8], times: u64) -> Self {
        self.steps.push(Step::Repeat(bytes.to_vec(), times));
        self
    }

    /// Ends by closing the connection without ending the body.
    #[must_use]
    pub fn then_fin(mut self) -> Self {
        self.end = End::Fin;
        self
    }

    /// Ends by resetting the connection.
    #[must_use]
    pub fn then_reset(mut self) -> Self {
        self.end = End::Reset;
        self
    }

    /// Never ends: holds the connection until the client leaves.
    #[must_use]
    pub fn then_stall(mut self) -> Self {
        self.end = End::Stall;
        self
    }

    fn with_head(status: u16, content_type: &str) -> Self {
        Self {
            head: Some(Head {
                status,
                headers: vec![("content-type".to_owned(), content_type.to_owned())],
            }),
            framing: Framing::Chunked,
            steps: Vec::new(),
            end: End::Finish,
        }
    }

    fn without_head() -> Self {
        Self {
            head: None,
            framing: Framing::UntilClose,
            steps: Vec::new(),
            end: End::Fin,
        }
    }
}
