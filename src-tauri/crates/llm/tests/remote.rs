//! Calls that go well or are cancelled, and connections that cannot be had.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use nexus_egress::{Client, Protocol, Rules, Switch};
use nexus_llm::{
    ModelError, ModelEvent, ProviderSpec, RemoteProvider, SeededJitter, Timeouts, http_client,
};
use nexus_protocol::{
    ChatMessage, ChatRequest, FinishReason, ImageData, ModelInfo, ModelPlace, Pricing,
    ProviderKind, ToolCallRequest, ToolSpec, Usage, UserPart,
};
use nexus_test_support::{Answer, ScriptedServer, Sse};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::harness::{ask, hear, hear_until, info, ms, provider, provider_with, quick, spec};

#[tokio::test]
async fn a_whole_answer_with_everything() {
    let server = ScriptedServer::start();
    let stream = Sse::openrouter("deepseek/r1")
        .reasoning("Let me ")
        .reasoning("see.")
        .text("I calculate.")
        .tool_call(0, "call_1", "calculate", "{\"expression\":\"2+2\"}")
        .tool_call(1, "call_2", "current_time", "{}")
        .finish("tool_calls")
        .usage(90, 30)
        .done();
    server.push(stream.slow(ms(2)));
    let spec = ProviderSpec {
        kind: ProviderKind::Openrouter,
        ..spec(&server.base_url())
    };
    let model = provider_with(spec, quick()).model(info("deepseek/r1"));
    let request = ChatRequest {
        messages: vec![
            ChatMessage::System {
                text: "Be exact.".into(),
            },
            ChatMessage::User {
                parts: vec![
                    UserPart::Text {
                        text: "What is on it?".into(),
                    },
                    UserPart::Image {
                        image: ImageData {
                            media_type: "image/png".into(),
                            base64: "iVBORw0KGgo=".into(),
                        },
                    },
                ],
            },
            ChatMessage::Assistant {
                text: String::new(),
                tool_calls: vec![ToolCallRequest {
                    id: "x".into(),
                    name: "calculate".into(),
                    arguments: "{broken".into(),
                }],
            },
            ChatMessage::Tool {
                call_id: "x".into(),
                name: "calculate".into(),
                content: "Bad arguments.".into(),
            },
        ],
        tools: vec![ToolSpec {
            name: "calculate".into(),
            description: "d".into(),
            parameters: json!({"type": "object"}),
        }],
        max_output_tokens: Some(64),
        temperature: Some(0.2),
        ..ChatRequest::default()
    };
    let heard = hear(&model, request).await;
    assert_eq!(heard.thinking, "Let me see.");
    assert_eq!(heard.text, "I calculate.");
    let call = |index, id: &str, name: &str, arguments: &str| {
        (index, id.into(), name.into(), arguments.into())
    };
    assert_eq!(
        heard.calls,
        [
            call(0, "call_1", "calculate", "{\"expression\":\"2+2\"}"),
            call(1, "call_2", "current_time", "{}")
        ]
    );
    let usage = Usage {
        input_tokens: 90,
        output_tokens: 30,
        cost_usd: Some(0.000_25),
        ..Usage::default()
    };
    assert_eq!(heard.finished, Some((FinishReason::ToolCalls, Some(usage))));
    assert_eq!((heard.error, heard.broke_the_contract), (None, None));
    let chats = server.chats();
    assert_eq!(chats[0].target, "/v1/chat/completions");
    assert_eq!(chats[0].header("x-title"), Some("Nexus Agent"));
    assert_eq!(chats[0].header("accept-encoding"), Some("identity"));
    assert_eq!(chats[0].body["usage"], json!({"include": true}));
    server.assert_clean();
}

#[tokio::test]
async fn the_cost_comes_from_prices_or_is_nothing_on_this_machine() {
    let server = ScriptedServer::start();
    server.always(
        Sse::openai("m")
            .text("x")
            .finish("stop")
            .usage(1_000_000, 500_000)
            .done()
            .answer(),
    );
    let priced = ModelInfo {
        pricing: Some(Pricing {
            input_per_million: 3.0,
            output_per_million: 15.0,
        }),
        ..info("m")
    };
    // Loopback is this machine, whatever the list of models said.
    let heard = hear(&provider(&server.base_url()).model(priced), ask("Hi")).await;
    let usage = heard.finished.and_then(|(_, usage)| usage).unwrap();
    assert_eq!(usage.cost_usd, Some(0.0));
    assert_eq!(
        provider(&server.base_url()).place(),
        ModelPlace::ThisMachine
    );
}

