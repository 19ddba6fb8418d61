//! A request in the words of the engine's templates. Built by hand: the engine's own builder writes calls under a name
//! that templates do not read.

use std::collections::HashMap;

use either::Either;
use indexmap::IndexMap;
use mistralrs::{Function, MessageContent, Tool, ToolType};
use nexus_protocol::{ChatMessage, ToolCallRequest, ToolSpec, UserPart};
use serde_json::{Value, json};

/// A message as templates see it.
pub(crate) type TemplateMessage = IndexMap<String, MessageContent>;

pub(crate) fn messages(messages: &[ChatMessage]) -> Vec<TemplateMessage> {
    messages.iter().map(message).collect()
}

pub(crate) fn message(message: &ChatMessage) -> TemplateMessage {
    match message {
        ChatMessage::System { text } => plain("system", text),
        ChatMessage::User { parts } => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| match part {
                    UserPart::Text { text } => Some(text.as_str()),
                    // Shown by `images`, or the parent has put words in their place.
                    UserPart::Image { .. } => None,
                })
                .collect();
            plain("user", &texts.join("\n"))
        }
        ChatMessage::Assistant { text, tool_calls } => {
            let mut message = plain("assistant", text);
            if !tool_calls.is_empty() {
                let calls = tool_calls.iter().map(call).collect();
                message.insert("tool_calls".to_owned(), Either::Right(calls));
            }
            message
        }
        ChatMessage::Tool {
            call_id,
            name,
            content,
        } => {
            let mut message = plain("tool", content);
            message.insert("name".to_owned(), Either::Left(name.clone()));
            message.insert("tool_call_id".to_owned(), Either::Left(call_id.clone()));
            message
        }
    }
}

fn plain(role: &str, text: &str) -> TemplateMessage {
    IndexMap::from([
        ("role".to_owned(), Either::Left(role.to_owned())),
        ("content".to_owned(), Either::Left(text.to_owned())),
    ])
}

fn call(call: &ToolCallRequest) -> IndexMap<String, Value> {
    // Templates print arguments as JSON: an object must not be quoted once more.
    let arguments = serde_json::from_str(&call.arguments)
        .unwrap_or_else(|_| Value::String(call.arguments.clone()));
    IndexMap::from([
        ("id".to_owned(), json!(call.id)),
        ("type".to_owned(), json!("function")),
        (
            "function".to_owned(),
            json!({ "name": call.name, "arguments": arguments }),
        ),
    ])
}

pub(crate) fn tools(tools: &[ToolSpec]) -> Option<Vec<Tool>> {
    let tools: Vec<Tool> = tools
        .iter()
        .map(|tool| Tool {
            tp: ToolType::Function,
            function: Function {
                description: Some(tool.description.clone()),
                name: tool.name.clone(),
                parameters: match &tool.parameters {
                    Value::Object(schema) => Some(
                        schema
                            .iter()
                            .map(|(key, value)| (key.clone(), value.clone()))
                            .collect::<HashMap<_, _>>(),
                    ),
                    _ => None,
                },
            },
        })
        .collect();
    (!tools.is_empty()).then_some(tools)
}
