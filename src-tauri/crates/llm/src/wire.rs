//! Requests as providers read them.
//!
//! Owns: the JSON body of a chat completion call and the lists of models that come back. Pure. Refuses to own: sending.

use nexus_protocol::{
    ChatMessage, ChatRequest, ProviderKind, Sampling, ToolCallRequest, ToolChoice, UserPart,
};
use serde_json::{Value, json};

use crate::{MaxTokensField, Quirks, ToolCallIds};

/// The body of a streaming call of `model`.
pub(crate) fn body(
    model: &str,
    request: &ChatRequest,
    kind: ProviderKind,
    quirks: &Quirks,
) -> Value {
    let mut body = json!({
        "model": model,
        "messages": request.messages.iter().map(|m| message(m, quirks)).collect::<Vec<_>>(),
        "stream": true,
    });
    let mut set = |key: &str, value: Value| body[key] = value;
    if quirks.stream_options {
        set("stream_options", json!({"include_usage": true}));
    }
    if kind == ProviderKind::Openrouter {
        set("usage", json!({"include": true}));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters}})
        });
        set("tools", tools.collect());
    }
    if let Some(limit) = request.max_output_tokens {
        let field = match quirks.max_tokens_field {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        set(field, json!(limit));
    }
    let fixed = quirks
        .fixed_temperature
        .iter()
        .any(|start| model.starts_with(start.as_str()));
    if let Some(temperature) = request.temperature.filter(|t| t.is_finite() && !fixed) {
        // Through text, because 0.7 as f32 is 0.699999988 as f64.
        let shown = temperature.clamp(0.0, quirks.max_temperature).to_string();
        set("temperature", json!(shown.parse::<f64>().unwrap_or(1.0)));
    }
    sampling(&mut body, &request.sampling, quirks);
    if request.tool_choice == ToolChoice::Required && !request.tools.is_empty() {
        body["tool_choice"] = json!("required");
    }
    if let Some(schema) = &request.answer_schema {
        body["response_format"] = json!({"type": "json_schema", "json_schema": {
            "name": "answer", "schema": schema}});
    }
    body
}

/// What the protocol of chat completions knows of it. The other settings are the local engines'.
fn sampling(body: &mut Value, sampling: &Sampling, quirks: &Quirks) {
    if let Some(seed) = sampling.seed.filter(|_| quirks.seed) {
        body["seed"] = json!(seed);
    }
    if let Some(top_p) = sampling.top_p.filter(|top_p| top_p.is_finite()) {
        // Through text, as the temperature.
        let shown = top_p.clamp(0.0, 1.0).to_string();
        body["top_p"] = json!(shown.parse::<f64>().unwrap_or(1.0));
    }
}

fn message(message: &ChatMessage, quirks: &Quirks) -> Value {
    match message {
        ChatMessage::System { text } => json!({"role": "system", "content": text}),
        ChatMessage::User { parts } => json!({"role": "user", "content": user_content(parts)}),
        ChatMessage::Assistant { text, tool_calls } if tool_calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        ChatMessage::Assistant { text, tool_calls } => {
            let content = if text.is_empty() {
                Value::Null
            } else {
                json!(text)
            };
            let calls: Vec<Value> = tool_calls
                .iter()
                .map(|call| tool_call(call, quirks))
                .collect();
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        }
        ChatMessage::Tool {
            call_id, content, ..
        } => {
            json!({"role": "tool", "tool_call_id": outgoing_id(call_id, quirks), "content": content})
        }
    }
}

fn user_content(parts: &[UserPart]) -> Value {
    // Small servers take nothing but a string.
    if let [UserPart::Text { text }] = parts {
        return json!(text);
    }
    let parts = parts.iter().map(|part| match part {
        UserPart::Text { text } => json!({"type": "text", "text": text}),
        UserPart::Image { image } => json!({"type": "image_url", "image_url": {
            "url": format!("data:{};base64,{}", image.media_type, image.base64)}}),
    });
    parts.collect()
}

fn tool_call(call: &ToolCallRequest, quirks: &Quirks) -> Value {
    json!({"id": outgoing_id(&call.id, quirks), "type": "function", "function": {
        "name": outgoing_name(&call.name), "arguments": outgoing_arguments(&call.arguments)}})
}

/// Providers refuse a conversation with arguments that are no JSON object, although a model wrote them. It still sees its words.
fn outgoing_arguments(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(_)) => arguments.to_owned(),
        _ if arguments.trim().is_empty() => "{}".to_owned(),
        _ => json!({"invalid_arguments": arguments}).to_string(),
    }
}

/// `[a-zA-Z0-9_-]{1,64}`, as providers demand, from whatever a model made up.
fn outgoing_name(name: &str) -> String {
    let name: String = name
        .chars()
        .take(64)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    if name.is_empty() {
        "unnamed".into()
    } else {
        name
    }
}

