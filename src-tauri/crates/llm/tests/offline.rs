//! Providers elsewhere while the offline switch is on, and when it is turned on in the middle of an answer.

use std::net::SocketAddr;

use futures::StreamExt;
use nexus_egress::{Client, Rules, Switch};
use nexus_llm::{ModelError, ModelEvent, ProviderSpec, RemoteProvider};
use nexus_protocol::{ErrorAction, ErrorCode};
use nexus_test_support::{Answer, ScriptedServer, Sse};
use tokio_util::sync::CancellationToken;

use crate::harness::{ask, hear, info, ms, quick, spec};

/// A provider under a name, which makes it one elsewhere, whose address is the server's.
fn elsewhere(server: &ScriptedServer, switch: &Switch) -> RemoteProvider {
    let address = SocketAddr::from(([127, 0, 0, 1], server.port()));
    let rules = Rules {
        pinned: Some(("provider.test".into(), vec![address])),
        ..Rules::default()
    };
    let spec = ProviderSpec {
        // A key would not travel over http to another machine.
        key: None,
        needs_key: false,
        ..spec(&format!("http://provider.test:{}/v1", address.port()))
    };
    RemoteProvider::new(spec, Client::new(rules, switch).unwrap(), quick())
}

#[tokio::test]
async fn offline_a_provider_elsewhere_hears_nothing() {
    let server = ScriptedServer::start();
    server.always(Sse::reply("m", "Hi").answer());
    let switch = Switch::new();
    let provider = elsewhere(&server, &switch);
    assert_eq!(hear(&provider.model(info("m")), ask("Hi")).await.text, "Hi");
    let before = server.requests().len();

    switch.set(true);
    let heard = hear(&provider.model(info("m")), ask("Hi")).await;
    let refused = ModelError::Offline {
        provider: "scripted".into(),
    };
    assert_eq!((heard.error, heard.retries), (Some(refused.clone()), 0));
    assert_eq!(provider.list_models().await.unwrap_err(), refused);
    assert_eq!(server.requests().len(), before);

    let card = refused.card(&nexus_test_support::FixedClock::new());
    assert_eq!(
        (card.code, card.action),
        (ErrorCode::Offline, ErrorAction::GoOnline)
    );
}

#[tokio::test]
async fn going_offline_ends_an_answer_with_the_reason() {
    let server = ScriptedServer::start();
    let begin = Sse::openai("m").text("Once upon").bytes();
    server.push(Answer::stream().send(&begin).wait(ms(60_000)));
    let switch = Switch::new();
    let model = elsewhere(&server, &switch).model(info("m"));
    let mut events = model.stream(ask("A story"), CancellationToken::new());
    let mut said = String::new();
    let error = loop {
        match events.next().await.expect("the stream has an end") {
            Ok(ModelEvent::Text(text)) => {
                said.push_str(&text);
                switch.set(true);
            }
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(said, "Once upon");
    let refused = ModelError::Offline {
        provider: "scripted".into(),
    };
    assert_eq!(error, refused);
}
