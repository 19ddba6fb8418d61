//! What makes a turn pause by itself: time without the user, money, calls. What was done stays, and the user can go on.

use nexus_protocol::{
    ApprovalAnswer, ErrorAction, ErrorCode, EventMsg, FinishReason, ItemBody, ItemStatus, Mode, Op,
    Usage,
};
use serde_json::json;

use crate::{
    harness::Harness,
    model::{Play, call, finish, stop, text},
};

const MINUTE: i64 = 60_000;

/// A step that takes this long, costs this much, and calculates.
fn step(number: usize, minutes: i64, cost: Option<f64>) -> Vec<Play> {
    let arguments = json!({ "expression": number.to_string() }).to_string();
    let mut script = vec![Play::Pass(minutes * MINUTE), text("Step. ")];
    script.extend(call(0, &format!("c{number}"), "calculate", &arguments));
    script.push(finish(
        FinishReason::ToolCalls,
        Some(Usage {
            input_tokens: 10,
            cost_usd: cost,
            ..Usage::default()
        }),
    ));
    script
}

/// The turn paused for this reason, in words; everything it did is there, whole.
async fn paused(harness: &Harness, end: EventMsg, steps: usize) -> (String, String) {
    let EventMsg::TurnFailed { error, .. } = end else {
        panic!("{}", harness.story());
    };
    assert_eq!(error.code, ErrorCode::ToolLimit);
    assert_eq!(error.action, ErrorAction::Continue);
    let items = harness.snapshot().await.items;
    let done = items.iter().filter(|item| {
        item.status == ItemStatus::Complete
            && matches!(&item.body, ItemBody::ToolCall { result: Some(result), .. } if result.ok)
    });
    assert_eq!(done.count(), steps, "{}", harness.story());
    let last = &items.last().unwrap().body;
    assert!(
        matches!(last, ItemBody::Notice { error: Some(card), .. } if *card == error),
        "{last:?}"
    );
    (error.title, error.detail)
}

/// Going on ends well, and the model reads all that was done before.
async fn goes_on(harness: &Harness, steps: usize) {
    harness.model.plays(vec![text("Done."), stop()]);
    let end = harness.turn(Op::Continue).await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    let request = harness.model.requests().pop().unwrap();
    let results = request.messages.iter();
    let results =
        results.filter(|message| matches!(message, nexus_protocol::ChatMessage::Tool { .. }));
    assert_eq!(results.count(), steps);
    harness.check().await;
}

#[tokio::test]
async fn fifteen_minutes_without_the_user() {
    let harness = Harness::new().await;
    // At fifteen minutes sharp it still goes on.
    for (number, minutes) in [(0, 5), (1, 10), (2, 1)] {
        harness.model.plays(step(number, minutes, None));
    }
    let end = harness.user_turn("Work").await;
    let (title, detail) = paused(&harness, end, 3).await;
    assert_eq!(title, "Paused: nobody has been here for a while");
    assert_eq!(
        detail,
        "The agent worked for 15 minutes without a word of yours. Continue if it is on the right way."
    );
    goes_on(&harness, 3).await;
}

#[tokio::test]
async fn the_time_begins_anew_with_each_word_of_the_user() {
    let harness = Harness::new().await;
    let work = harness.works(Mode::Ask).await;
    harness.model.plays(step(0, 14, None));
    let arguments = json!({ "path": "a.txt", "content": "a" }).to_string();
    let mut script = call(0, "w", "write_file", &arguments);
    script.push(finish(FinishReason::ToolCalls, None));
    harness.model.plays(script);
    harness.model.plays(step(1, 14, None));
    harness.model.plays(step(2, 2, None));
    harness.user("Work").await.unwrap();
    harness
        .wait(
            0,
            |msg| matches!(msg, EventMsg::ItemChanged { item } if item.body.awaits_approval()),
        )
        .await;
    // The user takes an hour to answer; that is nobody's work.
    harness.clock.advance(60 * MINUTE);
    let asked = harness.snapshot().await.items.into_iter().rev();
    let (item, approval) = asked
        .filter_map(|item| match item.body {
            ItemBody::ToolCall { approval, .. } => Some((item.id, approval?)),
            _ => None,
        })
        .next()
        .unwrap();
    let op = Op::Approve {
        item,
        nonce: approval.nonce,
        fingerprint: approval.fingerprint,
        answer: ApprovalAnswer::Once,
    };
    harness.submit(op).await.unwrap();
    let end = harness.ends(0).await;
    paused(&harness, end, 4).await;
    assert_eq!(std::fs::read_to_string(work.join("a.txt")).unwrap(), "a");
    goes_on(&harness, 4).await;
}

#[tokio::test]
async fn the_money_of_a_turn() {
    let harness = Harness::new().await;
    harness.settings.lock().unwrap().max_turn_cost_usd = 1.0;
    // What does not say its price counts for nothing.
    for (number, cost) in [(0, Some(0.4)), (1, None), (2, Some(0.35)), (3, Some(0.3))] {
        harness.model.plays(step(number, 0, cost));
    }
    let end = harness.user_turn("Work").await;
    let (title, detail) = paused(&harness, end, 4).await;
    assert_eq!(title, "Paused: this turn has cost its limit");
    assert_eq!(
        detail,
        "It has cost $1.05, and the settings allow $1.00 a turn. Continue to spend as much again."
    );
    // As much again, and no more.
    for (number, cost) in [(4, Some(0.99)), (5, Some(0.01))] {
        harness.model.plays(step(number, 0, cost));
    }
    let end = harness.turn(Op::Continue).await;
    let (_, detail) = paused(&harness, end, 6).await;
    assert!(detail.starts_with("It has cost $1.00,"), "{detail}");
    goes_on(&harness, 6).await;
}

#[tokio::test]
async fn no_limit_of_money_is_none() {
    let harness = Harness::new().await;
    harness.model.plays(step(0, 0, Some(1e6)));
    harness.model.plays(vec![text("Rich."), stop()]);
    let end = harness.user_turn("Work").await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    harness.check().await;
}

#[tokio::test]
async fn fifty_calls() {
    let harness = Harness::new().await;
    let limit = nexus_protocol::Settings::default().max_tool_calls;
    assert_eq!(limit, 50);
    harness.settings.lock().unwrap().max_tool_calls = limit;
    for number in 0..=50 {
        harness.model.plays(step(number, 0, None));
    }
    let end = harness.user_turn("Work").await;
    let (title, detail) = paused(&harness, end, 50).await;
    assert_eq!(title, "Stopped after too many tool calls");
    assert_eq!(
        detail,
        "The model called 50 tools in one turn, as many as the settings allow. Continue if it is on the right way."
    );
    // The call that was one too many is answered too: it was not made.
    goes_on(&harness, 51).await;
}
