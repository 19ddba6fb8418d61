//! Keys: where they are kept, where they are sent, and where not.

use std::sync::Arc;

use nexus_core::{CoreOptions, Nexus, SecretString};
use nexus_protocol::{
    BannerKind, ErrorAction, ErrorCode, EventMsg, KeySource, KeyStatus, KeyTest, NewSession,
    ProviderEntry, ProviderKind,
};
use nexus_test_support::ScriptedServer;

use super::{KEY, NoKeychain, World, files_with, until_end, user_turn};

async fn status(nexus: &Nexus, id: &str) -> KeyStatus {
    let views = nexus.providers().await.unwrap();
    views.into_iter().find(|view| view.id == id).unwrap().key
}

const KEYCHAIN: KeyStatus = KeyStatus::Set {
    source: KeySource::Keychain,
};
const THIS_RUN: KeyStatus = KeyStatus::Set {
    source: KeySource::ThisRun,
};

fn entry(server: &ScriptedServer, key: &str) -> ProviderEntry {
    ProviderEntry {
        id: "scripted".into(),
        name: "Scripted".into(),
        kind: ProviderKind::Openrouter,
        base_url: server.base_url(),
        key: key.into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_set_tested_and_deleted() {
    let world = World::new();
    world.server.expect_key(KEY);
    let nexus = world.start().await;
    let set = nexus
        .key_set("scripted".into(), SecretString::from(format!(" {KEY}\n")))
        .await;
    assert_eq!(set, Ok(KEYCHAIN));
    assert_eq!(status(&nexus, "scripted").await, KEYCHAIN);
    assert_eq!(
        world.keychain.0.lock().unwrap().get("scripted").unwrap(),
        KEY
    );
    let test = nexus.key_test("scripted".into()).await.unwrap();
    assert!(
        matches!(test, KeyTest::Works { models } if models > 0),
        "{test:?}"
    );
    assert_eq!(
        nexus
            .key_set("scripted".into(), SecretString::from("sk-wrong-wrong"))
            .await,
        Ok(KEYCHAIN)
    );
    let KeyTest::Failed { error } = nexus.key_test("scripted".into()).await.unwrap() else {
        panic!("a wrong key works")
    };
    assert_eq!(error.code, ErrorCode::KeyRefused);
    nexus.key_delete("scripted".into()).await.unwrap();
    assert_eq!(*world.keychain.0.lock().unwrap(), Default::default());
    for bad in ["", "  ", "two words", "tab\tkey", "ünï", &"x".repeat(5000)] {
        let error = nexus
            .key_set("scripted".into(), SecretString::from(bad))
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::BadInput, "{bad}");
        assert!(bad.trim().is_empty() || !error.detail.contains(bad));
    }
    let error = nexus
        .key_set("nobody".into(), SecretString::from(KEY))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_one_card_after_one_request() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    world.server.expect_key("sk-another-key");
    let mut events = nexus.subscribe();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    nexus.submit(user_turn(session.id, "hello")).await.unwrap();
    let all = until_end(&mut events, session.id).await;
    let Some(EventMsg::TurnFailed { error, .. }) = all.last() else {
        panic!("{all:?}")
    };
    assert_eq!(error.code, ErrorCode::KeyRefused);
    assert_eq!(
        error.action,
        ErrorAction::OpenProvider {
            provider: "scripted".into()
        }
    );
    assert_eq!(world.server.requests().len(), 1);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_sent() {
    let world = World::new();
    let nexus = world.start().await;
    // A server on this machine that the user added may need none; this vendor does.
    let error = nexus
        .session_create(NewSession {
            model: Some(nexus_protocol::ModelRef("openrouter/x/y".into())),
            ..NewSession::default()
        })
        .await
        .map(|session| session.id);
    let session = error.unwrap();
    let error = nexus.submit(user_turn(session, "hello")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyMissing);
    assert_eq!(
        error.action,
        ErrorAction::OpenProvider {
            provider: "openrouter".into()
        }
    );
    assert_eq!(world.server.connections(), 0);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_sent_to_another_address() {
    let world = World::new();
    let other = ScriptedServer::start();
    let nexus = world.start_with_key().await;
    let mut events = nexus.subscribe();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    nexus
        .provider_save(entry(&other, "keychain"))
        .await
        .unwrap();
    assert_eq!(status(&nexus, "scripted").await, KeyStatus::Missing);
    let error = nexus
        .submit(user_turn(session.id, "hello"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyMissing);
    assert!(
        error.detail.contains(&world.server.port().to_string()),
        "{error:?}"
    );
    nexus.models(true).await.unwrap();
    nexus.shutdown().await;
    // Nor after a restart, nor when the file was edited by hand.
    let nexus = world.start().await;
    assert_eq!(status(&nexus, "scripted").await, KeyStatus::Missing);
    assert_eq!(other.requests().len(), 0);
    // The old address gets it as before.
    nexus
        .provider_save(entry(&world.server, "keychain"))
        .await
        .unwrap();
    assert_eq!(status(&nexus, "scripted").await, KEYCHAIN);
    // Typed again for the new one it is that one's.
    nexus
        .provider_save(entry(&other, "keychain"))
        .await
        .unwrap();
    assert_eq!(
        nexus
            .key_set("scripted".into(), SecretString::from("sk-new-one-1234"))
            .await,
        Ok(KEYCHAIN)
    );
    events.close();
    let mut events = nexus.subscribe();
    nexus.submit(user_turn(session.id, "hello")).await.unwrap();
    until_end(&mut events, session.id).await;
    let seen: Vec<_> = other.requests();
    assert!(!seen.is_empty());
    assert!(
        seen.iter()
            .all(|request| request.header("authorization") == Some("Bearer sk-new-one-1234"))
    );
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_keychain_a_key_lasts_one_run() {
    let world = World::new();
    let options = || CoreOptions {
        keychain: Arc::new(NoKeychain),
        ..world.options()
    };
    let nexus = Nexus::start(options()).await.unwrap();
    let banner = nexus.bootstrap().await.unwrap().banners;
    assert!(
        matches!(banner.as_slice(), [b] if b.kind == BannerKind::NoKeychain),
        "{banner:?}"
    );
    assert_eq!(
        nexus
            .key_set("scripted".into(), SecretString::from(KEY))
            .await,
        Ok(THIS_RUN)
    );
    assert_eq!(status(&nexus, "scripted").await, THIS_RUN);
    world.server.expect_key(KEY);
    let mut events = nexus.subscribe();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    nexus.submit(user_turn(session.id, "hello")).await.unwrap();
    let all = until_end(&mut events, session.id).await;
    assert!(
        matches!(all.last(), Some(EventMsg::TurnCompleted { .. })),
        "{all:?}"
    );
    nexus.shutdown().await;
    assert_eq!(
        files_with(world.data.path(), KEY),
        Vec::<std::path::PathBuf>::new()
    );
    let nexus = Nexus::start(options()).await.unwrap();
    assert_eq!(status(&nexus, "scripted").await, KeyStatus::NotNeeded);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_the_environment() {
    let world = World::new();
    let from = |name: &str| KeyStatus::Set {
        source: KeySource::Environment { name: name.into() },
    };
    let options = CoreOptions {
        env: [
            ("MY_KEY", KEY),
            ("OPENROUTER_API_KEY", "sk-or-env-12345678"),
            ("GROQ_API_KEY", " "),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        ..world.options()
    };
    let nexus = Nexus::start(options).await.unwrap();
    nexus
        .provider_save(entry(&world.server, "env:MY_KEY"))
        .await
        .unwrap();
    assert_eq!(status(&nexus, "scripted").await, from("MY_KEY"));
    assert_eq!(
        status(&nexus, "openrouter").await,
        from("OPENROUTER_API_KEY")
    );
    assert_eq!(status(&nexus, "groq").await, KeyStatus::Missing);
    let error = nexus
        .key_set("openrouter".into(), SecretString::from(KEY))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    assert!(error.detail.contains("OPENROUTER_API_KEY"));
    world.server.expect_key(KEY);
    let mut events = nexus.subscribe();
    let session = nexus.session_create(NewSession::default()).await.unwrap();
    nexus.submit(user_turn(session.id, "hello")).await.unwrap();
    let all = until_end(&mut events, session.id).await;
    assert!(
        matches!(all.last(), Some(EventMsg::TurnCompleted { .. })),
        "{all:?}"
    );
    // A vendor's variable is the vendor's: another address does not get it.
    let stolen = ProviderEntry {
        id: "openrouter".into(),
        base_url: "https://evil.example/v1".into(),
        ..entry(&world.server, "keychain")
    };
    nexus.provider_save(stolen).await.unwrap();
    assert_eq!(status(&nexus, "openrouter").await, KeyStatus::Missing);
    nexus.shutdown().await;
    assert_eq!(
        files_with(world.data.path(), KEY),
        Vec::<std::path::PathBuf>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_provider_takes_its_key_along() {
    let world = World::new();
    let nexus = world.start_with_key().await;
    let views = nexus.provider_remove("scripted".into()).await.unwrap();
    assert!(views.iter().all(|view| view.id != "scripted"));
    assert_eq!(*world.keychain.0.lock().unwrap(), Default::default());
    let error = nexus.provider_remove("scripted".into()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadInput);
    // A built-in one with another address is built-in again.
    let moved = ProviderEntry {
        id: "openrouter".into(),
        ..entry(&world.server, "keychain")
    };
    let view = |views: Vec<nexus_protocol::ProviderView>| {
        views.into_iter().find(|v| v.id == "openrouter").unwrap()
    };
    let changed = view(nexus.provider_save(moved).await.unwrap());
    assert!(changed.custom && changed.base_url == world.server.base_url());
    let back = view(nexus.provider_remove("openrouter".into()).await.unwrap());
    assert!(!back.custom && back.base_url.starts_with("https://openrouter.ai/"));
    nexus.shutdown().await;
}