#[tokio::test]
async fn nothing_happens_before_the_stream_is_polled_and_dropping_ends_it() {
    let server = ScriptedServer::start();
    server.always(Sse::openai("m").text("x").answer().then_stall());
    let model = provider(&server.base_url()).model(info("m"));
    let idle = model.stream(ask("Hi"), CancellationToken::new());
    tokio::time::sleep(ms(50)).await;
    assert_eq!(server.connections(), 0);
    drop(idle);
    let mut stream = model.stream(ask("Hi"), CancellationToken::new());
    while let Some(event) = stream.next().await {
        if matches!(event, Ok(ModelEvent::Text(_))) {
            break;
        }
    }
    assert_eq!(server.playing(), 1);
    drop(stream);
    until(|| server.playing() == 0).await;
}

async fn until(reached: impl Fn() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "not reached in 2 s"
        );
        tokio::time::sleep(ms(5)).await;
    }
}

#[tokio::test]
async fn cancelling_ends_every_wait_at_once() {
    let patient = Timeouts {
        headers: ms(20_000),
        idle: ms(20_000),
        backoff_base: ms(20_000),
        backoff_cap: ms(20_000),
        ..quick()
    };
    let stalls = [
        ("before the head", Answer::silence()),
        ("after the head", Answer::stream().then_stall()),
        (
            "after a word",
            Sse::openai("m").text("x").answer().then_stall(),
        ),
        (
            "within an event",
            Answer::stream().send(b"data: {\"cho").then_stall(),
        ),
        (
            "after the announced end",
            Sse::openai("m")
                .text("x")
                .finish("stop")
                .answer()
                .then_stall(),
        ),
        ("before the next try", Answer::error(500, "x")),
        (
            "in the body of an error",
            Answer::error(500, "x")
                .framing(nexus_test_support::Framing::Length(9_999))
                .then_stall(),
        ),
    ];
    for (name, answer) in stalls {
        let server = ScriptedServer::start();
        server.always(answer);
        let timeouts = Timeouts {
            tail: ms(20_000),
            ..patient.clone()
        };
        let model = provider_with(spec(&server.base_url()), timeouts).model(info("m"));
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ms(150)).await;
            stop.cancel();
        });
        let heard = hear_until(&model, ask("Hi"), cancel).await;
        assert_eq!(heard.error, Some(ModelError::Cancelled), "{name}");
        assert_eq!(heard.broke_the_contract, None, "{name}");
        assert!(heard.took < ms(150) + ms(400), "{name}: {:?}", heard.took);
        until(|| server.playing() == 0).await;
    }
    // Cancelled before it began: nothing is sent.
    let server = ScriptedServer::start();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let heard = hear_until(
        &provider(&server.base_url()).model(info("m")),
        ask("Hi"),
        cancel,
    )
    .await;
    assert_eq!(
        (heard.error, server.connections()),
        (Some(ModelError::Cancelled), 0)
    );
}

