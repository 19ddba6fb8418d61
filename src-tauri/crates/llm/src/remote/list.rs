//! Lists of models.
//!
//! Owns: asking for them and reading them, in both dialects. Refuses to own: keeping them.

use nexus_egress::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use nexus_protocol::{ModelInfo, ModelRef, Pricing, ProviderKind};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::Provider;
use super::answer::Body;
use super::failure::Failure;
use crate::fault::looks_like_a_page;
use crate::{ModelError, Phase, retry};

/// Bytes of a list; OpenRouter's has about one million.
const LIST_BYTES: usize = 16 * 1024 * 1024;
/// Models of a list that are kept.
const MOST_MODELS: usize = 5_000;
/// Characters of a model's name.
const NAME_CHARS: usize = 200;

pub(super) async fn models(provider: &Provider) -> Result<Vec<ModelInfo>, ModelError> {
    let body = get(provider, &["models"]).await?;
    let mut models = read(provider, &body)?;
    models.sort_by(|a, b| a.model.cmp(&b.model));
    models.dedup_by(|a, b| a.model == b.model);
    Ok(models)
}

pub(super) async fn check_key(provider: &Provider) -> Result<u32, ModelError> {
    if provider.kind == ProviderKind::Openrouter {
        match get(provider, &["key"]).await {
            // Others that speak the dialect need not have it.
            Ok(_) | Err(ModelError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let models = models(provider).await?;
    Ok(u32::try_from(models.len()).unwrap_or(u32::MAX))
}

async fn get(provider: &Provider, path: &[&str]) -> Result<Vec<u8>, ModelError> {
    let failure = match get_once(provider, path).await {
        Ok(body) => return Ok(body),
        Err(failure) => failure,
    };
    let wait = retry::wait(
        &provider.timeouts,
        1,
        failure.retry_after,
        provider.jitter.as_ref(),
    );
    match wait {
        // Someone waits for the list: a second try, but no long one.
        Some(wait) if failure.again && wait <= provider.timeouts.backoff_cap => sleep(wait).await,
        _ => return Err(failure.error),
    }
    get_once(provider, path)
        .await
        .map_err(|failure| failure.error)
}

async fn get_once(provider: &Provider, path: &[&str]) -> Result<Vec<u8>, Failure> {
    let url = provider.endpoint(path)?;
    let mut request = provider
        .http
        .get(url)
        .header(ACCEPT, HeaderValue::from_static("application/json"));
    let own_header = provider
        .quirks
        .list_key_header
        .as_deref()
        .and_then(|name| name.parse::<HeaderName>().ok());
    let key = match own_header {
        Some(name) => provider.key_header("")?.map(|key| (name, key)),
        None => provider
            .key_header("Bearer ")?
            .map(|key| (AUTHORIZATION, key)),
    };
    if let Some((name, key)) = key {
        request = request.header(name, key);
    }
    for (name, value) in &provider.quirks.list_headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            request = request.header(name, value);
        }
    }
    let response = match timeout(provider.timeouts.headers, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(provider.no_answer(&error)),
        Err(_) => return Err(provider.timed_out(Phase::Headers).into()),
    };
    let (response, kind) = provider.good(response).await?;
    let until = Instant::now() + provider.timeouts.idle;
    let body = provider.whole_body(response, LIST_BYTES, until).await?;
    match kind {
        Body::Stream if looks_like_a_page(&body) => {
            Err(provider.bad("it sent a web page instead of a list").into())
        }
        _ => Ok(body),
    }
}

fn read(provider: &Provider, body: &[u8]) -> Result<Vec<ModelInfo>, ModelError> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Err(provider.bad("its list of models is no valid JSON"));
    };
    let list = value
        .get("data")
        .or_else(|| value.get("models"))
        .unwrap_or(&value);
    let Some(list) = list.as_array() else {
        return Err(provider.bad("its list of models is no list"));
    };
    let models = list.iter().filter_map(|entry| model(provider, entry));
    Ok(models.take(MOST_MODELS).collect())
}

