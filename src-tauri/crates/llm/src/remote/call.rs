//! One call of a remote model, with its repetitions.
//!
//! Owns: sending, cancelling, and repeating as long as nothing was shown. Refuses to own: reading the answer.

use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use nexus_egress::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use nexus_protocol::{ChatRequest, ModelActivity, ModelInfo, ProviderKind};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Provider;
use super::answer::{Body, Streaming, whole_answer};
use super::failure::Failure;
use crate::{ModelError, ModelEvent, ModelStream, Phase, StreamDecoder, retry, wire};

/// A slow line gets a second more for each of these bytes that are sent.
const BYTES_A_SECOND: usize = 64 * 1024;

/// Starts a call.
pub(super) fn stream(
    provider: Arc<Provider>,
    info: ModelInfo,
    request: ChatRequest,
    cancel: CancellationToken,
) -> ModelStream {
    Box::pin(stream! {
        let body = wire::body(info.model.model(), &request, provider.kind, &provider.quirks);
        let body = bytes::Bytes::from(body.to_string());
        drop(request);
        let mut shown = false;
        let mut attempt = 0;
        loop {
            yield Ok(ModelEvent::Activity(ModelActivity::Waiting));
            let mut tried = Try::New(body.clone());
            let failure = loop {
                let mut events = Vec::new();
                let outcome = tokio::select! {
                    biased;
                    () = cancel.cancelled() => Err(Failure::from(ModelError::Cancelled)),
                    outcome = tried.step(&provider, &info, &mut events) => outcome,
                };
                // What came before a fault was said all the same.
                for event in events {
                    shown |= event.is_visible();
                    yield Ok(event);
                }
                match outcome {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(failure) => break failure,
                }
            };
            attempt += 1;
            let wait = if shown || !failure.again || attempt > provider.timeouts.retries {
                None
            } else {
                retry::wait(&provider.timeouts, attempt, failure.retry_after, provider.jitter.as_ref())
            };
            let Some(wait) = wait else {
                // What the user wanted is no fault.
                if !matches!(failure.error, ModelError::Cancelled | ModelError::Offline { .. }) {
                    warn!(provider = %provider.label.id, attempt, shown, error = %failure.error, "model call failed");
                }
                yield Err(failure.error);
                return;
            };
            debug!(provider = %provider.label.id, attempt, ?wait, error = %failure.error, "model call will be tried again");
            yield Ok(ModelEvent::Activity(ModelActivity::Retrying {
                attempt,
                wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                reason: failure.error.to_string(),
            }));
            drop(tried);
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    yield Err(ModelError::Cancelled);
                    return;
                }
                () = sleep(wait) => {}
            }
        }
    })
}

/// One try: not sent yet, or its answer coming.
enum Try {
    New(bytes::Bytes),
    Open(Box<Streaming>),
}

impl Try {
    /// One step forward: the answer's head, or its next bytes. `Ok(true)` once it has ended.
    async fn step(
        &mut self,
        provider: &Provider,
        info: &ModelInfo,
        events: &mut Vec<ModelEvent>,
    ) -> Result<bool, Failure> {
        let body = match self {
            Self::Open(streaming) => return streaming.next(provider, events).await,
            Self::New(body) => std::mem::take(body),
        };
        let (response, kind) = send(provider, body).await?;
        let salt = format!("{:012x}", provider.jitter.bits() >> 16);
        let decoder = StreamDecoder::new(provider.label.clone(), &salt)
            .with_key(provider.key.clone())
            .with_pricing(provider.place, info.pricing);
        match kind {
            Body::Json => whole_answer(provider, response, decoder, events)
                .await
                .map(|()| true),
            Body::Stream => {
                *self = Self::Open(Box::new(Streaming::new(response, decoder)));
                Ok(false)
            }
        }
    }
}

async fn send(
    provider: &Provider,
    body: bytes::Bytes,
) -> Result<(nexus_egress::Answer, Body), Failure> {
    let url = provider.endpoint(&["chat", "completions"])?;
    let upload = Duration::from_secs((body.len() / BYTES_A_SECOND) as u64);
    let mut request = provider
        .http
        .post(url)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(
            ACCEPT,
            HeaderValue::from_static("text/event-stream, application/json"),
        )
        // Compressors hold words back until a block is full.
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .body(body);
    if let Some(key) = provider.key_header("Bearer ")? {
        request = request.header(AUTHORIZATION, key);
    }
    if provider.kind == ProviderKind::Openrouter {
        request = request.header("x-title", HeaderValue::from_static("Nexus Agent"));
    }
    let patience = provider.timeouts.headers.saturating_add(upload);
    match timeout(patience, request.send()).await {
        Ok(Ok(response)) => provider.good(response).await,
        Ok(Err(error)) => Err(provider.no_answer(&error)),
        Err(_) => Err(provider.timed_out(Phase::Headers).into()),
    }
}
