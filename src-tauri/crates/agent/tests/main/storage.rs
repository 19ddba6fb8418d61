//! What is on disk, and what happens when the disk fails.

use std::{sync::Arc, time::Duration};

use nexus_protocol::{ErrorCode, EventMsg, ItemStatus, Op};
use nexus_store::Store;
use tokio::sync::Semaphore;

use crate::{
    harness::Harness,
    model::{Play, call, stop, text, thinking},
};

#[tokio::test]
async fn growing_text_is_on_disk_within_half_a_second() {
    let harness = Harness::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let script = vec![
        thinking("Hm."),
        text("first "),
        Play::Gate(Arc::clone(&gate)),
        text("second "),
        Play::Gate(Arc::clone(&gate)),
        stop(),
    ];
    harness.model.plays(script);
    harness.user("Go").await.unwrap();
    for expected in ["first ", "first second "] {
        let found = async {
            loop {
                let items = harness.store.items(harness.summary.id).await.unwrap();
                if items.get(2).is_some_and(|item| {
                    item.status == ItemStatus::InProgress && item.body.text() == expected
                }) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Nothing else comes in the stream meanwhile: the timer alone writes it.
        tokio::time::timeout(Duration::from_millis(600), found)
            .await
            .unwrap();
        gate.add_permits(1);
    }
    harness
        .wait(0, |msg| matches!(msg, EventMsg::TurnCompleted { .. }))
        .await;
    harness.check().await;
}

#[tokio::test]
async fn a_completed_item_is_on_disk_before_its_event() {
    // The store is looked at by its own second connection the moment the event comes.
    let harness = Harness::new().await;
    for _ in 0..10 {
        let mut script = call(0, "a", "calculate", r#"{"expression":"1"}"#);
        script.push(crate::model::tools());
        harness.model.plays(script);
        harness
            .model
            .plays(vec![thinking("Hm."), text("Answer."), stop()]);
        let from = harness.events().len();
        harness.user("Go").await.unwrap();
        let mut seen = from;
        loop {
            harness.wait(seen, |_| true).await;
            let events = harness.events();
            let event = &events[seen];
            seen += 1;
            if let EventMsg::ItemCompleted { item } = &event.msg {
                let items = harness.store.items(harness.summary.id).await.unwrap();
                assert!(items.contains(item), "{item:?}");
            }
            if matches!(event.msg, EventMsg::TurnCompleted { .. }) {
                break;
            }
        }
    }
    harness.check().await;
}

#[tokio::test]
async fn after_a_crash_the_transcript_is_valid_and_goes_on() {
    let mut harness = Harness::new().await;
    let mut script = vec![text("Half an ans")];
    script.extend(call(0, "a", "calculate", r#"{"expression":"1"}"#));
    script.push(Play::Hang);
    harness.model.plays(script);
    harness.user("Go").await.unwrap();
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
    tokio::time::sleep(Duration::from_millis(400)).await;
    // As the disk stands in this moment, opened by a new process.
    let copy = harness.folder.path().join("copy.db");
    for ending in ["", "-wal"] {
        let from = harness.folder.path().join(format!("nexus.db{ending}"));
        let to = harness.folder.path().join(format!("copy.db{ending}"));
        std::fs::copy(from, to).unwrap();
    }
    let store = Store::open(&copy).unwrap();
    assert_eq!(store.recover().await.unwrap(), 2);
    let items = store.items(harness.summary.id).await.unwrap();
    let kept: Vec<(ItemStatus, &str)> =
        items.iter().map(|it| (it.status, it.body.text())).collect();
    assert_eq!(
        kept,
        [
            (ItemStatus::Complete, "Go"),
            (ItemStatus::Interrupted, "Half an ans"),
            (ItemStatus::Interrupted, "Interrupted before it ended."),
        ]
    );
    // A core that forgets to recover still gets a valid transcript.
    harness.session.stop().await;
    let mut open = harness
        .store
        .items(harness.summary.id)
        .await
        .unwrap()
        .remove(1);
    open.status = ItemStatus::InProgress;
    harness.store.put_item(&open).await.unwrap();
    harness.restart().await;
    let statuses: Vec<ItemStatus> = harness
        .snapshot()
        .await
        .items
        .iter()
        .map(|it| it.status)
        .collect();
    assert_eq!(
        statuses,
        [
            ItemStatus::Complete,
            ItemStatus::Interrupted,
            ItemStatus::Interrupted
        ]
    );
    harness.model.plays(vec![text("wer."), stop()]);
    let from = harness.events().len();
    harness.submit(Op::Continue).await.unwrap();
    harness.ends(from).await;
    assert_eq!(harness.model.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_fails_refuses_the_message() {
    let harness = Harness::new().await;
    harness.snapshot().await;
    harness.store.close().await;
    let refused = harness.user("Hi").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Storage);
    assert_eq!(harness.events(), Vec::new());
    assert_eq!(harness.model.requests(), Vec::new());
}

#[tokio::test]
async fn a_store_that_fails_while_the_answer_comes_fails_the_turn() {
    let harness = Harness::new().await;
    let gate = Arc::new(Semaphore::new(0));
    harness.model.plays(vec![
        text("Half"),
        Play::Gate(Arc::clone(&gate)),
        text(" more"),
        Play::Hang,
    ]);
    harness.user("Hi").await.unwrap();
    harness
        .wait(0, |msg| matches!(msg, EventMsg::ItemDelta { .. }))
        .await;
    harness.store.close().await;
    gate.add_permits(1);
    let end = harness.ends(0).await;
    assert!(
        matches!(&end, EventMsg::TurnFailed { error, .. } if error.code == ErrorCode::Storage),
        "{end:?}"
    );
    // What was shown is still there to be read.
    let snapshot = harness.snapshot().await;
    assert_eq!(snapshot.items[1].body.text(), "Half more");
}