/// One entry; `None` where it is no model to chat with.
fn model(provider: &Provider, entry: &Value) -> Option<ModelInfo> {
    let quirks = &provider.quirks;
    let id = entry.get("id").or_else(|| entry.get("name"))?.as_str()?;
    let id = match &quirks.model_prefix {
        Some(prefix) => id.strip_prefix(prefix.as_str()).unwrap_or(id),
        None => id,
    };
    if id.is_empty() || id.chars().count() > NAME_CHARS || id.chars().any(char::is_control) {
        return None;
    }
    let lower = id.to_ascii_lowercase();
    if quirks
        .hide_models
        .iter()
        .any(|part| lower.contains(part.as_str()))
    {
        return None;
    }
    let architecture = entry.get("architecture");
    let modalities = |key| architecture.and_then(|architecture| strings(architecture.get(key)));
    if modalities("output_modalities").is_some_and(|kinds| !kinds.contains(&"text")) {
        return None;
    }
    // Mistral says what a model can.
    let can = |key| {
        entry
            .get("capabilities")
            .and_then(|can| can.get(key))
            .and_then(Value::as_bool)
    };
    if can("completion_chat") == Some(false) {
        return None;
    }
    let parameters = strings(entry.get("supported_parameters"));
    let top = entry.get("top_provider");
    let tokens = |values: &[Option<&Value>]| values.iter().flatten().find_map(|value| count(value));
    let name = ["name", "display_name"]
        .iter()
        .find_map(|key| entry.get(*key)?.as_str())
        .map(|name| provider.cleaner.message(name))
        .filter(|name| !name.is_empty());
    Some(ModelInfo {
        model: ModelRef::new(&provider.label.id, id),
        display_name: name.unwrap_or_else(|| id.to_owned()),
        place: provider.place,
        context_tokens: tokens(&[
            top.and_then(|top| top.get("context_length")),
            entry.get("context_length"),
            entry.get("context_window"),
            entry.get("max_model_len"),
            entry.get("max_context_length"),
            entry.get("max_input_tokens"),
            entry.get("meta").and_then(|meta| meta.get("n_ctx")),
            entry.get("meta").and_then(|meta| meta.get("n_ctx_train")),
        ]),
        max_output_tokens: tokens(&[
            top.and_then(|top| top.get("max_completion_tokens")),
            entry.get("max_completion_tokens"),
            entry.get("max_tokens"),
        ]),
        tools: match parameters {
            Some(parameters) => parameters.contains(&"tools"),
            None => can("function_calling").unwrap_or(quirks.assume_tools),
        },
        images: match modalities("input_modalities") {
            Some(kinds) => kinds.contains(&"image"),
            None => can("vision").unwrap_or(quirks.assume_images),
        },
        pricing: entry.get("pricing").and_then(pricing),
        file_bytes: None,
        quantization: None,
    })
}

fn strings(value: Option<&Value>) -> Option<Vec<&str>> {
    Some(
        value?
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .collect(),
    )
}

fn count(value: &Value) -> Option<u32> {
    // Some lists say 1e6, or 0 where they do not know.
    let count = value.as_f64()? as u32;
    (count > 0).then_some(count)
}

/// OpenRouter's prices are dollars a token, as text; -1 where they vary.
fn pricing(value: &Value) -> Option<Pricing> {
    let price = |key| {
        let price = match value.get(key)? {
            Value::String(text) => text.parse::<f64>().ok()?,
            other => other.as_f64()?,
        };
        // Rounded, because 0.00000015 a token is not quite 0.15 a million in binary.
        let per_million = (price * 1e6 * 1e6).round() / 1e6;
        (per_million.is_finite() && (0.0..=1e6).contains(&per_million)).then_some(per_million)
    };
    Some(Pricing {
        input_per_million: price("prompt")?,
        output_per_million: price("completion")?,
    })
}
