//! Answers, before and while their body comes.
//!
//! Owns: status, content type, bounded bodies, and the clocks that run while a body comes. Refuses to own: what the body says.

use std::time::Duration;

use nexus_egress::{
    Answer,
    header::{CONTENT_TYPE, LOCATION},
};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Provider;
use super::failure::{Failure, root_cause};
use crate::fault::Fault;
use crate::{ModelError, ModelEvent, Phase, StreamDecoder, StreamState, Timeouts, retry};

/// Bytes of an error's body that are read.
const ERROR_BYTES: usize = 64 * 1024;
/// Bytes of a whole answer in JSON.
const WHOLE_BYTES: usize = 8 * 1024 * 1024;
/// How long an error's body may take.
const ERROR_PATIENCE: Duration = Duration::from_secs(5);

/// What kind of body an answer announces.
pub(super) enum Body {
    Json,
    Stream,
}

impl Provider {
    /// Lets good answers through, and reads why an answer is not good.
    pub(super) async fn good(&self, response: Answer) -> Result<(Answer, Body), Failure> {
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirected(&response).into());
        }
        if !status.is_success() {
            let retry_after = retry::retry_after(response.headers(), self.clock.as_deref());
            let patience = Instant::now() + ERROR_PATIENCE.min(self.timeouts.idle);
            let body = read(response, ERROR_BYTES, patience).await;
            let error = Fault::of_body(status.as_u16(), &body.bytes).into_error(
                &self.label,
                &self.cleaner,
                retry_after,
            );
            return Err(Failure {
                retry_after,
                ..error.into()
            });
        }
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        match kind {
            "application/json" => Ok((response, Body::Json)),
            // Servers forget or confuse the type; the bytes decide.
            "text/event-stream"
            | "text/plain"
            | "application/octet-stream"
            | "application/x-ndjson"
            | "" => Ok((response, Body::Stream)),
            "text/html" | "application/xhtml+xml" => {
                Err(self.bad("it sent a web page instead of an answer").into())
            }
            other => Err(self
                .bad(&format!("it sent {other} instead of an event stream"))
                .into()),
        }
    }

    /// A whole body, bounded in bytes and time.
    pub(super) async fn whole_body(
        &self,
        response: Answer,
        limit: usize,
        until: Instant,
    ) -> Result<Vec<u8>, Failure> {
        let body = read(response, limit, until).await;
        match body.end {
            End::Complete => Ok(body.bytes),
            End::TooLong => Err(self
                .bad(&format!("the answer is longer than {limit} bytes"))
                .into()),
            End::TooSlow => Err(self.timed_out(Phase::Stream).into()),
            End::Offline => Err(self.offline()),
            End::Broken(message) => Err(ModelError::ConnectionLost {
                provider: self.label.clone(),
                message: self.cleaner.message(&message),
            }
            .into()),
        }
    }

    pub(super) fn bad(&self, message: &str) -> ModelError {
        ModelError::BadAnswer {
            provider: self.label.clone(),
            message: self.cleaner.message(message),
        }
    }

    fn redirected(&self, response: &Answer) -> ModelError {
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .and_then(|location| response.url().join(location).ok())
            // Only the host: the rest may carry what the request held.
            .and_then(|url: Url| Some(format!("{}://{}", url.scheme(), url.host_str()?)));
        let message = match target {
            Some(target) => format!(
                "it redirects to {target}, which is not followed because the key would go along; set the final address in Settings"
            ),
            None => "it redirects to nowhere; check the address in Settings".to_owned(),
        };
        ModelError::RequestRefused {
            provider: self.label.clone(),
            status: response.status().as_u16(),
            message: self.cleaner.message(&message),
        }
    }
}

/// A body that comes as a stream, with its clocks.
pub(super) struct Streaming {
    response: Answer,
    decoder: StreamDecoder,
    last_content: Instant,
    done_at: Option<Instant>,
}

impl Streaming {
    pub(super) fn new(response: Answer, decoder: StreamDecoder) -> Self {
        Self {
            response,
            decoder,
            last_content: Instant::now(),
            done_at: None,
        }
    }

    /// Waits for the next bytes and appends what they say. `Ok(true)` once the answer has ended.
    pub(super) async fn next(
        &mut self,
        provider: &Provider,
        events: &mut Vec<ModelEvent>,
    ) -> Result<bool, Failure> {
        let Timeouts {
            idle,
            content,
            tail,
            ..
        } = provider.timeouts;
        let idle_until = Instant::now() + idle;
        let content_until = self.last_content + content;
        let until = match self.done_at {
            Some(at) => at + tail,
            None => idle_until.min(content_until),
        };
        let before = events.len();
        match timeout_at(until, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => self.decoder.push(&bytes, events)?,
            Ok(Ok(None)) => self.decoder.end_of_stream(events)?,
            // What came is shown; why no more comes is the user's own choice, not the line's.
            Ok(Err(error)) if error.is_offline() => return Err(provider.offline()),
            Ok(Err(error)) => self.decoder.lost(&root_cause(&error), events)?,
            Err(_) if self.done_at.is_some() => self.decoder.lost("silence", events)?,
            // The provider is alive and works on it: asking again would only cost once more.
            Err(_) if content_until <= idle_until => {
                return Err(Failure::for_good(provider.timed_out(Phase::Stream)));
            }
            Err(_) => return Err(provider.timed_out(Phase::Stream).into()),
        }
        if events.len() > before {
            self.last_content = Instant::now();
        }
        if self.decoder.state() == StreamState::Tail && self.done_at.is_none() {
            self.done_at = Some(Instant::now());
        }
        Ok(self.decoder.state() == StreamState::Ended)
    }
}

/// An answer of a server that does not stream.
pub(super) async fn whole_answer(
    provider: &Provider,
    response: Answer,
    mut decoder: StreamDecoder,
    events: &mut Vec<ModelEvent>,
) -> Result<(), Failure> {
    let until = Instant::now() + provider.timeouts.content;
    let body = provider.whole_body(response, WHOLE_BYTES, until).await?;
    Ok(decoder.whole(&body, events)?)
}

struct Read {
    bytes: Vec<u8>,
    end: End,
}

enum End {
    Complete,
    TooLong,
    TooSlow,
    Offline,
    Broken(String),
}

/// Reads at most `limit` bytes, until a point in time.
async fn read(mut response: Answer, limit: usize, until: Instant) -> Read {
    let mut bytes = Vec::new();
    let end = loop {
        match timeout_at(until, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = limit - bytes.len();
                bytes.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
                if chunk.len() > room {
                    break End::TooLong;
                }
            }
            Ok(Ok(None)) => break End::Complete,
            Ok(Err(error)) if error.is_offline() => break End::Offline,
            Ok(Err(error)) => break End::Broken(root_cause(&error)),
            Err(_) => break End::TooSlow,
        }
    };
    Read { bytes, end }
}