fn outgoing_id(id: &str, quirks: &Quirks) -> String {
    match quirks.tool_call_ids {
        ToolCallIds::Any => id.to_owned(),
        ToolCallIds::NineAlphanumeric => {
            if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return id.to_owned();
            }
            // FNV-1a: stable across runs, so that a call and its result keep belonging together.
            let mut hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            let mut mapped = String::with_capacity(9);
            for _ in 0..9 {
                let digit = u32::try_from(hash % 36).unwrap_or(0);
                mapped.push(char::from_digit(digit, 36).unwrap_or('0'));
                hash /= 36;
            }
            mapped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors;
    use nexus_protocol::{ImageData, ToolSpec};

    fn conversation() -> ChatRequest {
        let call = |id: &str, arguments: &str| ToolCallRequest {
            id: id.into(),
            name: "calc ulate".into(),
            arguments: arguments.into(),
        };
        let result = |id: &str| ChatMessage::Tool {
            call_id: id.into(),
            name: "calculate".into(),
            content: "4".into(),
        };
        ChatRequest {
            messages: vec![
                ChatMessage::System {
                    text: "Be brief.".into(),
                },
                ChatMessage::User {
                    parts: vec![
                        UserPart::Text {
                            text: "What is this?".into(),
                        },
                        UserPart::Image {
                            image: ImageData {
                                media_type: "image/png".into(),
                                base64: "AAAA".into(),
                            },
                        },
                    ],
                },
                ChatMessage::Assistant {
                    text: String::new(),
                    tool_calls: vec![
                        call("one", "{\"x\":"),
                        call("abcDEF123", "{\"a\":1}"),
                        call("", ""),
                    ],
                },
                result("one"),
                result("abcDEF123"),
                result(""),
                ChatMessage::Assistant {
                    text: "Four.".into(),
                    tool_calls: vec![],
                },
                ChatMessage::User {
                    parts: vec![UserPart::Text {
                        text: "Thanks".into(),
                    }],
                },
            ],
            tools: vec![ToolSpec {
                name: "calculate".into(),
                description: "Exact.".into(),
                parameters: json!({"type": "object"}),
            }],
            max_output_tokens: Some(100),
            temperature: Some(0.7),
            ..ChatRequest::default()
        }
    }

    #[test]
    fn a_whole_conversation() {
        let tool_call = |id: &str, arguments: &str| {
            json!({"id": id, "type": "function",
                "function": {"name": "calc_ulate", "arguments": arguments}})
        };
        assert_eq!(
            body(
                "m",
                &conversation(),
                ProviderKind::Openrouter,
                &Quirks::default()
            ),
            json!({
                "model": "m", "stream": true, "stream_options": {"include_usage": true}, "usage": {"include": true},
                "max_tokens": 100, "temperature": 0.7,
                "tools": [{"type": "function", "function": {
                    "name": "calculate", "description": "Exact.", "parameters": {"type": "object"}}}],
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                    {"role": "assistant", "content": null, "tool_calls": [
                        tool_call("one", "{\"invalid_arguments\":\"{\\\"x\\\":\"}"), tool_call("abcDEF123", "{\"a\":1}"), tool_call("", "{}")]},
                    {"role": "tool", "tool_call_id": "one", "content": "4"},
                    {"role": "tool", "tool_call_id": "abcDEF123", "content": "4"},
                    {"role": "tool", "tool_call_id": "", "content": "4"},
                    {"role": "assistant", "content": "Four."},
                    {"role": "user", "content": "Thanks"}]
            })
        );
    }

    #[test]
    fn a_seed_and_a_schema_are_sent_and_what_no_provider_knows_is_not() {
        let request = ChatRequest {
            sampling: Sampling {
                top_p: Some(0.9),
                top_k: Some(20),
                min_p: Some(0.1),
                repetition_penalty: Some(1.1),
                seed: Some(7),
            },
            answer_schema: Some(json!({"type": "boolean"})),
            tool_choice: ToolChoice::Required,
            ..ChatRequest::default()
        };
        let body = |quirks: &Quirks| body("m", &request, ProviderKind::OpenaiCompat, quirks);
        assert_eq!(
            body(&Quirks::default()),
            json!({"model": "m", "messages": [], "stream": true, "stream_options": {"include_usage": true},
                "seed": 7, "top_p": 0.9,
                "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "boolean"}}}})
        );
        let without = Quirks {
            seed: false,
            ..Quirks::default()
        };
        assert_eq!(body(&without)["seed"], Value::Null);
    }

    #[test]
    fn quirks_change_the_body() {
        let quirks = |id: &str| {
            let vendor = vendors().iter().find(|vendor| vendor.id == id);
            vendor
                .map(|vendor| vendor.quirks.clone())
                .unwrap_or_default()
        };
        let openai = body(
            "gpt-5-mini",
            &conversation(),
            ProviderKind::OpenaiCompat,
            &quirks("openai"),
        );
        assert_eq!(openai["max_completion_tokens"], json!(100));
        assert_eq!(
            (
                &openai["max_tokens"],
                &openai["temperature"],
                &openai["usage"]
            ),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        let mistral = body(
            "m",
            &conversation(),
            ProviderKind::OpenaiCompat,
            &quirks("mistral"),
        );
        assert_eq!(mistral["stream_options"], Value::Null);
        let calls = &mistral["messages"][2]["tool_calls"];
        let mapped = calls[0]["id"].as_str().unwrap_or_default();
        assert!(
            mapped.len() == 9 && mapped.bytes().all(|b| b.is_ascii_alphanumeric()),
            "{mapped}"
        );
        assert_eq!(mistral["messages"][3]["tool_call_id"], calls[0]["id"]);
        assert_eq!(calls[1]["id"], json!("abcDEF123"));
        let hot = ChatRequest {
            temperature: Some(1.9),
            ..conversation()
        };
        let anthropic = body("m", &hot, ProviderKind::OpenaiCompat, &quirks("anthropic"));
        assert_eq!(anthropic["temperature"], json!(1.0));
    }
}
