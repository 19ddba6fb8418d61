//! What a provider says went wrong, in its many shapes.
//!
//! Owns: reading error objects and mapping status and code to a [`ModelError`]. Refuses to own: retries.

use std::time::Duration;

use serde_json::Value;

use crate::clean::Cleaner;
use crate::{ModelError, ProviderLabel};

/// An error object, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fault {
    /// HTTP status, or a numeric code in the object; 0 where there is none.
    pub status: u16,
    /// A code or type in words.
    pub code: String,
    /// For people.
    pub message: String,
    /// Tokens needed and taken, where the object says.
    pub overflow: Option<(u32, u32)>,
}

impl Fault {
    /// Reads the body of an answer with an error status.
    pub(crate) fn of_body(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let fault = match serde_json::from_str::<Value>(text.trim()) {
            Ok(value) => Self::loosely(&value).unwrap_or_else(|| Self {
                message: text.into_owned(),
                ..Self::default()
            }),
            Err(_) if looks_like_a_page(body) => Self {
                message: "it sent a web page instead of an answer".into(),
                ..Self::default()
            },
            Err(_) => Self {
                message: text.into_owned(),
                ..Self::default()
            },
        };
        let reason = nexus_egress::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("no reason given");
        Self {
            status,
            message: match fault.message.trim() {
                "" => reason.to_owned(),
                _ => fault.message,
            },
            ..fault
        }
    }

    /// Reads an object that is known to be about an error: `{"error": …}`, or FastAPI's and small servers' forms.
    pub(crate) fn loosely(value: &Value) -> Option<Self> {
        Self::of_value(value).or_else(|| {
            let message = value.get("detail").or_else(|| value.get("message"))?;
            Some(Self {
                message: words(message),
                code: value.get("type").map(words).unwrap_or_default(),
                ..Self::default()
            })
        })
    }

    /// Reads `{"error": …}`; `None` where the value holds no error.
    pub(crate) fn of_value(value: &Value) -> Option<Self> {
        // Gemini wraps errors in an array.
        let inner = match value.get(0).unwrap_or(value).get("error") {
            None | Some(Value::Null | Value::Bool(false)) => return None,
            Some(inner) => inner,
        };
        let number = |key: &str| {
            inner
                .get(key)
                .and_then(Value::as_u64)
                .map(|n| u32::try_from(n).unwrap_or(u32::MAX))
        };
        let status = ["code", "status"].iter().find_map(|key| {
            let value = inner.get(*key)?;
            let number = match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_u64(),
            };
            u16::try_from(number?).ok()
        });
        let code = ["code", "type", "status"]
            .iter()
            .find_map(|key| inner.get(*key)?.as_str())
            .unwrap_or_default();
        // OpenRouter puts the words of the provider behind it into `metadata.raw`.
        let raw = inner
            .get("metadata")
            .and_then(|metadata| metadata.get("raw"))
            .map(words)
            .unwrap_or_default();
        let message = match inner {
            Value::String(text) => text.clone(),
            other => other.get("message").map(words).unwrap_or_default(),
        };
        Some(Self {
            status: status.unwrap_or(0),
            code: code.to_owned(),
            message: match (message.is_empty(), raw.is_empty()) {
                (false, false) => format!("{message}: {raw}"),
                (true, _) => raw,
                (false, true) => message,
            },
            overflow: number("n_prompt_tokens").zip(number("n_ctx")),
        })
    }

    /// The error for callers.
    pub(crate) fn into_error(
        self,
        provider: &ProviderLabel,
        cleaner: &Cleaner,
        retry_after: Option<Duration>,
    ) -> ModelError {
        let provider = provider.clone();
        let message = match cleaner.message(&self.message) {
            empty if empty.is_empty() => "no reason given".to_owned(),
            message => message,
        };
        let code = self.code.as_str();
        if matches!(self.status, 0 | 400 | 413 | 422)
            && matches!(
                code,
                "context_length_exceeded" | "exceed_context_size_error" | "string_above_max_length"
            )
        {
            let (needed, limit) = self.overflow.unwrap_or((0, 0));
            return ModelError::ContextOverflow { needed, limit };
        }
        // OpenAI sends 429 for both: too fast, and nothing left to spend.
        let status = match (self.status, code) {
            (0 | 429, "insufficient_quota" | "billing_hard_limit_reached") => 402,
            (0, _) => status_of(code),
            (status, _) => status,
        };
        match status {
            401 => ModelError::KeyRefused { provider, message },
            402 => ModelError::PaymentRequired { provider, message },
            403 => ModelError::Forbidden { provider, message },
            404 => ModelError::NotFound { provider, message },
            429 => ModelError::RateLimited {
                provider,
                message,
                retry_after,
            },
            0 | 408 | 409 | 425 | 500.. => ModelError::ProviderDown {
                provider,
                status: self.status,
                message,
            },
            status => ModelError::RequestRefused {
                provider,
                status,
                message,
            },
        }
    }
}

/// The status that a code in words stands for; 0 where unknown.
fn status_of(code: &str) -> u16 {
    match code {
        "invalid_request_error" | "bad_request" | "invalid_argument" | "INVALID_ARGUMENT" => 400,
        "invalid_api_key" | "authentication_error" | "UNAUTHENTICATED" => 401,
        "permission_error" | "PERMISSION_DENIED" => 403,
        "model_not_found" | "not_found_error" | "NOT_FOUND" => 404,
        "rate_limit_exceeded" | "rate_limit_error" | "RESOURCE_EXHAUSTED" => 429,
        _ => 0,
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Whether a body is a page for people: a sign-in page in between, a gateway's error page.
pub(crate) fn looks_like_a_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> ModelError {
        Fault::of_body(status, body.as_bytes()).into_error(&"p".into(), &Cleaner::default(), None)
    }

    fn down(status: u16, message: &str) -> ModelError {
        ModelError::ProviderDown {
            provider: "p".into(),
            status,
            message: message.into(),
        }
    }

    #[test]
    fn shapes_of_errors() {
        for (body, message) in [
            (r#"{"error":{"message":"m","code":502}}"#, "m"),
            (r#"{"error":"m"}"#, "m"),
            (r#"[{"error":{"message":"m"}}]"#, "m"),
            (r#"{"detail":"m"}"#, "m"),
            (r#"{"message":"m"}"#, "m"),
            (
                r#"{"error":{"message":"m","metadata":{"raw":"r"}}}"#,
                "m: r",
            ),
            (r#"{"error":{"metadata":{"raw":"r"}}}"#, "r"),
            ("m", "m"),
            ("", "Bad Gateway"),
            ("<html>…</html>", "it sent a web page instead of an answer"),
            ("{}", "{}"),
        ] {
            assert_eq!(error(502, body), down(502, message), "{body}");
        }
    }

    #[test]
    fn codes_in_words() {
        let quota =
            r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        assert_eq!(
            error(429, quota),
            ModelError::PaymentRequired {
                provider: "p".into(),
                message: "m".into()
            }
        );
        let long = r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#;
        assert_eq!(
            error(400, long),
            ModelError::ContextOverflow {
                needed: 0,
                limit: 0
            }
        );
        let llama = r#"{"error":{"code":400,"message":"m","type":"exceed_context_size_error","n_prompt_tokens":90,"n_ctx":64}}"#;
        assert_eq!(
            error(400, llama),
            ModelError::ContextOverflow {
                needed: 90,
                limit: 64
            }
        );
    }
}
