//! Models that fail, and what the user can do then.

use nexus_llm::ModelError;
use nexus_protocol::{EventMsg, Op};

use crate::{
    harness::Harness,
    model::{Play, call, down, lost, stop, text, thinking, tools},
};

#[tokio::test]
async fn before_anything_is_shown() {
    let harness = Harness::new().await;
    harness.model.plays(vec![down()]);
    let end = harness.user_turn("Hi").await;
    assert!(matches!(end, EventMsg::TurnFailed { .. }));
    harness.check().await;
    harness.model.plays(vec![text("Hello."), stop()]);
    harness.turn(Op::Retry).await;
    insta::assert_snapshot!(harness.story());
    harness.check().await;
    let refused = harness.submit(Op::Retry).await.unwrap_err();
    assert_eq!(refused.title, "There is nothing to run again");
}

#[tokio::test]
async fn after_something_is_shown() {
    let harness = Harness::new().await;
    harness
        .model
        .plays(vec![thinking("Hm."), text("One, t"), lost()]);
    let end = harness.user_turn("Count").await;
    assert!(matches!(
        end,
        EventMsg::TurnInterrupted { error: Some(_), .. }
    ));
    let shown = harness.story().lines().last().unwrap()[4..].to_owned();
    insta::assert_snapshot!(shown);
    harness.check().await;
    harness.model.plays(vec![text("wo."), stop()]);
    harness.turn(Op::Continue).await;
    assert_eq!(harness.texts().await, ["Count", "Hm.", "One, t", "wo."]);
    harness.check().await;
    harness.model.plays(vec![text("Three."), stop()]);
    harness.user_turn("On").await;
    insta::assert_json_snapshot!(harness.model.requests().pop().unwrap().messages);
    harness.check().await;
}

#[tokio::test]
async fn a_retry_takes_the_broken_answer_away() {
    let harness = Harness::new().await;
    harness
        .model
        .plays(vec![thinking("Hm."), text("One, t"), lost()]);
    harness.user_turn("Count").await;
    harness.model.plays(vec![text("One, two."), stop()]);
    harness.turn(Op::Retry).await;
    assert_eq!(harness.texts().await, ["Count", "One, two."]);
    harness.check().await;
}

#[tokio::test]
async fn a_retry_keeps_what_tools_did() {
    let harness = Harness::new().await;
    let mut script = vec![text("Let me see.")];
    script.extend(call(0, "a", "calculate", r#"{"expression":"6*7"}"#));
    script.push(tools());
    harness.model.plays(script);
    harness.model.plays(vec![down()]);
    harness.user_turn("What is it?").await;
    harness.model.plays(vec![text("42."), stop()]);
    harness.turn(Op::Retry).await;
    assert_eq!(
        harness.texts().await,
        ["What is it?", "Let me see.", "42", "42."]
    );
    harness.check().await;
}

#[tokio::test]
async fn a_stream_without_an_end_and_a_call_that_breaks_off() {
    let harness = Harness::new().await;
    harness.model.plays(vec![]);
    harness.user_turn("Hi").await;
    let first = harness.story().lines().last().unwrap()[4..].to_owned();
    let mut script = call(0, "a", "calculate", r#"{"expr"#);
    script.push(lost());
    harness.model.plays(script);
    harness.turn(Op::Retry).await;
    let story = harness.story();
    let lines: Vec<&str> = story.lines().collect();
    let second = lines[lines.len() - 2..]
        .iter()
        .map(|it| &it[4..])
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(format!("{first}\n{second}"));
    harness.check().await;
}

#[tokio::test]
async fn endless_answers_and_stray_arguments_end_the_call() {
    let harness = Harness::new().await;
    let piece = "x".repeat(1024 * 1024);
    harness.model.plays((0..6).map(|_| text(&piece)).collect());
    let end = harness.user_turn("Talk").await;
    assert!(
        matches!(&end, EventMsg::TurnInterrupted { error: Some(card), .. } if card.detail.contains("4 MiB")),
        "{end:?}"
    );
    // So long an answer is put into few words before the next one.
    harness.model.plays(vec![text("x, often."), stop()]);
    harness
        .model
        .plays(vec![crate::model::arguments_of(3, "{}")]);
    let end = harness.user_turn("Again").await;
    assert!(
        matches!(&end, EventMsg::TurnInterrupted { error: Some(card), .. } if card.detail.contains("never began")),
        "{end:?}"
    );
    harness.check().await;
}

#[tokio::test]
async fn a_model_that_cancels_by_itself_is_no_silent_stop() {
    let harness = Harness::new().await;
    harness
        .model
        .plays(vec![Play::Error(ModelError::Cancelled)]);
    let end = harness.user_turn("Hi").await;
    assert!(matches!(end, EventMsg::TurnFailed { .. }), "{end:?}");
    harness.check().await;
}

#[tokio::test]
async fn a_panic_in_a_model_ends_the_turn_only() {
    let harness = Harness::new().await;
    harness.model.plays(vec![text("Hel"), Play::Panic]);
    let end = harness.user_turn("Hi").await;
    assert!(
        matches!(&end, EventMsg::TurnFailed { error, .. } if error.code == nexus_protocol::ErrorCode::Internal),
        "{end:?}"
    );
    harness.model.plays(vec![text("Hello."), stop()]);
    harness.turn(Op::Retry).await;
    harness.check().await;
}
