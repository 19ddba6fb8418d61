//! Requests as models read them, and that every request is valid whatever the history.

use nexus_protocol::{
    AnswerMeta, Attachment, ErrorAction, ErrorCard, ErrorCode, ImageData, ItemBody, ItemId,
    ItemStatus, ModelPlace, ModelRef, NoticeLevel, ResultPart, SessionId, ToolResult, TurnId,
    UnixMillis,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    estimate::{text_tokens, tools_tokens},
    *,
};

mod any_history;

/// A history under construction.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) items: Vec<Item>,
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

    pub(crate) fn user(&mut self, text: &str) -> &mut Self {
        self.with_images(text, &[])
    }

    pub(crate) fn with_images(&mut self, text: &str, names: &[&str]) -> &mut Self {
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

    pub(crate) fn says(&mut self, status: ItemStatus, text: &str) -> &mut Self {
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

    pub(crate) fn thinks(&mut self, text: &str) -> &mut Self {
        self.item(
            ItemStatus::Complete,
            ItemBody::Thinking {
                text: text.into(),
                duration_ms: Some(1),
            },
        )
    }

    pub(crate) fn calls(
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

    /// An image in the result of the last call.
    pub(crate) fn showing(&mut self, name: &str) -> &mut Self {
        if let Some(ItemBody::ToolCall {
            result: Some(result),
            ..
        }) = self.items.last_mut().map(|item| &mut item.body)
        {
            result.parts.push(ResultPart::Image {
                name: name.into(),
                image: ImageData {
                    media_type: "image/png".into(),
                    base64: "iVBORw0KGgo=".into(),
                },
            });
        }
        self
    }

    /// A summary of all but the last `back` items.
    pub(crate) fn compacted(&mut self, text: &str, back: usize, undone: bool) -> &mut Self {
        let Some(through) = self.items.len().checked_sub(back + 1) else {
            return self;
        };
        self.item(
            ItemStatus::Complete,
            ItemBody::Compaction {
                text: text.into(),
                through: through as u32,
                tokens_before: 1000,
                tokens_after: 10,
                undone,
            },
        )
    }

    /// The user took changes back.
    pub(crate) fn undoes(&mut self, files: &[&str]) -> &mut Self {
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        self.step += 1;
        self.item(
            ItemStatus::Complete,
            ItemBody::Undo {
                redone: false,
                files,
                more: 0,
            },
        )
        .next_step()
    }

    pub(crate) fn notice(&mut self, text: &str) -> &mut Self {
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

    pub(crate) fn next_step(&mut self) -> &mut Self {
        self.step += 1;
        self
    }
}

pub(crate) fn model(context_tokens: Option<u32>, tools: bool, images: bool) -> ModelInfo {
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

pub(crate) fn tool() -> ToolSpec {
    ToolSpec {
        name: "calculate".into(),
        description: "Computes.".into(),
        parameters: json!({ "type": "object" }),
    }
}

fn offered(model: &ModelInfo) -> Vec<ToolSpec> {
    model.tools.then(tool).into_iter().collect()
}

pub(crate) fn input<'a>(
    history: &'a History,
    model: &'a ModelInfo,
    tools: &'a [ToolSpec],
) -> ContextInput<'a> {
    ContextInput {
        items: &history.items,
        system: "You are a test.",
        tools,
        model,
    }
}

fn built_for(history: &History, model: &ModelInfo) -> Result<Built, TooLong> {
    build(&input(history, model, &offered(model)))
}

fn request(history: &History, model: &ModelInfo) -> ChatRequest {
    built_for(history, model).unwrap().request
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
    let built = built_for(&history, &model).unwrap();
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
        for call in 0..4 {
            history.calls(
                Complete,
                &format!("c{number}-{call}"),
                "calculate",
                r#"{"expression":"1"}"#,
                Some(&"7 ".repeat(5000)),
            );
        }
        history.next_step();
    }
    let model = model(Some(2000), true, false);
    let built = built_for(&history, &model).unwrap();
    assert_eq!((built.dropped_turns, built.dropped_steps), (0, 4));
    assert_eq!(wrong(&built.request), Vec::<String>::new());
    let tokens = request_tokens(&built.request);
    assert!((1350..=1500).contains(&tokens), "{tokens}");
}

#[test]
fn a_message_too_long_is_refused_with_the_limit() {
    let mut history = History::default();
    history
        .user("before")
        .says(Complete, "yes")
        .user(&"a".repeat(35_000));
    let error = built_for(&history, &model(Some(8192), false, false));
    assert_eq!(
        error,
        Err(TooLong {
            needed: 12_061,
            limit: 8192
        })
    );
}

/// A turn of `steps` calls whose results have 2 KiB each.
fn long_turn(steps: usize) -> History {
    let mut history = History::default();
    history.user("Read them all");
    for number in 0..steps {
        let arguments = format!(r#"{{"path":"src/{number}.rs"}}"#);
        let output = "let it = be;\n".repeat(170);
        history
            .calls(
                Complete,
                &format!("c{number}"),
                "read_file",
                &arguments,
                Some(&output),
            )
            .next_step();
    }
    history
}

#[test]
fn results_of_old_steps_give_way_to_a_line_each() {
    let mut history = long_turn(8);
    history.user("And now?");
    let built = built_for(&history, &model(Some(6000), true, false)).unwrap();
    assert_eq!((built.dropped_turns, built.crowded), (0, false));
    let results: Vec<&str> = built
        .request
        .messages
        .iter()
        .filter_map(|message| match message {
            ChatMessage::Tool { content, .. } => Some(&content[..content.len().min(100)]),
            _ => None,
        })
        .collect();
    insta::assert_json_snapshot!(results);
    assert_eq!(
        built.context.used(),
        request_tokens(&built.request),
        "{:?}",
        built.context
    );
}

#[test]
fn a_growing_turn_changes_the_beginning_of_its_requests_rarely() {
    let mut before: Vec<ChatMessage> = Vec::new();
    let mut changed = 0;
    for steps in 0..60 {
        let history = long_turn(steps);
        let built = built_for(&history, &model(Some(16_384), true, false)).unwrap();
        assert_eq!((built.dropped_steps, built.crowded), (0, false));
        let messages = built.request.messages;
        changed += u32::from(!messages.starts_with(&before));
        before = messages;
    }
    // Results are let go by the handful: each time, the four calls after it find their beginning in the cache.
    assert!((5..=15).contains(&changed), "{changed}");
}

#[test]
fn a_summary_stands_for_what_it_covers() {
    let mut history = History::default();
    history
        .user("Old question")
        .says(Complete, "Old answer")
        .user("The task")
        .calls(Complete, "a", "calculate", "{}", Some("1"))
        .next_step()
        .calls(Complete, "b", "calculate", "{}", Some("2"))
        .compacted("## Task\nThe task", 1, false)
        .next_step()
        .says(Complete, "It is 3.");
    let model = model(None, true, false);
    let inside = request(&history, &model).messages;
    history.user("Thanks");
    let later = request(&history, &model).messages;
    // What continued the answer is not in it any more; all before it is as it was.
    assert_eq!(later[..inside.len() - 1], inside[..inside.len() - 1]);
    insta::assert_json_snapshot!(later);
    history
        .compacted("Newer", 1, false)
        .compacted("Not this", 0, true);
    history.user("And?");
    insta::assert_json_snapshot!(request(&history, &model).messages);
}

#[test]
fn a_summary_gives_way_to_a_smaller_model() {
    let mut history = History::default();
    history
        .user("Old")
        .says(Complete, "Yes")
        .compacted(&"words of it ".repeat(500), 0, false)
        .user("New");
    for (context, has) in [(1000, true), (60, false)] {
        let built = built_for(&history, &model(Some(context), false, false)).unwrap();
        let text = serde_json::to_string(&built.request).unwrap();
        assert_eq!(text.contains("Summary"), has);
        assert!(text.contains("New"));
        assert!(request_tokens(&built.request) <= u64::from(context - context / 4));
    }
}

#[test]
fn images_of_results_are_shown_in_the_newest_turn_only() {
    let mut history = History::default();
    history
        .user("Look")
        .calls(
            Complete,
            "a",
            "read_file",
            r#"{"path":"photo.jpg"}"#,
            Some("An image, 2x2."),
        )
        .showing("photo.jpg");
    let seeing = request(&history, &model(None, true, true)).messages;
    let blind = request(&history, &model(None, true, false)).messages;
    history.next_step().says(Complete, "A cat.").user("Sure?");
    let later = request(&history, &model(None, true, true)).messages;
    insta::assert_json_snapshot!(seeing);
    assert_eq!(blind[..], seeing[..4]);
    assert!(!serde_json::to_string(&later).unwrap().contains("base64"));
}

#[test]
fn one_result_takes_a_quarter_of_the_room_at_most() {
    let mut history = History::default();
    let output = format!("first line\n{}last line", "x".repeat(60_000));
    history
        .user("Run")
        .calls(Complete, "a", "run", "{}", Some(&output));
    let request = request(&history, &model(Some(8192), true, false));
    let Some(ChatMessage::Tool { content, .. }) = request.messages.last() else {
        panic!("{request:?}");
    };
    assert!(content.starts_with("first line\n") && content.ends_with("last line"));
    assert!(content.contains(" characters left out to fit the model) …"));
    assert!((1400..=1536).contains(&text_tokens(content)));
}

#[test]
fn a_step_that_fills_the_model_gives_up_what_it_wrote() {
    let mut history = History::default();
    let long = format!(r#"{{"path":"a.txt","content":"{}"}}"#, "y".repeat(30_000));
    history
        .user("Write")
        .calls(Complete, "a", "write_file", &long, Some("Written."));
    let built = built_for(&history, &model(Some(4096), true, false)).unwrap();
    assert_eq!(wrong(&built.request), Vec::<String>::new());
    let Some(ChatMessage::Assistant { tool_calls, .. }) = built.request.messages.get(2) else {
        panic!("{built:?}");
    };
    assert!(tool_calls[0].arguments.len() < 200);
}

#[test]
fn nothing_said_is_nothing_to_ask() {
    let error = built_for(&History::default(), &model(Some(8192), false, false));
    assert_eq!(
        error,
        Err(TooLong {
            needed: 2048,
            limit: 8192
        })
    );
}

pub(crate) fn request_tokens(request: &ChatRequest) -> u64 {
    request.messages.iter().map(message_tokens).sum::<u64>() + tools_tokens(&request.tools)
}

/// What every provider asks of a request: roles and calls, and arguments that are objects.
pub(crate) fn wrong(request: &ChatRequest) -> Vec<String> {
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

#[test]
fn what_the_user_undid_is_read_where_it_happened() {
    let mut history = History::default();
    history
        .user("Write it")
        .calls(Complete, "a", "write_file", "{}", Some("Written."))
        .undoes(&["src/a.rs", "b.txt"]);
    // The turn is gone on with, without a word of the user.
    let model = model(None, true, false);
    let inside = request(&history, &model).messages;
    history
        .says(Complete, "I see.")
        .undoes(&["c.txt"])
        .user("Again");
    let later = request(&history, &model).messages;
    assert_eq!(later[..inside.len()], inside);
    insta::assert_json_snapshot!(later);
}

#[test]
fn a_broken_answer_is_continued_although_something_was_undone() {
    let mut history = History::default();
    history
        .user("Count")
        .says(Interrupted, "one, tw")
        .undoes(&["a.txt"]);
    let messages = request(&history, &model(None, true, false)).messages;
    let Some(ChatMessage::User { parts }) = messages.last() else {
        panic!("{messages:?}");
    };
    let [UserPart::Text { text }] = parts.as_slice() else {
        panic!("{parts:?}");
    };
    assert!(
        text.contains("“a.txt”") && text.ends_with(prompt::CONTINUE),
        "{text}"
    );
}
