//! Models of this machine whose worker dies: the session says so, and nobody else minds. With a worker that dies on demand.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use nexus_core::{CoreOptions, Nexus};
use nexus_protocol::{ErrorAction, ErrorCode, EventMsg, ModelRef, NewSession, SessionId};

use super::{World, until_end, user_turn};
use crate::gguf_builder::tiny;

/// Both lie beside this test's folder: the same build makes them.
fn beside(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        path.is_file(),
        "{} is missing: cargo build --workspace --exclude nexus-worker",
        path.display()
    );
    path
}

fn times(full: usize) -> usize {
    match std::env::var_os("NEXUS_TEST_FULL") {
        Some(_) => full,
        None => full.div_ceil(10),
    }
}

async fn chat(nexus: &Nexus, model: &ModelRef) -> SessionId {
    let new = NewSession {
        model: Some(model.clone()),
        ..NewSession::default()
    };
    nexus.session_create(new).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_worker_dies_its_session_says_interrupted_and_the_next_message_works() {
    let world = World::new();
    let file = world.data.write("elsewhere/good.gguf", tiny().bytes());
    let options = CoreOptions {
        worker: Some(beside("nexus-fake-worker")),
        sandbox: Some(beside("nexus-sandbox")),
        ..world.options()
    };
    let nexus = Nexus::start(options).await.unwrap();
    let model = nexus
        .model_import(file, nexus_protocol::ImportMode::Either)
        .await
        .unwrap()
        .model;
    let (dying, other) = (chat(&nexus, &model).await, chat(&nexus, &model).await);
    let mut events = nexus.subscribe();
    for (words, full) in [("sigkill", 50), ("sigsegv", 20)] {
        for _ in 0..times(full) {
            nexus.submit(user_turn(dying, words)).await.unwrap();
            let all = until_end(&mut events, dying).await;
            match all.last() {
                Some(EventMsg::TurnInterrupted {
                    error: Some(card), ..
                }) => {
                    assert_eq!(
                        (card.code, &card.action),
                        (ErrorCode::WorkerDied, &ErrorAction::Continue),
                        "{card:?}"
                    );
                }
                end => panic!("{words}: {end:?}"),
            }
            for session in [other, dying] {
                nexus.submit(user_turn(session, "hello")).await.unwrap();
                let all = until_end(&mut events, session).await;
                assert!(
                    matches!(all.last(), Some(EventMsg::TurnCompleted { .. })),
                    "{all:?}"
                );
            }
        }
        println!(
            "{} × {words}: interrupted, the other session and the next message answered",
            times(full)
        );
    }
    let told = nexus.model_outlook(&model).await.unwrap();
    assert_eq!(told[0], "mistral.rs is the engine that is there for it.");
    assert!(
        told[1].starts_with("Measured here with mistral.rs on "),
        "{told:?}"
    );
    nexus.shutdown().await;
}
