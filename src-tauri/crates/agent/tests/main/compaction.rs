//! Sessions that are longer than the model: letting go, summaries, and taking them back.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use nexus_protocol::{
    Capability, ChatMessage, ChatRequest, ErrorCode, EventMsg, FileDiff, Item, ItemBody, ItemId,
    Op, ResultPart, ToolSpec,
};
use nexus_tools::{Prepared, Registry, Tool, ToolContext, ToolError, ToolOutput};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::{Harness, action},
    model::{Play, call, down, stop, text, tools},
};

const TASK: &str = "Rename every occurrence of frobnicate in the project to transform.";
const LARGE: u32 = 16_384;
/// So small that thirty calls fill it.
const SMALL: u32 = 6000;

/// Edits the file it is given and prints 2 KiB.
struct Edit;

#[async_trait]
impl Tool for Edit {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "edit".into(),
            description: "Edits a file.".into(),
            parameters: json!({ "type": "object", "properties": { "number": { "type": "integer" } } }),
        }
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    async fn prepare(&self, arguments: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let number = arguments["number"].as_u64().unwrap_or_default();
        let path = path(number);
        let action = action("edit", Capability::Compute, &path, &arguments);
        Ok(Prepared::new(action, move |_| async move {
            let line = format!("{path}: let it_{number} = transform(it);\n");
            let diff = FileDiff {
                path,
                ..FileDiff::default()
            };
            Ok(ToolOutput {
                text: line.repeat(2048 / line.len() + 1),
                summary: format!("edit {number}"),
                parts: vec![ResultPart::Diff { diff }],
                ..ToolOutput::default()
            })
        }))
    }
}

/// The file of a call: every tenth call comes to a new one.
fn path(number: u64) -> String {
    format!("src/module_{}.rs", number / 10)
}

async fn harness(context: u32) -> Harness {
    let harness = Harness::with(Registry::empty().with(Arc::new(Edit)), Some(context)).await;
    harness.settings.lock().unwrap().max_tool_calls = 1000;
    harness
}

fn is_summary(request: &ChatRequest) -> bool {
    request.tools.is_empty()
}

/// A model that makes `calls` calls, one a step, and then answers; `summary` is what it plays when it is asked for a summary.
fn works(harness: &Harness, calls: u64, summary: impl Fn() -> Vec<Play> + Send + Sync + 'static) {
    let made = Mutex::new(0);
    harness.model.plays_by(move |request| {
        if is_summary(request) {
            return summary();
        }
        let mut made = made.lock().unwrap();
        if *made == calls {
            return vec![text("All is renamed."), stop()];
        }
        let mut script = call(
            0,
            &format!("c{made}"),
            "edit",
            &format!(r#"{{"number":{made}}}"#),
        );
        script.push(tools());
        *made += 1;
        script
    });
}

fn says_summary() -> Vec<Play> {
    vec![
        text("## Task\nRename frobnicate.\n\n## Done\nThe first modules.\n\n"),
        text("## Next\nThe others."),
        stop(),
    ]
}

fn compactions(items: &[Item]) -> Vec<&Item> {
    let is_one = |item: &&Item| matches!(item.body, ItemBody::Compaction { .. });
    items.iter().filter(is_one).collect()
}

/// Tokens, counted as the agent does: 3.5 ASCII characters each, one for any other character, and a few a message.
fn tokens(request: &ChatRequest) -> u64 {
    let text = serde_json::to_string(&request.messages).unwrap();
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let others = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    (ascii * 2).div_ceil(7) + others
}

fn words(request: &ChatRequest) -> String {
    serde_json::to_string(&request.messages).unwrap()
}

/// Calls of the long turn.
fn many() -> u64 {
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        1000
    } else {
        200
    }
}

#[tokio::test]
async fn a_turn_of_200_tool_calls_with_a_16k_token_model_finishes() {
    let harness = harness(LARGE).await;
    works(&harness, many(), says_summary);
    let end = harness.user_turn(TASK).await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    let items = harness.snapshot().await.items;
    let compactions = compactions(&items);
    assert!(!compactions.is_empty());
    let turn = items[0].turn;
    assert!(compactions.iter().all(|item| item.turn == turn));
    assert!(
        !harness
            .story()
            .contains("no longer fit the model and were left out")
    );

    let requests = harness.model.requests();
    assert_eq!(requests.len() as u64, many() + 1 + compactions.len() as u64);
    let mut made = 0;
    for request in &requests {
        assert!(tokens(request) <= u64::from(LARGE), "{}", tokens(request));
        let words = words(request);
        assert!(words.contains(TASK));
        if is_summary(request) {
            continue;
        }
        for number in 0..made {
            assert!(
                words.contains(&path(number)),
                "{} is not in {words}",
                path(number)
            );
        }
        made += 1;
    }
    // What fills the context is told before each call, and never is more than the model takes.
    let used: Vec<u64> = harness
        .events()
        .iter()
        .filter_map(|event| match &event.msg {
            EventMsg::ContextUsed { context } => Some(context.used()),
            _ => None,
        })
        .collect();
    assert_eq!(used.len() as u64, many() + 1);
    assert!(used.iter().all(|used| *used <= u64::from(LARGE) * 3 / 4));
    harness.check().await;
}

