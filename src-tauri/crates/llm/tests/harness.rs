//! A provider pointed at the scripted server, with time limits shrunk, and what a call of it gave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use nexus_egress::Switch;
use nexus_llm::{
    Model, ModelError, ModelEvent, ProviderSpec, RemoteProvider, SeededJitter, Timeouts,
    http_client,
};
use nexus_protocol::{
    ChatMessage, ChatRequest, FinishReason, ModelActivity, ModelInfo, ModelRef, ProviderKind,
    Usage, UserPart,
};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

/// The key of all tests: found anywhere but in its header, it leaked.
pub const KEY: &str = "sk-canary-0123456789abcdef";

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Limits that make every silence short.
pub fn quick() -> Timeouts {
    Timeouts {
        connect: ms(2_000),
        headers: ms(2_000),
        idle: ms(2_000),
        content: ms(4_500),
        tail: ms(150),
        retries: 4,
        backoff_base: ms(5),
        backoff_cap: ms(40),
        retry_after_cap: ms(200),
    }
}

pub fn spec(base_url: &str) -> ProviderSpec {
    ProviderSpec {
        label: "scripted".into(),
        kind: ProviderKind::OpenaiCompat,
        base_url: base_url.to_owned(),
        key: Some(SecretString::from(KEY)),
        needs_key: true,
    }
}

pub fn provider_with(spec: ProviderSpec, timeouts: Timeouts) -> RemoteProvider {
    let http = http_client(&timeouts, &Switch::new()).expect("TLS can be set up");
    RemoteProvider::new(spec, http, timeouts).with_jitter(Arc::new(SeededJitter::new(1)))
}

pub fn provider(base_url: &str) -> RemoteProvider {
    provider_with(spec(base_url), quick())
}

pub fn info(name: &str) -> ModelInfo {
    ModelInfo {
        model: ModelRef::new("scripted", name),
        ..nexus_test_support::scripted_info()
    }
}

pub fn ask(text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text {
                text: text.to_owned(),
            }],
        }],
        ..ChatRequest::default()
    }
}

/// What a call gave.
#[derive(Debug, Default)]
pub struct Heard {
    pub text: String,
    pub thinking: String,
    /// `index id name arguments`.
    pub calls: Vec<(u32, String, String, String)>,
    pub waits: Vec<Duration>,
    pub retries: u32,
    /// Why it was tried again.
    pub reasons: Vec<String>,
    pub finished: Option<(FinishReason, Option<Usage>)>,
    pub error: Option<ModelError>,
    pub took: Duration,
    /// Something came after the end, or the stream ended with neither end nor error.
    pub broke_the_contract: Option<String>,
}

/// Calls a model and listens to the end.
pub async fn hear(model: &Arc<dyn Model>, request: ChatRequest) -> Heard {
    hear_until(model, request, CancellationToken::new()).await
}

pub async fn hear_until(
    model: &Arc<dyn Model>,
    request: ChatRequest,
    cancel: CancellationToken,
) -> Heard {
    let start = Instant::now();
    let mut heard = Heard::default();
    let mut stream = model.stream(request, cancel);
    while let Some(event) = stream.next().await {
        if heard.finished.is_some() || heard.error.is_some() {
            heard.broke_the_contract = Some(format!("{event:?} after the end"));
        }
        match event {
            Ok(ModelEvent::Activity(ModelActivity::Retrying {
                attempt,
                wait_ms,
                reason,
            })) => {
                heard.retries = attempt;
                heard.reasons.push(reason);
                heard.waits.push(ms(wait_ms));
            }
            Ok(ModelEvent::Activity(_)) => {}
            Ok(ModelEvent::Text(text)) => heard.text.push_str(&text),
            Ok(ModelEvent::Thinking(text)) => heard.thinking.push_str(&text),
            Ok(ModelEvent::ToolCallStarted { index, id, name }) => {
                heard.calls.push((index, id, name, String::new()));
            }
            Ok(ModelEvent::ToolCallArguments { index, text }) => {
                match heard.calls.get_mut(index as usize) {
                    Some(call) => call.3.push_str(&text),
                    None => {
                        heard.broke_the_contract = Some(format!("arguments before call {index}"))
                    }
                }
            }
            Ok(ModelEvent::Finished { reason, usage }) => heard.finished = Some((reason, usage)),
            Err(error) => heard.error = Some(error),
        }
    }
    if heard.finished.is_none() && heard.error.is_none() {
        heard.broke_the_contract = Some("neither end nor error".to_owned());
    }
    heard.took = start.elapsed();
    heard
}
