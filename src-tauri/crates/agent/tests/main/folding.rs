//! A snapshot and the events after it are the whole truth, wherever it is taken.

use std::time::Duration;

use nexus_protocol::{
    Delta, Event, EventMsg, ItemBody, Op, SessionActivity, SessionSummary, Snapshot,
};

use crate::{
    harness::Harness,
    model::{Play, call, stop, text, thinking, tools},
};

pub fn empty(summary: &SessionSummary) -> Snapshot {
    Snapshot {
        session: summary.clone(),
        items: Vec::new(),
        last_seq: 0,
        activity: SessionActivity::Idle,
        context: None,
    }
}

/// As a front end folds, strictly: an event that does not fit is a fault.
pub fn fold(state: &mut Snapshot, event: &Event) {
    assert_eq!(event.session, state.session.id);
    assert_eq!(event.seq, state.last_seq + 1);
    state.last_seq = event.seq;
    match &event.msg {
        EventMsg::TurnStarted { turn, .. } => {
            assert_eq!(state.activity, SessionActivity::Idle);
            state.activity = SessionActivity::Running { turn: *turn };
        }
        EventMsg::ItemAdded { item } => {
            assert!(state.items.iter().all(|it| it.position < item.position));
            state.items.push(item.clone());
        }
        EventMsg::ItemDelta {
            item,
            offset,
            delta,
        } => {
            let item = state.items.iter_mut().find(|it| it.id == *item).unwrap();
            match (&mut item.body, delta) {
                (
                    ItemBody::Assistant { text, .. } | ItemBody::Thinking { text, .. },
                    Delta::Text { text: more },
                )
                | (ItemBody::ToolCall { output: text, .. }, Delta::Text { text: more })
                | (
                    ItemBody::ToolCall {
                        arguments: text, ..
                    },
                    Delta::Arguments { text: more },
                ) => {
                    assert_eq!(*offset, text.len() as u64);
                    text.push_str(more);
                }
                other => panic!("{other:?}"),
            }
        }
        EventMsg::ItemCompleted { item } | EventMsg::ItemChanged { item } => {
            let place = state.items.iter_mut().find(|it| it.id == item.id).unwrap();
            *place = item.clone();
        }
        EventMsg::ItemRemoved { item } => {
            let before = state.items.len();
            state.items.retain(|it| it.id != *item);
            assert_eq!(state.items.len() + 1, before);
        }
        EventMsg::ContextUsed { context } => state.context = Some(*context),
        EventMsg::ModelActivity { .. }
        | EventMsg::FilesChanged { .. }
        | EventMsg::SessionDeleted => {}
        EventMsg::TurnCompleted { turn, .. }
        | EventMsg::TurnFailed { turn, .. }
        | EventMsg::TurnInterrupted { turn, .. } => {
            assert_eq!(state.activity, SessionActivity::Running { turn: *turn });
            state.activity = SessionActivity::Idle;
        }
        EventMsg::SessionChanged { summary } => state.session = summary.clone(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_snapshot_and_the_events_after_it_are_the_end() {
    let harness = Harness::new().await;
    let word = |number: u32| {
        vec![
            text(&format!("word{number} ")),
            Play::Sleep(Duration::from_millis(1)),
        ]
    };
    let mut first = vec![thinking("let me "), thinking("see")];
    first.extend((0..200).flat_map(word));
    first.extend(call(0, "a", "calculate", r#"{"expression":"1+1"}"#));
    first.push(tools());
    harness.model.plays(first);
    let mut second: Vec<Play> = (0..200).flat_map(word).collect();
    second.push(stop());
    harness.model.plays(second);
    harness.user("go").await.unwrap();
    let mut snapshots = vec![harness.snapshot().await];
    let mut pause = 1;
    loop {
        let snapshot = harness.snapshot().await;
        let idle = snapshot.activity == SessionActivity::Idle;
        snapshots.push(snapshot);
        if idle {
            break;
        }
        // Uneven pauses, so that snapshots fall anywhere.
        pause = (pause * 7) % 31;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    assert!(snapshots.len() > 10, "{}", snapshots.len());
    let last = harness.snapshot().await;
    let events = harness.events();
    for mut snapshot in snapshots {
        for event in events
            .iter()
            .filter(|it| it.seq > snapshot.last_seq)
            .collect::<Vec<_>>()
        {
            fold(&mut snapshot, event);
        }
        assert_eq!(snapshot, last);
    }
    harness.check().await;
}

#[tokio::test]
async fn changes_from_outside_are_numbered_too() {
    let harness = Harness::new().await;
    harness.model.plays(vec![text("Hello."), stop()]);
    harness.user_turn("Hi").await;
    let mut summary = harness.snapshot().await.session;
    summary = harness
        .store
        .set_title(summary.id, "Mine", nexus_protocol::TitleSource::User)
        .await
        .unwrap()
        .unwrap();
    harness.session.changed(summary.clone()).await;
    assert_eq!(harness.snapshot().await.session, summary);
    harness.check().await;
    harness.session.deleted().await;
    let refused = harness.user("More").await.unwrap_err();
    assert_eq!(refused.title, "This chat was deleted");
    harness.session.changed(summary).await;
    harness.model.plays(vec![text("Again."), stop()]);
    harness.user_turn("More").await;
    harness.check().await;
    harness.session.stop().await;
    let closed = harness.submit(Op::Interrupt).await.unwrap_err();
    assert_eq!(closed.title, "This chat has ended");
}
