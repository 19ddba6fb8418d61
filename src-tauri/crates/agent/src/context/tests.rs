//! Requests as models read them, and that every request is valid whatever the history.

use nexus_protocol::{
    AnswerMeta, Attachment, ErrorAction, ErrorCard, ErrorCode, ImageData, ItemBody, ItemId,
    ItemStatus, ModelPlace, ModelRef, NoticeLevel, SessionId, ToolResult, TurnId, UnixMillis,
};
use serde_json::json;
use uuid::Uuid;

use super::*;

mod any_history;

/// A history under construction.
#[derive(Default)]
struct History {
    items: Vec<Item>,
    turn: u128,
    step: u32,
}

impl History {
    fn item(&mut self, status: ItemStatus, body: ItemBody) -> &mut Self {
        let position = self.items.len();
        self.items.push(Item {
            id: ItemId(Uuid::from_u128(position as u128)),
            session: SessionId(Uuid::nil()),
            turn: TurnId(Uuid::from_u128(self.turn)),
            step: self.step,
            position: position as u32,
            created_at: UnixMillis(0),
            status,
            body,
        });
        self
    }

    fn user(&mut self, text: &str) -> &mut Self {
        self.with_images(text, &[])
    }

    fn with_images(&mut self, text: &str, names: &[&str]) -> &mut Self {
        self.turn += 1;
        self.step = 0;
        let attachments = names
            .iter()
            .map(|name| Attachment {
                name: (*name).into(),
                image: ImageData {
                    media_type: "image/png".into(),
                    base64: "iVBORw0KGgo=".into(),
                },
            })
            .collect();
        self.item(
            ItemStatus::Complete,
            ItemBody::User {
                text: text.into(),
                attachments,
            },
        )
    }

    fn says(&mut self, status: ItemStatus, text: &str) -> &mut Self {
        self.item(
            status,
            ItemBody::Assistant {
                text: text.into(),
                model: ModelRef("test/model".into()),
                meta: Some(AnswerMeta {
                    usage: None,
                    time_to_first_token_ms: None,
                    duration_ms: 1,
                    tokens_per_second: None,
                    finish: None,
                }),
            },
        )
    }

    fn thinks(&mut self, text: &str) -> &mut Self {
        self.item(
            ItemStatus::Complete,
            ItemBody::Thinking {
                text: text.into(),
                duration_ms: Some(1),
            },
        )
    }

    fn calls(
        &mut self,
        status: ItemStatus,
        id: &str,
        name: &str,
        arguments: &str,
        output: Option<&str>,
    ) -> &mut Self {
        self.item(
            status,
            ItemBody::ToolCall {
                call_id: id.into(),
                name: name.into(),
                arguments: arguments.into(),
                label: None,
                approval: None,
                output: String::new(),
                result: output.map(|output| ToolResult {
                    ok: true,
                    output: output.into(),
                    summary: "done".into(),
                    duration_ms: 1,
                    parts: Vec::new(),
                }),
            },
        )
    }

    fn notice(&mut self, text: &str) -> &mut Self {
        self.item(
            ItemStatus::Complete,
            ItemBody::Notice {
                level: NoticeLevel::Error,
                text: text.into(),
                error: Some(ErrorCard::new(
                    ErrorCode::Internal,
                    "x",
                    "y",
                    ErrorAction::Retry,
                )),
            },
        )
    }

    fn next_step(&mut self) -> &mut Self {
        self.step += 1;
        self
    }
}

fn model(context_tokens: Option<u32>, tools: bool, images: bool) -> ModelInfo {
    ModelInfo {
        model: ModelRef("test/model".into()),
        display_name: "Test".into(),
        place: ModelPlace::Cloud,
        context_tokens,
        max_output_tokens: None,
        tools,
        images,
        pricing: None,
        file_bytes: None,
        quantization: None,
    }
}

fn tool() -> ToolSpec {
    ToolSpec {
        name: "calculate".into(),
        description: "Computes.".into(),
        parameters: json!({ "type": "object" }),
    }
}

fn built(history: &History, model: &ModelInfo) -> Result<Built, TooLong> {
    let tools = if model.tools {
        vec![tool()]
    } else {
        Vec::new()
    };
    build(&ContextInput {
        items: &history.items,
        system: "You are a test.",
        tools: &tools,
        model,
    })
}

fn request(history: &History, model: &ModelInfo) -> ChatRequest {
    built(history, model).unwrap().request
}

use ItemStatus::{Complete, Failed, Interrupted};

#[test]
fn a_conversation_with_tools() {
    let mut history = History::default();
    history
        .user("What is 2^100?")
        .thinks("I should compute it.")
        .says(Complete, "Let me see.")
        .calls(
            Complete,
            "c1",
            "calculate",
            r#"{"expression":"2^100"}"#,
            Some("1267650600228229401496703205376"),
        )
        .calls(
            Complete,
            "c2",
            "calculate",
            r#"{"expression":"2^10"}"#,
            Some("1024"),
        )
        .next_step()
        .says(Complete, "It is 1267650600228229401496703205376.")
        .user("And in hex?")
        .notice("Something failed");
    insta::assert_json_snapshot!(request(&history, &model(None, true, false)));
}

#[test]
fn the_same_for_a_model_without_tools() {
    let mut history = History::default();
    history
        .user("What is 2^10?")
        .calls(
            Complete,
            "c1",
            "calculate",
            r#"{"expression":"2^10"}"#,
            Some("1024"),
        )
        .next_step()
        .says(Complete, "It is 1024.")
        .user("Thanks");
    insta::assert_json_snapshot!(request(&history, &model(None, false, false)));
}