#[tokio::test]
async fn the_request_after_a_summary() {
    let harness = harness(SMALL).await;
    works(&harness, 60, says_summary);
    harness.user_turn(TASK).await;
    let requests = harness.model.requests();
    let asked = requests.iter().position(is_summary).unwrap();
    insta::assert_json_snapshot!(requests[asked + 1].messages);
    insta::assert_json_snapshot!(harness.snapshot().await.context);
    harness.check().await;
}

#[tokio::test]
async fn a_model_that_cannot_write_a_summary_does_not_stop_the_turn() {
    for fails in [|| vec![down()], || vec![stop()], || vec![text("## Ta")]] {
        let harness = harness(SMALL).await;
        works(&harness, 60, fails);
        let end = harness.user_turn(TASK).await;
        assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
        let items = harness.snapshot().await.items;
        let compactions = compactions(&items);
        assert!(!compactions.is_empty());
        let summary = compactions[0].body.text();
        assert!(
            summary.starts_with("(The model could not write this summary."),
            "{summary}"
        );
        assert!(summary.contains(TASK) && summary.contains("src/module_0.rs"));
        harness.check().await;
    }
}

#[tokio::test]
async fn cancelled_while_the_summary_is_written() {
    let harness = harness(SMALL).await;
    works(&harness, 60, || vec![text("## Task"), Play::Hang]);
    harness.user(TASK).await.unwrap();
    let asked = || harness.model.requests().iter().any(is_summary);
    for _ in 0..6000 {
        if asked() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(asked());
    harness.submit(Op::Interrupt).await.unwrap();
    let end = harness.ends(0).await;
    assert!(
        matches!(end, EventMsg::TurnInterrupted { error: None, .. }),
        "{end:?}"
    );
    assert!(compactions(&harness.snapshot().await.items).is_empty());
    harness.check().await;
    // It goes on from there.
    works(&harness, 3, says_summary);
    let end = harness.turn(Op::Continue).await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    assert_eq!(compactions(&harness.snapshot().await.items).len(), 1);
    harness.check().await;
}

#[tokio::test]
async fn a_retry_keeps_the_summary() {
    let harness = harness(SMALL).await;
    let asked = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&asked);
    let number = Mutex::new(0);
    harness.model.plays_by(move |request| {
        if is_summary(request) {
            *seen.lock().unwrap() = true;
            return says_summary();
        }
        if std::mem::take(&mut *seen.lock().unwrap()) {
            // Right after the summary, before anything of the step is there.
            return vec![down()];
        }
        let mut number = number.lock().unwrap();
        *number += 1;
        let mut script = call(
            0,
            &format!("c{number}"),
            "edit",
            &format!(r#"{{"number":{number}}}"#),
        );
        script.push(tools());
        script
    });
    let end = harness.user_turn(TASK).await;
    assert!(matches!(end, EventMsg::TurnFailed { .. }), "{end:?}");
    harness.check().await;
    let requests = harness.model.requests();
    works(&harness, 0, says_summary);
    harness.turn(Op::Retry).await;
    assert_eq!(harness.model.requests().last(), requests.last());
    assert_eq!(compactions(&harness.snapshot().await.items).len(), 1);
    harness.check().await;
}

#[tokio::test]
async fn a_restart_changes_no_request() {
    let mut last = Vec::new();
    for restarts in [false, true] {
        let mut harness = harness(SMALL).await;
        works(&harness, 60, says_summary);
        harness.user_turn(TASK).await;
        if restarts {
            harness.session.stop().await;
            harness.restart().await;
        }
        harness.user_turn("Is anything left?").await;
        assert!(!compactions(&harness.snapshot().await.items).is_empty());
        last.push(harness.model.requests().pop().unwrap());
    }
    assert_eq!(last[0], last[1]);
}

/// A session of two answered questions.
async fn two_questions() -> Harness {
    let harness = Harness::new().await;
    let answer = "It is a crate of the workspace. ".repeat(20);
    for question in ["What is agent?", "What is tools?"] {
        harness.model.plays(vec![text(&answer), stop()]);
        harness.user_turn(question).await;
    }
    harness
}

#[tokio::test]
async fn asked_for_and_taken_back() {
    let harness = two_questions().await;
    let from = harness.events().len();
    harness
        .model
        .plays(vec![text("## Task\nExplain the crates."), stop()]);
    let end = harness.turn(Op::Compact).await;
    let EventMsg::TurnCompleted { usage, .. } = end else {
        panic!("{end:?}");
    };
    assert_eq!((usage.input_tokens, usage.output_tokens), (10, 5));
    let story: Vec<String> = harness
        .story()
        .lines()
        .skip(from)
        .map(str::to_owned)
        .collect();
    insta::assert_snapshot!(story.join("\n"));
    harness.check().await;

    let refused = harness.submit(Op::Compact).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadInput);

    harness.model.plays(vec![text("Yes."), stop()]);
    harness.user_turn("Sure?").await;
    let request = harness.model.requests().pop().unwrap();
    assert!(
        words(&request).contains("Explain the crates.")
            && !words(&request).contains("What is agent?")
    );
    insta::assert_json_snapshot!(request.messages);

    let items = harness.snapshot().await.items;
    let item = compactions(&items)[0].id;
    harness.submit(Op::UndoCompaction { item }).await.unwrap();
    let items = harness.snapshot().await.items;
    assert!(matches!(
        compactions(&items)[0].body,
        ItemBody::Compaction { undone: true, .. }
    ));
    harness.check().await;
    for item in [item, items[0].id, ItemId(Uuid::nil())] {
        let refused = harness
            .submit(Op::UndoCompaction { item })
            .await
            .unwrap_err();
        assert_eq!(refused.title, "There is no such summary");
    }
    harness.model.plays(vec![text("Yes."), stop()]);
    harness.user_turn("Really?").await;
    let request = harness.model.requests().pop().unwrap();
    assert!(
        words(&request).contains("What is agent?")
            && !words(&request).contains("Explain the crates.")
    );
    harness.check().await;
}

