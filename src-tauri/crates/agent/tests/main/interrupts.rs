//! Stopping a turn, wherever it is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nexus_protocol::{EventMsg, ItemBody, ItemStatus, Op};
use nexus_tools::Registry;

use crate::{
    harness::Harness,
    model::{Play, call, stop, text, thinking, tools, waiting},
    tools::{Act, Custom},
};

/// Between the start of a tool and Stop, as its clock goes.
const RAN_MS: u32 = 4_200;

async fn interrupt(harness: &Harness) {
    let from = harness.events().len();
    let began = Instant::now();
    harness.submit(Op::Interrupt).await.unwrap();
    let end = harness.ends(from).await;
    assert!(
        matches!(end, EventMsg::TurnInterrupted { error: None, .. }),
        "{end:?}"
    );
    // Milliseconds; the bound leaves room for a busy machine and its disk.
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
}

fn ending(harness: &Harness, lines: usize) -> String {
    let story = harness.story();
    let lines: Vec<&str> = story.lines().rev().take(lines).collect();
    lines
        .into_iter()
        .rev()
        .map(|line| &line[4..])
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn while_the_model_is_waited_for() {
    let harness = Harness::new().await;
    harness.model.plays(vec![waiting(), Play::Hang]);
    harness.user("Hi").await.unwrap();
    harness
        .wait(0, |msg| matches!(msg, EventMsg::ModelActivity { .. }))
        .await;
    interrupt(&harness).await;
    insta::assert_snapshot!(ending(&harness, 2));
    harness.check().await;
    // The same question again.
    harness.model.plays(vec![text("Hello."), stop()]);
    harness.turn(Op::Retry).await;
    harness.check().await;
}

#[tokio::test]
async fn while_the_answer_comes() {
    let harness = Harness::new().await;
    let mut script = vec![thinking("Hm."), text("One, two, th")];
    script.extend(call(0, "a", "calculate", r#"{"expr"#));
    script.push(Play::Hang);
    harness.model.plays(script);
    harness.user("Count").await.unwrap();
    harness
        .wait(0, |msg| {
            matches!(
                msg,
                EventMsg::ItemDelta {
                    delta: nexus_protocol::Delta::Arguments { .. },
                    ..
                }
            )
        })
        .await;
    interrupt(&harness).await;
    insta::assert_snapshot!(ending(&harness, 3));
    harness.check().await;
    harness.model.plays(vec![text("ree."), stop()]);
    harness.turn(Op::Continue).await;
    insta::assert_json_snapshot!(harness.model.requests().pop().unwrap().messages);
    harness.check().await;
}

#[tokio::test]
async fn while_a_tool_runs() {
    let hangs = Custom {
        name: "hangs",
        capability: nexus_protocol::Capability::Compute,
        act: || Act::Hangs,
    };
    let harness = Harness::with(Registry::builtin().with(Arc::new(hangs)), None).await;
    let mut script = call(0, "a", "calculate", r#"{"expression":"1+1"}"#);
    script.extend(call(1, "b", "hangs", "{}"));
    script.extend(call(2, "c", "calculate", r#"{"expression":"2+2"}"#));
    script.push(tools());
    harness.model.plays(script);
    harness.user("Work").await.unwrap();
    // The others run beside the one that hangs.
    let completed = |harness: &Harness| {
        let events = harness.events();
        let is =
            |event: &&nexus_protocol::Event| matches!(event.msg, EventMsg::ItemCompleted { .. });
        events.iter().filter(is).count()
    };
    while completed(&harness) < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    harness.clock.advance(RAN_MS.into());
    interrupt(&harness).await;
    insta::assert_snapshot!(ending(&harness, 2));
    let ran = harness
        .events()
        .into_iter()
        .find_map(|event| match event.msg {
            EventMsg::ItemCompleted { item } if item.status == ItemStatus::Interrupted => {
                match item.body {
                    ItemBody::ToolCall { result, .. } => result.map(|result| result.duration_ms),
                    _ => None,
                }
            }
            _ => None,
        });
    assert_eq!(
        ran,
        Some(RAN_MS.into()),
        "what was stopped says how long it ran"
    );
    harness.check().await;
    // The user writes on: the history is valid.
    harness.model.plays(vec![text("Fine."), stop()]);
    harness.user_turn("Never mind").await;
    harness.check().await;
}

#[tokio::test]
async fn without_a_turn_nothing_happens() {
    let harness = Harness::new().await;
    harness.submit(Op::Interrupt).await.unwrap();
    harness.check().await;
    assert_eq!(harness.events(), Vec::new());
}

#[tokio::test]
async fn writing_on_right_after_stopping_is_not_refused() {
    let harness = Harness::new().await;
    harness.model.plays(vec![text("A long ans"), Play::Hang]);
    harness.model.plays(vec![text("Short."), stop()]);
    harness.user("Talk").await.unwrap();
    harness
        .wait(0, |msg| matches!(msg, EventMsg::ItemDelta { .. }))
        .await;
    harness.submit(Op::Interrupt).await.unwrap();
    harness.user("Shorter").await.unwrap();
    harness
        .wait(0, |msg| matches!(msg, EventMsg::TurnCompleted { .. }))
        .await;
    harness.check().await;
}

#[tokio::test]
async fn the_end_of_the_session_leaves_a_valid_transcript() {
    let mut harness = Harness::new().await;
    harness.model.plays(vec![text("A long ans"), Play::Hang]);
    harness.user("Talk").await.unwrap();
    harness
        .wait(0, |msg| matches!(msg, EventMsg::ItemDelta { .. }))
        .await;
    harness.session.stop().await;
    let before = harness.store.items(harness.summary.id).await.unwrap();
    harness.restart().await;
    let after = harness.snapshot().await;
    assert_eq!(after.items, before);
    assert_eq!(before[1].status, nexus_protocol::ItemStatus::Interrupted);
    assert_eq!(before[1].body.text(), "A long ans");
}