#[test]
fn a_broken_answer_is_continued_and_later_is_one_message() {
    let mut history = History::default();
    history
        .user("Count to five")
        .says(Interrupted, "One, two, th");
    let continuing = request(&history, &model(None, true, false));
    history
        .next_step()
        .says(Complete, "ree, four, five.")
        .user("And on");
    let later = request(&history, &model(None, true, false));
    insta::assert_json_snapshot!([continuing.messages, later.messages]);
}

#[test]
fn what_failed_is_left_out_and_roles_still_alternate() {
    let mut history = History::default();
    history
        .user("First")
        .notice("The provider has trouble")
        .user("Second")
        .says(Failed, "never")
        .user("Third")
        .calls(
            Interrupted,
            "c1",
            "calculate",
            r#"{"expression":"1"}"#,
            Some("Cancelled by the user."),
        )
        .user("Fourth")
        .says(Interrupted, "Wai")
        .calls(
            Interrupted,
            "c2",
            "calculate",
            r#"{"expres"#,
            Some("Cancelled by the user."),
        )
        .user("Fifth");
    insta::assert_json_snapshot!(request(&history, &model(None, true, false)).messages);
}

#[test]
fn calls_are_made_fit_for_every_provider() {
    let mut history = History::default();
    history
        .user("Go")
        .calls(
            Complete,
            "same",
            "calculate",
            r#"{"expression": "#,
            Some("The arguments are no valid JSON."),
        )
        .calls(
            Complete,
            "same",
            "rm -rf /",
            "",
            Some("There is no such tool."),
        )
        .calls(Complete, "", "", "[1]", None)
        .next_step()
        .calls(
            Complete,
            "same",
            "calculate",
            r#"{"expression":"1"}"#,
            Some("1"),
        );
    insta::assert_json_snapshot!(request(&history, &model(None, true, false)).messages);
}

#[test]
fn images_only_for_models_that_see() {
    let mut history = History::default();
    history
        .with_images("What is this?", &["cat.png"])
        .says(Complete, "A cat.")
        .with_images("", &["dog.png"]);
    let seeing = request(&history, &model(None, false, true)).messages;
    let blind = request(&history, &model(None, false, false)).messages;
    insta::assert_json_snapshot!([seeing, blind]);
}

#[test]
fn oldest_turns_go_first_and_the_system_message_stays() {
    let mut history = History::default();
    for number in 0..20 {
        history
            .user(&format!("Question {number} {}", "x".repeat(200)))
            .says(Complete, &format!("Answer {number} {}", "y".repeat(200)));
    }
    history.user("Last question");
    let model = model(Some(1000), false, false);
    let built = built(&history, &model).unwrap();
    assert_eq!((built.dropped_turns, built.dropped_steps), (15, 0));
    let starts: Vec<String> = built
        .request
        .messages
        .iter()
        .map(|message| match message {
            ChatMessage::System { text } | ChatMessage::Assistant { text, .. } => text.clone(),
            ChatMessage::User { parts } => format!("{parts:?}"),
            ChatMessage::Tool { content, .. } => content.clone(),
        })
        .map(|text| text.chars().take(36).collect())
        .collect();
    insta::assert_json_snapshot!(starts);
}

#[test]
fn a_long_turn_loses_its_oldest_steps_and_then_cuts_results() {
    let mut history = History::default();
    history.user("Work");
    for number in 0..5 {
        history
            .calls(
                Complete,
                &format!("c{number}"),
                "calculate",
                r#"{"expression":"1"}"#,
                Some(&"7 ".repeat(5000)),
            )
            .next_step();
    }
    let model = model(Some(2000), true, false);
    let built = built(&history, &model).unwrap();
    assert_eq!((built.dropped_turns, built.dropped_steps), (0, 4));
    assert_eq!(wrong(&built.request), Vec::<String>::new());
    let tokens = request_tokens(&built.request);
    assert!((1400..=1500).contains(&tokens), "{tokens}");
}

#[test]
fn a_message_too_long_is_refused_with_the_limit() {
    let mut history = History::default();
    history
        .user("before")
        .says(Complete, "yes")
        .user(&"a".repeat(35_000));
    let error = built(&history, &model(Some(8192), false, false));
    assert_eq!(
        error,
        Err(TooLong {
            needed: 12_061,
            limit: 8192
        })
    );
}

#[test]
fn nothing_said_is_nothing_to_ask() {
    let error = built(&History::default(), &model(Some(8192), false, false));
    assert_eq!(
        error,
        Err(TooLong {
            needed: 2048,
            limit: 8192
        })
    );
}

fn request_tokens(request: &ChatRequest) -> u64 {
    request.messages.iter().map(message_tokens).sum::<u64>() + tools_tokens(&request.tools)
}

/// What every provider asks of a request: roles and calls, and arguments that are objects.
fn wrong(request: &ChatRequest) -> Vec<String> {
    let mut wrong = nexus_test_support::check_chat(request);
    for message in &request.messages {
        if let ChatMessage::Assistant { text, tool_calls } = message {
            if !text.is_empty() && text.trim().is_empty() {
                wrong.push("an assistant message of white space".into());
            }
            let is_object = |text: &str| {
                serde_json::from_str::<serde_json::Value>(text).is_ok_and(|it| it.is_object())
            };
            let bad = tool_calls.iter().filter(|call| !is_object(&call.arguments));
            wrong.extend(bad.map(|call| format!("arguments {}", call.arguments)));
        }
    }
    wrong
}