#[tokio::test]
async fn refused_connections_are_tried_again() {
    let port = {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let heard = hear(
        &provider(&format!("http://127.0.0.1:{port}/v1")).model(info("m")),
        ask("Hi"),
    )
    .await;
    assert!(
        matches!(&heard.error, Some(ModelError::Unreachable { message, .. }) if message.contains("refused")),
        "{:?}",
        heard.error
    );
    assert_eq!(heard.retries, 4);
    assert!(heard.took < ms(1_500), "{:?}", heard.took);
}

#[tokio::test]
async fn names_that_do_not_resolve_are_unreachable() {
    let heard = hear(
        &provider("https://nexus-test.invalid/v1").model(info("m")),
        ask("Hi"),
    )
    .await;
    // Where the resolver itself is silent, the limit for connecting ends it.
    assert!(
        matches!(
            &heard.error,
            Some(ModelError::Unreachable { .. } | ModelError::TimedOut { .. })
        ),
        "{:?}",
        heard.error
    );
    assert!(heard.took < ms(5_000), "{:?}", heard.took);
}

/// Answers each connection with these bytes after it sent something; counts connections.
async fn raw_server(answer: &'static [u8]) -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = [0; 4_096];
                if stream.read(&mut buffer).await.is_ok() {
                    drop(stream.write_all(answer).await);
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
                }
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn failed_tls_is_unreachable_and_not_repeated() {
    let (port, connections) = raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let heard = hear(
        &provider(&format!("https://127.0.0.1:{port}/v1")).model(info("m")),
        ask("Hi"),
    )
    .await;
    assert!(
        matches!(&heard.error, Some(ModelError::Unreachable { .. })),
        "{:?}",
        heard.error
    );
    assert_eq!(
        (
            heard.retries,
            connections.load(std::sync::atomic::Ordering::SeqCst)
        ),
        (0, 1),
        "{:?}",
        heard.error
    );
}

#[tokio::test]
async fn silent_tls_times_out_while_connecting() {
    let (port, _) = raw_server(b"").await;
    let timeouts = Timeouts {
        connect: ms(300),
        ..quick()
    };
    let provider = provider_with(spec(&format!("https://127.0.0.1:{port}/v1")), timeouts);
    let heard = hear(&provider.model(info("m")), ask("Hi")).await;
    let expected = ModelError::TimedOut {
        provider: "scripted".into(),
        phase: nexus_llm::Phase::Connecting,
    };
    assert_eq!(heard.error, Some(expected));
    assert!(heard.took < ms(5_000), "{:?}", heard.took);
}

#[tokio::test]
async fn http2_go_away_is_a_lost_connection() {
    // An empty SETTINGS frame, then GOAWAY(last stream 0, ENHANCE_YOUR_CALM).
    let (port, _) =
        raw_server(b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b").await;
    let rules = Rules {
        protocol: Protocol::Http2,
        ..Rules::default()
    };
    let http = Client::new(rules, &Switch::new()).unwrap();
    let provider = RemoteProvider::new(spec(&format!("http://127.0.0.1:{port}/v1")), http, quick())
        .with_jitter(Arc::new(SeededJitter::new(1)));
    let heard = hear(&provider.model(info("m")), ask("Hi")).await;
    assert!(
        matches!(&heard.error, Some(ModelError::ConnectionLost { .. })),
        "{:?}",
        heard.error
    );
    assert_eq!(heard.retries, 4);
    assert!(heard.took < ms(5_000), "{:?}", heard.took);
}

#[tokio::test]
async fn waits_between_tries_are_the_seeds() {
    let wait = || async {
        let server = ScriptedServer::start();
        server.always(Answer::error(503, "x"));
        hear(&provider(&server.base_url()).model(info("m")), ask("Hi"))
            .await
            .waits
    };
    let (first, second) = (wait().await, wait().await);
    assert_eq!(first, second);
    assert_eq!(first.len(), 4);
    for (at, wait) in first.iter().enumerate() {
        assert!(*wait <= ms(5 << at).min(ms(40)), "{at}: {wait:?}");
    }
}

#[tokio::test]
async fn the_wait_asked_for_is_kept() {
    let server = ScriptedServer::start();
    server.push(Answer::error(429, "x").header("retry-after-ms", "150"));
    server.push(Sse::reply("m", "Hi").answer());
    let heard = hear(&provider(&server.base_url()).model(info("m")), ask("Hi")).await;
    let chats = server.chats();
    assert_eq!((heard.text.as_str(), heard.waits), ("Hi", vec![ms(150)]));
    assert!(
        chats[1].at - chats[0].at >= ms(145),
        "{:?}",
        chats[1].at - chats[0].at
    );
}

#[tokio::test]
async fn everyday_answers_serve_a_whole_conversation() {
    let server = ScriptedServer::start();
    server.set_pause(Duration::ZERO);
    let http = http_client(&Timeouts::default(), &Switch::new()).unwrap();
    let provider = RemoteProvider::new(spec(&server.base_url()), http, Timeouts::default());
    let model = provider.model(info("scripted/large"));
    let heard = hear(&model, ask("Hello")).await;
    assert_eq!(heard.text, "You said: Hello");
    let heard = hear(&model, ask("show me markdown")).await;
    assert!(
        heard.text.contains("| Apple | 3 |") && heard.text.contains("```rust"),
        "{}",
        heard.text
    );
    let heard = hear(&model, ask("please think")).await;
    assert_eq!(heard.thinking, "The user wants me to think. So I do.");
    server.assert_clean();
}

#[tokio::test]
async fn bytes_cut_anywhere_on_the_wire_give_the_same_answer() {
    let server = ScriptedServer::start();
    let bytes = Sse::openai("m")
        .text("Grüße")
        .text(" 👩‍👩‍👧")
        .finish("stop")
        .usage(1, 2)
        .done()
        .bytes();
    let model = provider(&server.base_url()).model(info("m"));
    for at in (0..bytes.len()).step_by(7) {
        let (first, second) = bytes.split_at(at);
        server.push(Answer::stream().send(first).wait(ms(1)).send(second));
        let heard = hear(&model, ask("Hi")).await;
        assert_eq!(
            (heard.text.as_str(), heard.error),
            ("Grüße 👩‍👩‍👧", None),
            "cut at {at}"
        );
    }
    server.assert_clean();
}
