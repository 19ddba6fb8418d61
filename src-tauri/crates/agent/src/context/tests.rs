//! Requests as models read them, and that every request is valid whatever the history.

use std::collections::HashSet;

use nexus_protocol::{
    AnswerMeta, Attachment, ErrorAction, ErrorCard, ErrorCode, ImageData, ItemBody, ItemId,
    ItemStatus, ModelPlace, ModelRef, NoticeLevel, SessionId, ToolResult, TurnId, UnixMillis,
};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;

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
                result: output.map(|output| ToolResult {
                    ok: true,
                    output: output.into(),
                    summary: "done".into(),
                    duration_ms: 1,
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
    assert_eq!(valid(&built.request), Ok(()));
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

/// What every provider asks of a request.
fn valid(request: &ChatRequest) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut ids = HashSet::new();
    let mut previous = "";
    for (index, message) in request.messages.iter().enumerate() {
        let role = match message {
            ChatMessage::System { .. } => "system",
            ChatMessage::User { .. } => "user",
            ChatMessage::Assistant { .. } => "assistant",
            ChatMessage::Tool { .. } => "tool",
        };
        let follows = match (previous, role) {
            ("", "system") | ("system" | "assistant", "user") => true,
            ("user" | "tool", "assistant") => true,
            ("assistant" | "tool", "tool") => true,
            _ => false,
        };
        if !follows {
            return Err(format!("{role} after {previous} at {index}"));
        }
        match message {
            ChatMessage::Assistant { text, tool_calls } => {
                if text.trim().is_empty() && tool_calls.is_empty() {
                    return Err(format!("empty assistant message at {index}"));
                }
                for call in tool_calls {
                    if !ids.insert(call.id.clone()) {
                        return Err(format!("call {} twice", call.id));
                    }
                    if !serde_json::from_str::<serde_json::Value>(&call.arguments)
                        .is_ok_and(|it| it.is_object())
                    {
                        return Err(format!("arguments {}", call.arguments));
                    }
                    open.push(&call.id);
                }
            }
            ChatMessage::Tool { call_id, .. } => {
                let Some(at) = open.iter().position(|id| id == call_id) else {
                    return Err(format!("orphan result {call_id}"));
                };
                open.remove(at);
            }
            ChatMessage::User { parts } if parts.is_empty() => {
                return Err(format!("empty user message at {index}"));
            }
            _ => {}
        }
        if role != "tool" && role != "assistant" && !open.is_empty() {
            return Err(format!("calls without results before {index}: {open:?}"));
        }
        previous = role;
    }
    if !open.is_empty() {
        return Err(format!("calls without results: {open:?}"));
    }
    match previous {
        "user" | "tool" => Ok(()),
        other => Err(format!("ends with {other}")),
    }
}

#[derive(Clone, Debug)]
enum Entry {
    User(String, bool),
    Says(ItemStatus, String),
    Thinks,
    Calls(ItemStatus, String, String, Option<String>),
    Notice,
    Step,
}

fn entry() -> impl Strategy<Value = Entry> {
    let status = prop_oneof![
        4 => Just(Complete),
        1 => Just(Interrupted),
        1 => Just(Failed),
        1 => Just(ItemStatus::InProgress)
    ];
    let text = prop_oneof![
        "[a-zäß漢 \n]{0,12}",
        (0_usize..3000).prop_map(|length| "long text ".repeat(length / 10)),
    ];
    let arguments = prop_oneof![
        Just(r#"{"expression":"1"}"#.to_owned()),
        Just(String::new()),
        Just(r#"{"expr"#.to_owned()),
        Just("[]".to_owned()),
    ];
    prop_oneof![
        3 => (text.clone(), any::<bool>()).prop_map(|(text, image)| Entry::User(text, image)),
        3 => (status.clone(), text.clone()).prop_map(|(status, text)| Entry::Says(status, text)),
        1 => Just(Entry::Thinks),
        3 => (status, "c[0-3]?", arguments, proptest::option::of(text))
            .prop_map(|(status, id, arguments, output)| Entry::Calls(status, id, arguments, output)),
        1 => Just(Entry::Notice),
        3 => Just(Entry::Step),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_request_is_valid_and_within_the_budget(
        entries in prop::collection::vec(entry(), 0..40),
        last in "[a-z]{1,20}",
        run_on in prop::collection::vec(entry(), 0..6),
        context in prop_oneof![Just(None), (0_u32..6000).prop_map(Some)],
        tools in any::<bool>(),
        images in any::<bool>(),
    ) {
        let mut history = History::default();
        let add = |history: &mut History, entry: Entry| match entry {
            Entry::User(text, image) => {
                // An empty message never is accepted.
                let text = if text.trim().is_empty() && !image { "x".to_owned() } else { text };
                history.with_images(&text, if image { &["i.png"] } else { &[] });
            }
            Entry::Says(status, text) => { history.says(status, &text); }
            Entry::Thinks => { history.thinks("hm"); }
            Entry::Calls(status, id, arguments, output) => {
                history.calls(status, &id, "calculate", &arguments, output.as_deref());
            }
            Entry::Notice => { history.notice("oh"); }
            Entry::Step => { history.next_step(); }
        };
        for entry in entries {
            add(&mut history, entry);
        }
        let marker = format!("newest-{last}");
        history.user(&marker);
        for entry in run_on.into_iter().filter(|entry| !matches!(entry, Entry::User(..))) {
            add(&mut history, entry);
        }
        let model = model(context, tools, images);
        match built(&history, &model) {
            Ok(built) => {
                prop_assert_eq!(valid(&built.request), Ok(()));
                let has_newest = built.request.messages.iter().any(|message| matches!(
                    message,
                    ChatMessage::User { parts }
                        if parts.iter().any(|part| matches!(part, UserPart::Text { text } if text.ends_with(&marker)))
                ));
                prop_assert!(has_newest);
                if let Some(context) = context {
                    let room = u64::from(context) - u64::from(context / 4).min(ANSWER);
                    let tokens = request_tokens(&built.request);
                    prop_assert!(tokens <= room, "{tokens} of {room}");
                }
                if built.dropped_turns == 0 && built.dropped_steps == 0 {
                    let users = history.items.iter().filter(|item| matches!(item.body, ItemBody::User { .. })).count();
                    prop_assert!(users >= 1);
                }
            }
            Err(error) => {
                prop_assert!(context.is_some());
                prop_assert!(error.needed > 0);
            }
        }
    }

    #[test]
    fn a_request_grows_at_its_end_only(turns in 1_usize..12) {
        let mut history = History::default();
        let mut before: Vec<ChatMessage> = Vec::new();
        for turn in 0..turns {
            history.user(&format!("question {turn}"));
            let messages = request(&history, &model(None, true, false)).messages;
            prop_assert_eq!(&messages[..before.len()], &before[..]);
            before = messages;
            history.says(Complete, &format!("answer {turn}"));
        }
    }
}
