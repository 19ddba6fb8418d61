//! The key goes to its provider, in one header, and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nexus_llm::{ModelError, ProviderSpec, StreamDecoder};
use nexus_protocol::ProviderKind;
use nexus_test_support::{Answer, ScriptedServer, Sse};
use secrecy::SecretString;
use serde_json::json;

use crate::harness::{KEY, ask, hear, info, provider, provider_with, quick, spec};

/// Pieces of the key that must not be found.
fn leaked(text: &str) -> bool {
    KEY.as_bytes()
        .windows(8)
        .any(|piece| text.contains(std::str::from_utf8(piece).unwrap()))
}

#[tokio::test]
async fn redirects_take_the_key_nowhere() {
    let thief = ScriptedServer::start();
    for status in [301, 302, 303, 307, 308] {
        for path in ["/v1/chat/completions", "/elsewhere", ""] {
            let server = ScriptedServer::start();
            server.expect_key(KEY);
            let target = format!("http://127.0.0.1:{}{path}", thief.port());
            server.always(Answer::redirect(status, &target));
            server.set_models(Answer::redirect(status, &target));
            let provider = provider(&server.base_url());
            let heard = hear(&provider.model(info("m")), ask("Hi")).await;
            let list = provider.list_models().await;
            for error in [heard.error, list.err()] {
                let Some(ModelError::RequestRefused {
                    status: seen,
                    message,
                    ..
                }) = error
                else {
                    panic!("{error:?}");
                };
                assert_eq!(seen, status);
                assert!(
                    message.contains("127.0.0.1") && !message.contains("elsewhere"),
                    "{message}"
                );
            }
            server.assert_clean();
        }
    }
    assert_eq!(thief.connections(), 0);
}

#[tokio::test]
async fn the_key_is_taken_out_of_what_providers_say() {
    let echo = format!(
        "Incorrect key {KEY}, Bearer {KEY}; begins {} ends {}",
        &KEY[..12],
        &KEY[14..]
    );
    let answers = [
        Answer::error(401, &echo),
        Answer::error(400, &echo),
        Answer::json(403, &json!({"error": echo})),
        Answer::json(
            402,
            &json!({"error": {"message": "x", "metadata": {"raw": echo}}}),
        ),
        Answer::error(429, &echo),
        Answer::error(500, &format!("{}{KEY}", "x".repeat(290))),
        Answer::page(404).send(echo.as_bytes()),
        Answer::redirect(302, &format!("http://{KEY}.example.com/{KEY}")),
        Sse::bare("m", true).error(502, &echo).answer(),
        Sse::bare("m", true)
            .raw(format!("event: error\ndata: {echo}\n\n").as_bytes())
            .answer(),
        Answer::stream().header("content-type", &format!("text/{KEY}")),
        Answer::json(200, &json!({"error": {"message": echo}})),
    ];
    for answer in answers {
        let server = ScriptedServer::start();
        server.always(answer.clone());
        server.set_models(answer.clone());
        let provider = provider(&server.base_url());
        let heard = hear(&provider.model(info("m")), ask("Hi")).await;
        let clock = nexus_test_support::FixedClock::new();
        for error in [heard.error, provider.list_models().await.err()]
            .into_iter()
            .flatten()
        {
            let shown = format!("{error} {error:?} {:?}", error.card(&clock));
            assert!(!leaked(&shown), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_request() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let private =
        tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .unwrap();
    let provider_of_tls = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider_of_tls)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], private)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tried = Arc::new(AtomicUsize::new(0));
    let opened = Arc::new(AtomicUsize::new(0));
    let (tries, opens) = (Arc::clone(&tried), Arc::clone(&opened));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tries.fetch_add(1, Ordering::SeqCst);
            if acceptor.accept(stream).await.is_ok() {
                opens.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let heard = hear(
        &provider(&format!("https://localhost:{port}/v1")).model(info("m")),
        ask("Hi"),
    )
    .await;
    let Some(ModelError::Unreachable { message, .. }) = heard.error else {
        panic!("{:?}", heard.error);
    };
    assert!(message.contains("certificate"), "{message}");
    let counts = (
        heard.retries,
        tried.load(Ordering::SeqCst),
        opened.load(Ordering::SeqCst),
    );
    assert_eq!(counts, (0, 1, 0));
}

#[test]
fn nothing_that_holds_a_key_shows_it() {
    let spec = spec("https://example.com/v1");
    let decoder = StreamDecoder::new("p", "s").with_key(spec.key.clone());
    assert!(!leaked(&format!("{spec:?} {decoder:?}")));
}

#[tokio::test]
async fn keys_that_are_missing_or_cannot_be_sent() {
    let server = ScriptedServer::start();
    let with = |key: Option<&str>, needs_key| {
        let key = key.map(SecretString::from);
        provider_with(
            ProviderSpec {
                key,
                needs_key,
                ..spec(&server.base_url())
            },
            quick(),
        )
    };
    for none in [None, Some(""), Some("  \n")] {
        let heard = hear(&with(none, true).model(info("m")), ask("Hi")).await;
        assert_eq!(
            heard.error,
            Some(ModelError::KeyMissing {
                provider: "scripted".into()
            })
        );
    }
    let heard = hear(&with(Some("sk-a\nb"), true).model(info("m")), ask("Hi")).await;
    assert!(
        matches!(heard.error, Some(ModelError::KeyRefused { .. })),
        "{:?}",
        heard.error
    );
    assert_eq!(server.connections(), 0);

    let heard = hear(&with(None, false).model(info("m")), ask("Hi")).await;
    assert_eq!(heard.text, "You said: Hi");
    assert_eq!(server.chats()[0].header("authorization"), None);
    // Pasted with a line break.
    let heard = hear(
        &with(Some(" sk-0123456789 \n"), true).model(info("m")),
        ask("Hi"),
    )
    .await;
    assert_eq!(heard.text, "You said: Hi");
    assert_eq!(
        server.chats()[1].header("authorization"),
        Some("Bearer sk-0123456789")
    );
    server.assert_clean();
}

#[tokio::test]
async fn no_key_travels_in_clear_or_to_odd_addresses() {
    let server = ScriptedServer::start();
    for address in [
        "http://example.com/v1".to_owned(),
        "http://192.168.1.2:11434/v1".to_owned(),
        format!("http://name:word@127.0.0.1:{}/v1", server.port()),
        "ftp://127.0.0.1/v1".to_owned(),
        "127.0.0.1/v1".to_owned(),
        String::new(),
    ] {
        let provider = provider(&address);
        let heard = hear(&provider.model(info("m")), ask("Hi")).await;
        assert!(
            matches!(heard.error, Some(ModelError::BadAddress { .. })),
            "{address}: {:?}",
            heard.error
        );
        assert_eq!(heard.retries, 0);
        let list = provider.list_models().await;
        assert!(
            matches!(list, Err(ModelError::BadAddress { .. })),
            "{address}: {list:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_key_is_checked_although_the_list_is_public() {
    let server = ScriptedServer::start();
    server.expect_key("sk-another-key-0123");
    let spec = ProviderSpec {
        kind: ProviderKind::Openrouter,
        ..spec(&server.base_url())
    };
    let provider = provider_with(spec.clone(), quick());
    assert_eq!(
        provider.list_models().await.map(|models| models.len()),
        Ok(4)
    );
    let refused = provider.check_key().await;
    assert!(
        matches!(refused, Err(ModelError::KeyRefused { .. })),
        "{refused:?}"
    );
    server.expect_key(KEY);
    assert_eq!(provider.check_key().await, Ok(4));
    server.assert_clean();
}
