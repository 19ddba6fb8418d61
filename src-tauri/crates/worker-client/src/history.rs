//! A conversation as a model without tools, or without eyes, can take it.
//!
//! A chat may have begun with a model that calls tools or sees images. The templates of models without them know only system, user and
//! assistant, and many refuse two messages of one side in a row: so calls and results become words, and neighbours merge.

use nexus_protocol::worker::MAX_IMAGES;
use nexus_protocol::{ChatMessage, ChatRequest, ModelInfo, UserPart};

/// Said where an image was that the model cannot see: silence would make it invent one.
const IMAGE: &str = "[An image was attached here. You cannot see it.]";

/// `request` with images as words where the model sees none, and calls and results as words where it takes no tools. Of
/// more images than a worker takes, the newest are shown.
pub(crate) fn for_local(mut request: ChatRequest, model: &ModelInfo) -> ChatRequest {
    if !model.tools {
        request.tools.clear();
    }
    let mut hidden = match (model.images, images_in(&request)) {
        (true, given) => given.saturating_sub(MAX_IMAGES),
        (false, given) => given,
    };
    let plain = request.tools.is_empty();
    let mut messages: Vec<ChatMessage> = Vec::new();
    for message in std::mem::take(&mut request.messages) {
        let message = match message {
            ChatMessage::User { parts } => ChatMessage::User {
                parts: visible(parts, &mut hidden),
            },
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

fn images_in(request: &ChatRequest) -> usize {
    let images = |message: &ChatMessage| match message {
        ChatMessage::User { parts } => parts
            .iter()
            .filter(|part| matches!(part, UserPart::Image { .. }))
            .count(),
        _ => 0,
    };
    request.messages.iter().map(images).sum()
}

/// The parts with words in place of the first `hidden` images, and all text in one piece.
fn visible(parts: Vec<UserPart>, hidden: &mut usize) -> Vec<UserPart> {
    let mut texts = Vec::new();
    let mut images = Vec::new();
    for part in parts {
        match part {
            UserPart::Text { text } => texts.push(text),
            UserPart::Image { .. } if *hidden > 0 => {
                *hidden -= 1;
                texts.push(IMAGE.to_owned());
            }
            image @ UserPart::Image { .. } => images.push(image),
        }
    }
    images.push(UserPart::Text {
        text: texts.join("\n"),
    });
    images
}

/// Both, as one message.
fn joined(mut parts: Vec<UserPart>, more: Vec<UserPart>) -> Vec<UserPart> {
    let mut texts = Vec::new();
    parts.extend(more);
    parts.retain_mut(|part| match part {
        UserPart::Text { text } => {
            texts.push(std::mem::take(text));
            false
        }
        UserPart::Image { .. } => true,
    });
    parts.push(UserPart::Text {
        text: texts.join("\n\n"),
    });
    parts
}

fn push(messages: &mut Vec<ChatMessage>, message: ChatMessage, merge: bool) {
    match (messages.last_mut(), message) {
        (Some(ChatMessage::User { parts }), ChatMessage::User { parts: more }) if merge => {
            *parts = joined(std::mem::take(parts), more);
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
    use nexus_protocol::{ImageData, ModelPlace, ModelRef, ToolCallRequest, ToolSpec};

    use super::*;

    fn model(tools: bool, images: bool) -> ModelInfo {
        ModelInfo {
            model: ModelRef::new(ModelRef::LOCAL, "m"),
            display_name: "M".to_owned(),
            place: ModelPlace::ThisMachine,
            context_tokens: None,
            max_output_tokens: None,
            tools,
            images,
            pricing: None,
            file_bytes: None,
            quantization: None,
        }
    }

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
            for_local(with_tools(), &model(false, false)),
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
        assert_eq!(for_local(with_tools(), &model(true, false)), with_tools());
    }

    fn picture(base64: &str) -> UserPart {
        UserPart::Image {
            image: ImageData {
                media_type: "image/png".to_owned(),
                base64: base64.to_owned(),
            },
        }
    }

    fn showing(images: &[&str], text: &str) -> ChatRequest {
        let text = UserPart::Text {
            text: text.to_owned(),
        };
        let parts = images.iter().map(|image| picture(image)).chain([text]);
        ChatRequest {
            messages: vec![ChatMessage::User {
                parts: parts.collect(),
            }],
            ..ChatRequest::default()
        }
    }

    #[test]
    fn images_become_words_for_a_model_without_eyes() {
        assert_eq!(
            for_local(showing(&["AAAA"], "Look"), &model(true, false)).messages,
            vec![said(&format!("{IMAGE}\nLook"))]
        );
    }

    #[test]
    fn a_model_that_sees_is_shown_them() {
        let request = showing(&["AAAA", "BBBB"], "Look");
        assert_eq!(for_local(request.clone(), &model(true, true)), request);
    }

    #[test]
    fn the_newest_images_are_shown_where_there_are_too_many() {
        let mut request = showing(&["OLD0"; 3], "Look");
        let newer = showing(&["AAAA"; MAX_IMAGES - 1], "And here");
        request.messages.push(answered("A cat"));
        request.messages.extend(newer.messages.clone());
        let shown = for_local(request, &model(false, true)).messages;
        assert_eq!(
            shown[0],
            showing(&["OLD0"], &format!("{IMAGE}\n{IMAGE}\nLook")).messages[0]
        );
        assert_eq!(shown[2], newer.messages[0]);
    }

    #[test]
    fn messages_with_images_merge_too() {
        let mut request = showing(&["AAAA"], "One");
        request.messages.extend(showing(&["BBBB"], "Two").messages);
        assert_eq!(
            for_local(request, &model(false, true)),
            showing(&["AAAA", "BBBB"], "One\n\nTwo")
        );
    }
}
