//! A conversation as a model without tools can take it.
//!
//! A chat may have begun with a model that calls tools. The templates of models without them know only system, user and
//! assistant, and many refuse two messages of one side in a row: so calls and results become words, and neighbours merge.

use nexus_protocol::{ChatMessage, ChatRequest, UserPart};

/// Said where an image was: local models see none, and silence would make them invent one.
const IMAGE: &str = "[An image was attached here. You cannot see it.]";

/// `request` with images as words and, where the model takes no tools, calls and results as words too.
pub(crate) fn for_local(mut request: ChatRequest, tools: bool) -> ChatRequest {
    if !tools {
        request.tools.clear();
    }
    let plain = request.tools.is_empty();
    let mut messages: Vec<ChatMessage> = Vec::new();
    for message in std::mem::take(&mut request.messages) {
        let message = match message {
            ChatMessage::User { parts } => user(text_of(parts)),
            ChatMessage::Tool { name, content, .. } if plain => {
                user(format!("[Result of {name}]\n{content}"))
            }
            ChatMessage::Assistant {
                mut text,
                tool_calls,
            } if plain => {
                for call in tool_calls {
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    text.push_str(&format!("[Called {} with {}]", call.name, call.arguments));
                }
                ChatMessage::Assistant {
                    text,
                    tool_calls: Vec::new(),
                }
            }
            other => other,
        };
        push(&mut messages, message, plain);
    }
    request.messages = messages;
    request
}

/// Bytes of text that the model will read, for a first guess at its tokens.
pub(crate) fn text_bytes(request: &ChatRequest) -> usize {
    request
        .messages
        .iter()
        .map(|message| match message {
            ChatMessage::System { text } => text.len(),
            ChatMessage::User { parts } => parts
                .iter()
                .map(|part| match part {
                    UserPart::Text { text } => text.len(),
                    UserPart::Image { .. } => IMAGE.len(),
                })
                .sum(),
            ChatMessage::Assistant { text, tool_calls } => {
                text.len()
                    + tool_calls
                        .iter()
                        .map(|call| call.name.len() + call.arguments.len())
                        .sum::<usize>()
            }
            ChatMessage::Tool { content, .. } => content.len(),
        })
        .sum()
}

fn user(text: String) -> ChatMessage {
    ChatMessage::User {
        parts: vec![UserPart::Text { text }],
    }
}

fn text_of(parts: Vec<UserPart>) -> String {
    let texts: Vec<String> = parts
        .into_iter()
        .map(|part| match part {
            UserPart::Text { text } => text,
            UserPart::Image { .. } => IMAGE.to_owned(),
        })
        .collect();
    texts.join("\n")
}

fn push(messages: &mut Vec<ChatMessage>, message: ChatMessage, merge: bool) {
    match (messages.last_mut(), message) {
        (Some(ChatMessage::User { parts }), ChatMessage::User { parts: more }) if merge => {
            let text = [text_of(std::mem::take(parts)), text_of(more)].join("\n\n");
            *parts = vec![UserPart::Text { text }];
        }
        (Some(ChatMessage::Assistant { text, .. }), ChatMessage::Assistant { text: more, .. })
            if merge =>
        {
            if !text.is_empty() && !more.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(&more);
        }
        (_, message) => messages.push(message),
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::{ImageData, ToolCallRequest, ToolSpec};

    use super::*;

    fn said(text: &str) -> ChatMessage {
        user(text.to_owned())
    }

    fn answered(text: &str) -> ChatMessage {
        ChatMessage::Assistant {
            text: text.to_owned(),
            tool_calls: Vec::new(),
        }
    }

    fn with_tools() -> ChatRequest {
        ChatRequest {
            messages: vec![
                said("What is 2+2?"),
                ChatMessage::Assistant {
                    text: String::new(),
                    tool_calls: vec![ToolCallRequest {
                        id: "1".to_owned(),
                        name: "calculate".to_owned(),
                        arguments: "{\"e\":\"2+2\"}".to_owned(),
                    }],
                },
                ChatMessage::Tool {
                    call_id: "1".to_owned(),
                    name: "calculate".to_owned(),
                    content: "4".to_owned(),
                },
                said("Well?"),
            ],
            tools: vec![ToolSpec {
                name: "calculate".to_owned(),
                description: String::new(),
                parameters: serde_json::json!({}),
            }],
            ..ChatRequest::default()
        }
    }

    #[test]
    fn calls_become_words_for_a_model_without_tools() {
        assert_eq!(
            for_local(with_tools(), false),
            ChatRequest {
                messages: vec![
                    said("What is 2+2?"),
                    answered("[Called calculate with {\"e\":\"2+2\"}]"),
                    said("[Result of calculate]\n4\n\nWell?"),
                ],
                ..ChatRequest::default()
            }
        );
    }

    #[test]
    fn a_model_with_tools_gets_the_conversation_as_it_is() {
        assert_eq!(for_local(with_tools(), true), with_tools());
    }

    #[test]
    fn images_become_words() {
        let image = UserPart::Image {
            image: ImageData {
                media_type: "image/png".to_owned(),
                base64: "AAAA".to_owned(),
            },
        };
        let text = UserPart::Text {
            text: "Look".to_owned(),
        };
        let request = ChatRequest {
            messages: vec![ChatMessage::User {
                parts: vec![text, image],
            }],
            ..ChatRequest::default()
        };
        assert_eq!(
            for_local(request, true).messages,
            vec![said(&format!("Look\n{IMAGE}"))]
        );
    }
}
