//! Titles: at once by the first words, later by the model.

use nexus_protocol::{EventMsg, FinishReason, Op, TitleSource};

use crate::{
    harness::Harness,
    model::{Play, down, finish, stop, text, usage},
};

async fn titled(script: Vec<Play>) -> (Harness, String) {
    let harness = Harness::new().await;
    harness.settings.lock().unwrap().auto_title = true;
    harness.model.plays(vec![text("Put foil on it."), stop()]);
    harness.model.plays(script);
    harness
        .user_turn("How do I keep my cat off the sofa?")
        .await;
    // The next operation waits for the naming to give way; so a script that ends at once needs a moment.
    for _ in 0..100 {
        if harness.model.requests().len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let title = harness.snapshot().await.session.title;
    (harness, title)
}

#[tokio::test]
async fn the_model_s_title_replaces_the_first_words() {
    let (harness, title) = titled(vec![text("\"Cats and "), text("Sofas\"\n"), stop()]).await;
    assert_eq!(title, "Cats and Sofas");
    insta::assert_json_snapshot!(harness.model.requests().pop().unwrap());
    harness.check().await;
    // Once is enough.
    harness.model.plays(vec![text("Fine."), stop()]);
    harness.user_turn("And the bed?").await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    harness.check().await;
}

#[tokio::test]
async fn a_failure_or_a_refusal_changes_nothing() {
    for script in [
        vec![down()],
        vec![],
        vec![text("I'm sorry, I can't do that."), stop()],
        vec![
            text("Cats"),
            finish(FinishReason::Length, Some(usage(1, 24))),
        ],
        vec![finish(FinishReason::Stop, None)],
    ] {
        let (harness, title) = titled(script).await;
        assert_eq!(title, "How do I keep my cat off the sofa?");
        harness.check().await;
    }
}

#[tokio::test]
async fn the_user_s_next_message_does_not_wait() {
    let (harness, _) = titled(vec![text("Cats"), Play::Hang]).await;
    harness.settings.lock().unwrap().auto_title = false;
    harness.model.plays(vec![text("Fine."), stop()]);
    harness.user_turn("And the bed?").await;
    assert_eq!(
        harness.snapshot().await.session.title_source,
        TitleSource::FirstWords
    );
    harness.check().await;
}

#[tokio::test]
async fn the_user_s_own_title_stays() {
    let harness = Harness::new().await;
    harness.settings.lock().unwrap().auto_title = true;
    let summary = harness
        .store
        .set_title(harness.summary.id, "Mine", TitleSource::User)
        .await
        .unwrap()
        .unwrap();
    harness.session.changed(summary).await;
    harness.model.plays(vec![text("Hello."), stop()]);
    harness
        .turn(Op::UserTurn {
            text: "Hi".into(),
            attachments: Vec::new(),
            model: None,
        })
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(harness.snapshot().await.session.title, "Mine");
    harness.check().await;
}

#[tokio::test]
async fn usage_is_summed_over_a_turn() {
    let harness = Harness::new().await;
    let mut script = crate::model::call(0, "a", "calculate", r#"{"expression":"1"}"#);
    script.push(crate::model::tools());
    harness.model.plays(script);
    harness.model.plays(vec![text("One."), stop()]);
    let end = harness.user_turn("Hi").await;
    assert!(matches!(end, EventMsg::TurnCompleted { usage: sum, .. } if sum == usage(30, 12)));
}