#[tokio::test]
async fn not_beside_a_turn_and_not_without_need() {
    let harness = Harness::new().await;
    let refused = harness.submit(Op::Compact).await.unwrap_err();
    assert_eq!(refused.title, "There is nothing to shorten yet");
    harness.model.plays(vec![text("Hm"), Play::Hang]);
    harness.user("Hi").await.unwrap();
    for op in [
        Op::Compact,
        Op::UndoCompaction {
            item: ItemId(Uuid::nil()),
        },
    ] {
        assert_eq!(harness.submit(op).await.unwrap_err().code, ErrorCode::Busy);
    }
    harness.submit(Op::Interrupt).await.unwrap();
    harness.ends(0).await;
    harness.check().await;
}

#[tokio::test]
async fn asked_for_and_stopped() {
    let harness = two_questions().await;
    harness.model.plays(vec![text("## T"), Play::Hang]);
    let from = harness.events().len();
    harness.submit(Op::Compact).await.unwrap();
    assert_eq!(
        harness.user("Hello?").await.unwrap_err().code,
        ErrorCode::Busy
    );
    harness.submit(Op::Interrupt).await.unwrap();
    let end = harness.ends(from).await;
    assert!(matches!(end, EventMsg::TurnInterrupted { .. }), "{end:?}");
    assert!(compactions(&harness.snapshot().await.items).is_empty());
    harness.check().await;
}

#[tokio::test]
async fn the_summary_of_a_summary_has_all_files() {
    let harness = harness(SMALL).await;
    works(&harness, 80, says_summary);
    harness.user_turn(TASK).await;
    let items = harness.snapshot().await.items;
    let compactions = compactions(&items);
    assert!(compactions.len() >= 2, "{}", compactions.len());
    let last = compactions[compactions.len() - 1].body.text();
    assert!(
        last.contains("## Files changed\n") && last.contains("- src/module_0.rs"),
        "{last}"
    );
    let requests = harness.model.requests();
    let again = requests.iter().rfind(|it| is_summary(it)).unwrap();
    let Some(ChatMessage::User { parts }) = again.messages.last() else {
        panic!("{again:?}");
    };
    let asked = format!("{parts:?}");
    assert!(asked.contains("[An earlier summary:]") && !asked.contains("## Files changed"));
    harness.check().await;
}
