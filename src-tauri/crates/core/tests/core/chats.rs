//! Sessions from the first word to the next start.

use std::time::Duration;

use nexus_protocol::{
    ErrorCode, EventMsg, ItemBody, ItemStatus, NewSession, Op, SessionActivity, SessionId,
    Snapshot, TitleSource,
};
use nexus_test_support::Sse;
use uuid::Uuid;

use super::{KEY, World, files_with, model, submission, until_end, user_turn};

/// Without the number of the last event, which is of one run.
fn lasting(snapshot: Snapshot) -> Snapshot {
    Snapshot {
        last_seq: 0,
        // What filled the context is told anew at the next call.
        context: None,
        ..snapshot
    }
}

fn answers(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .items
        .iter()
        .filter_map(|item| match &item.body {
            ItemBody::Assistant { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_answered_and_is_the_same_after_a_restart() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    let mut events = nexus.subscribe();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    assert_eq!(session.model, Some(model()));
    world
        .server
        .push(Sse::reply("test-model", "Hello **there**.").answer());
    nexus
        .submit(user_turn(session.id, "Say hello"))
        .await
        .unwrap();
    let all = until_end(&mut events, session.id).await;
    assert!(
        matches!(all.last(), Some(EventMsg::TurnCompleted { .. })),
        "{all:?}"
    );
    let before = nexus.snapshot(session.id).await.unwrap();
    assert_eq!(answers(&before), ["Hello **there**."]);
    assert_eq!(before.activity, SessionActivity::Idle);
    assert_eq!(before.session.title, "Say hello");

    // The key was in one header and nowhere else.
    world.server.assert_clean();
    let chats = world.server.chats();
    assert_eq!(chats.len(), 1);
    assert_eq!(
        chats[0].header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert!(!chats[0].body.to_string().contains(KEY));
    let sessions = nexus.sessions().await.unwrap();
    nexus.shutdown().await;
    assert_eq!(
        files_with(world.data.path(), KEY),
        Vec::<std::path::PathBuf>::new()
    );
    assert_ne!(
        files_with(world.data.path(), "Say hello"),
        Vec::<std::path::PathBuf>::new()
    );

    let again = world.start().await;
    assert_eq!(again.sessions().await.unwrap(), sessions);
    let after = again.snapshot(session.id).await.unwrap();
    assert_eq!(lasting(after), lasting(before));
    // And it goes on, with the key from the keychain.
    let mut events = again.subscribe();
    world
        .server
        .push(Sse::reply("test-model", "Still here.").answer());
    again
        .submit(user_turn(session.id, "And now?"))
        .await
        .unwrap();
    until_end(&mut events, session.id).await;
    let snapshot = again.snapshot(session.id).await.unwrap();
    assert_eq!(answers(&snapshot), ["Hello **there**.", "Still here."]);
    world.server.assert_clean();
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renamed_deleted_and_restored() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    let mut events = nexus.subscribe();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    nexus
        .submit(user_turn(session.id, "zanzibar"))
        .await
        .unwrap();
    until_end(&mut events, session.id).await;
    let renamed = nexus
        .session_rename(session.id, "  My\n trip \u{7}".into())
        .await
        .unwrap();
    assert_eq!(
        (renamed.title.as_str(), renamed.title_source),
        ("My trip", TitleSource::User)
    );
    let hits = nexus.search("zanzi".into(), 10).await.unwrap();
    assert!(hits.iter().all(|hit| hit.session == session.id) && !hits.is_empty());
    let before = nexus.snapshot(session.id).await.unwrap();

    nexus.session_delete(session.id).await.unwrap();
    assert_eq!(nexus.sessions().await.unwrap(), []);
    assert_eq!(nexus.search("zanzi".into(), 10).await.unwrap(), []);
    for error in [
        nexus.snapshot(session.id).await.unwrap_err(),
        nexus.submit(user_turn(session.id, "x")).await.unwrap_err(),
        nexus.session_delete(session.id).await.unwrap_err(),
        nexus
            .session_rename(session.id, "x".into())
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.code, ErrorCode::BadInput, "{error:?}");
    }

    let restored = nexus.session_restore(session.id).await.unwrap();
    assert_eq!(restored, renamed);
    assert_eq!(nexus.sessions().await.unwrap(), [renamed]);
    let after = nexus.snapshot(session.id).await.unwrap();
    assert_eq!(lasting(after), lasting(before));
    assert_eq!(nexus.search("zanzi".into(), 10).await.unwrap(), hits);
    nexus.submit(user_turn(session.id, "again")).await.unwrap();
    until_end(&mut events, session.id).await;
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_is_erased_an_hour_later() {
    use nexus_test_support::FixedClock;
    use std::sync::Arc;
    let world = World::new();
    let clock = Arc::new(FixedClock::new());
    let options = || nexus_core::CoreOptions {
        clock: clock.clone(),
        ..world.options()
    };
    let nexus = nexus_core::Nexus::start(options()).await.unwrap();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    nexus.session_delete(session.id).await.unwrap();
    nexus.shutdown().await;
    clock.advance(3_599_000);
    let nexus = nexus_core::Nexus::start(options()).await.unwrap();
    nexus.session_restore(session.id).await.unwrap();
    nexus.session_delete(session.id).await.unwrap();
    nexus.shutdown().await;
    clock.advance(3_601_000);
    let nexus = nexus_core::Nexus::start(options()).await.unwrap();
    let error = nexus.session_restore(session.id).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_turn_stops_when_asked_and_when_the_core_stops() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    let mut events = nexus.subscribe();
    let slow = || {
        Sse::openrouter("test-model")
            .words("one two three")
            .answer()
            .then_stall()
    };
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    for by_shutdown in [false, true] {
        world.server.push(slow());
        nexus.submit(user_turn(session.id, "count")).await.unwrap();
        loop {
            let event = events.recv().await.unwrap();
            if matches!(event.msg, EventMsg::ItemDelta { .. }) {
                break;
            }
        }
        let busy = nexus
            .submit(user_turn(session.id, "more"))
            .await
            .unwrap_err();
        assert_eq!(busy.code, ErrorCode::Busy);
        if by_shutdown {
            tokio::time::timeout(Duration::from_secs(4), nexus.shutdown())
                .await
                .expect("a stop is quick");
        } else {
            nexus
                .submit(submission(session.id, Op::Interrupt))
                .await
                .unwrap();
            let all = until_end(&mut events, session.id).await;
            assert!(
                matches!(
                    all.last(),
                    Some(EventMsg::TurnInterrupted { error: None, .. })
                ),
                "{all:?}"
            );
        }
    }
    let again = world.start().await;
    let snapshot = again.snapshot(session.id).await.unwrap();
    let states: Vec<ItemStatus> = snapshot
        .items
        .iter()
        .filter(|item| matches!(item.body, ItemBody::Assistant { .. }))
        .map(|item| item.status)
        .collect();
    assert_eq!(states, [ItemStatus::Interrupted, ItemStatus::Interrupted]);
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_core_leaves_the_turn_of_the_first_alone() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    let mut events = nexus.subscribe();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    let answer = Sse::openrouter("test-model")
        .words("one two three four five six seven eight nine ten")
        .finish("stop")
        .usage(3, 10)
        .done();
    world.server.push(answer.slow(Duration::from_millis(60)));
    nexus.submit(user_turn(session.id, "count")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = world.start().await;
    // As it is on disk: the second one did not take the first for crashed.
    let store = nexus_store::Store::open(&world.data.join("nexus.db")).unwrap();
    let states: Vec<ItemStatus> = store
        .items(session.id)
        .await
        .unwrap()
        .iter()
        .map(|item| item.status)
        .collect();
    assert_eq!(states, [ItemStatus::Complete, ItemStatus::InProgress]);
    store.close().await;
    second.shutdown().await;
    let all = until_end(&mut events, session.id).await;
    assert!(
        matches!(all.last(), Some(EventMsg::TurnCompleted { .. })),
        "{all:?}"
    );
    let snapshot = nexus.snapshot(session.id).await.unwrap();
    assert_eq!(
        answers(&snapshot),
        ["one two three four five six seven eight nine ten"]
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused() {
    use nexus_protocol::{Attachment, ImageData, ModelRef};
    let world = World::new();
    let nexus = world.start_with_key().await;
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    let image = |media_type: &str, bytes: usize| Attachment {
        name: "x".into(),
        image: ImageData {
            media_type: media_type.into(),
            base64: "A".repeat(bytes),
        },
    };
    let turn = |text: &str, attachments: Vec<Attachment>, model: Option<&str>| Op::UserTurn {
        text: text.into(),
        attachments,
        model: model.map(|name| ModelRef(name.into())),
    };
    for (op, code) in [
        (turn("  \n", vec![], None), ErrorCode::BadInput),
        (
            turn("x", vec![image("image/svg+xml", 4)], None),
            ErrorCode::BadInput,
        ),
        (
            turn("x", vec![image("image/png", 30 << 20)], None),
            ErrorCode::BadInput,
        ),
        (
            turn("x", vec![image("image/png", 4); 17], None),
            ErrorCode::BadInput,
        ),
        (turn("x", vec![], Some("nonsense")), ErrorCode::BadInput),
        (turn("x", vec![], Some("nobody/x")), ErrorCode::BadInput),
        (
            turn("x", vec![], Some("local/nothing")),
            ErrorCode::ModelMissing,
        ),
        (turn("x", vec![], Some("openai/gpt")), ErrorCode::KeyMissing),
    ] {
        let error = nexus.submit(submission(session.id, op)).await.unwrap_err();
        assert_eq!(error.code, code, "{error:?}");
    }
    let stranger = SessionId(Uuid::now_v7());
    let error = nexus.submit(user_turn(stranger, "x")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    let error = nexus
        .session_rename(session.id, " \n ".into())
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    // Hostile words in a search find nothing and break nothing.
    for query in [
        "\"",
        "a OR",
        "NEAR(",
        "*",
        "a*b",
        "--",
        "'; DROP TABLE items",
        "\0",
        "",
    ] {
        nexus.search(query.into(), 0).await.unwrap();
    }
    assert_eq!(nexus.snapshot(session.id).await.unwrap().items, []);
    assert_eq!(world.server.requests().len(), 0);
    nexus.shutdown().await;
}
