//! Turns that go well.

use nexus_protocol::{ChatMessage, FinishReason, ModelRef, Op, UserPart};

use crate::{
    harness::Harness,
    model::{Play, finish, stop, text, thinking, usage, waiting},
};

#[tokio::test]
async fn a_plain_answer() {
    let harness = Harness::new().await;
    harness.model.plays(vec![
        waiting(),
        Play::Pass(300),
        text("Hel"),
        Play::Pass(500),
        text("lo."),
        Play::Pass(500),
        finish(FinishReason::Stop, Some(usage(12, 21))),
    ]);
    harness.user_turn("Say hello, please").await;
    insta::assert_snapshot!(harness.story());
    insta::assert_json_snapshot!(harness.model.requests());
    harness.check().await;
}

#[tokio::test]
async fn thinking_is_shown_and_never_sent_back() {
    let harness = Harness::new().await;
    harness.model.plays(vec![
        Play::Pass(100),
        thinking("The user "),
        Play::Pass(200),
        thinking("greets."),
        text("Hello."),
        thinking("Anything else?"),
        Play::Pass(50),
        text(" How are you?"),
        finish(FinishReason::Stop, None),
    ]);
    harness.model.plays(vec![text("Good."), stop()]);
    harness.user_turn("Hi").await;
    harness.user_turn("Fine").await;
    let mut story: Vec<String> = harness.story().lines().map(str::to_owned).collect();
    // A completed thinking item is told when its write ends, which may be a few deltas later.
    story.retain(|line| !line.contains("= #") || line.contains("assistant"));
    let last = harness.model.requests().pop().unwrap();
    assert_eq!(
        last.messages[1..],
        [
            user("Hi"),
            ChatMessage::Assistant {
                text: "Hello. How are you?".into(),
                tool_calls: Vec::new()
            },
            user("Fine"),
        ]
    );
    let bodies: Vec<_> = harness
        .snapshot()
        .await
        .items
        .into_iter()
        .map(|it| it.body)
        .collect();
    insta::assert_json_snapshot!(bodies);
    harness.check().await;
}

fn user(text: &str) -> ChatMessage {
    ChatMessage::User {
        parts: vec![UserPart::Text { text: text.into() }],
    }
}

#[tokio::test]
async fn the_model_of_a_turn_stays_the_session_s() {
    let harness = Harness::new().await;
    harness.settings.lock().unwrap().default_model = None;
    harness.model.plays(vec![text("One."), stop()]);
    harness.model.plays(vec![text("Two."), stop()]);
    harness
        .turn(Op::UserTurn {
            text: "Hi".into(),
            attachments: Vec::new(),
            model: Some(ModelRef("test/scripted".into())),
        })
        .await;
    harness.user_turn("And now without naming it").await;
    let session = harness.snapshot().await.session;
    assert_eq!(session.model, Some(ModelRef("test/scripted".into())));
    harness.check().await;
}

#[tokio::test]
async fn an_answer_without_a_word_is_named() {
    let harness = Harness::new().await;
    harness.model.plays(vec![stop()]);
    harness
        .model
        .plays(vec![finish(FinishReason::ContentFilter, None)]);
    harness
        .model
        .plays(vec![thinking("Hm"), finish(FinishReason::Length, None)]);
    for _ in 0..3 {
        harness.user_turn("Hi").await;
    }
    let notices: Vec<String> = harness
        .story()
        .lines()
        .filter(|it| it.contains("notice"))
        .map(Into::into)
        .collect();
    insta::assert_snapshot!(notices.join("\n"));
    harness.check().await;
}

#[tokio::test]
async fn an_answer_cut_by_its_length_can_be_continued() {
    let harness = Harness::new().await;
    harness
        .model
        .plays(vec![text("One, t"), finish(FinishReason::Length, None)]);
    harness.model.plays(vec![text("wo."), stop()]);
    harness.user_turn("Count").await;
    harness.turn(Op::Continue).await;
    let refused = harness.submit(Op::Continue).await.unwrap_err();
    assert_eq!(refused.title, "There is nothing to continue");
    insta::assert_json_snapshot!(harness.model.requests().pop().unwrap().messages);
    harness.check().await;
}

#[tokio::test]
async fn old_messages_are_left_out_and_that_is_said_once() {
    let harness = Harness::with(nexus_tools::Registry::empty(), Some(800)).await;
    harness.model.plays(vec![text("A short answer."), stop()]);
    harness.user_turn("A question").await;
    // It fills the model alone, and what was said before is too little for a summary.
    harness.model.plays(vec![crate::model::down()]);
    harness.user_turn(&"question ".repeat(206)).await;
    harness.model.plays(vec![text("Yes."), stop()]);
    harness.turn(Op::Retry).await;
    let said = harness
        .story()
        .matches("Earlier messages no longer fit")
        .count();
    assert_eq!(said, 1, "{}", harness.story());
    let last = harness.model.requests().pop().unwrap();
    assert_eq!(last.messages.len(), 2);
    harness.check().await;
}
