//! Any way of cutting the same bytes gives the same events, and no bytes break the decoder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nexus_llm::{ModelError, ModelEvent, SseEvent, SseLimits, SseParser, StreamDecoder};
use nexus_test_support::Sse;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::events::{as_json, decode};

/// Name, bytes and expected events of each golden stream.
fn golden() -> Vec<(String, Vec<u8>, PathBuf)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut streams: Vec<_> = std::fs::read_dir(folder)
        .expect("the golden streams are there")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sse"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (
                name,
                std::fs::read(&path).unwrap(),
                path.with_extension("json"),
            )
        })
        .collect();
    streams.sort();
    streams
}

#[test]
fn golden_streams_at_every_cut() {
    let streams = golden();
    let mut cuts = 0;
    for (name, bytes, expected) in &streams {
        let whole = decode([bytes.as_slice()]);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text = serde_json::to_string_pretty(&as_json(&whole)).unwrap();
            std::fs::write(expected, text + "\n").unwrap();
        }
        let text = std::fs::read_to_string(expected).expect("each stream has its expected events");
        let expected: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(as_json(&whole), expected, "{name}");
        for at in 0..=bytes.len() {
            let (first, second) = bytes.split_at(at);
            assert_eq!(decode([first, second]), whole, "{name} cut at {at}");
            cuts += 1;
        }
        assert_eq!(decode(bytes.chunks(1)), whole, "{name} byte by byte");
    }
    println!(
        "golden streams: {} streams, {cuts} cuts, all alike",
        streams.len()
    );
    assert!(streams.len() >= 10, "{}", streams.len());
}

/// The stream's text and whether it ended, for streams that were cut off.
fn shown((events, error): &(Vec<ModelEvent>, Option<ModelError>)) -> (String, bool) {
    let mut text = String::new();
    for event in events {
        if let ModelEvent::Text(piece) = event {
            text.push_str(piece);
        }
    }
    (text, error.is_none())
}

#[test]
fn a_stream_that_ends_anywhere_shows_a_beginning_of_the_whole() {
    for (name, bytes, _) in golden() {
        let (whole, _) = shown(&decode([bytes.as_slice()]));
        for at in 0..bytes.len() {
            let (text, _) = shown(&decode([&bytes[..at]]));
            assert!(whole.starts_with(&text), "{name} ended at {at}: {text}");
        }
    }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1_usize..40, 1..200)
}

/// Cuts bytes into pieces of these sizes, over and over.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Streams with all kinds of content, well formed.
fn good_stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "\\PC{0,20}".prop_map(|text| (0_u8, text)),
        "\\PC{0,20}".prop_map(|text| (1, text)),
        "[ -~\\n\\r\\t]{0,12}".prop_map(|text| (2, text)),
        "[a-z:]{0,8}".prop_map(|text| (3, text)),
    ];
    (vec(piece, 0..12), any::<bool>(), any::<bool>()).prop_map(|(pieces, openrouter, crlf)| {
        let start = if openrouter {
            Sse::openrouter("m")
        } else {
            Sse::openai("m")
        };
        let stream =
            pieces
                .iter()
                .enumerate()
                .fold(start, |stream, (at, (kind, text))| match kind {
                    0 => stream.text(text),
                    1 => stream.reasoning(text),
                    2 => stream.tool_call(at as u32, &format!("c{at}"), "calculate", text),
                    _ => stream.comment(text),
                });
        let bytes = stream.finish("stop").usage(3, 4).done().bytes();
        if !crlf {
            return bytes;
        }
        String::from_utf8(bytes)
            .unwrap()
            .replace('\n', "\r\n")
            .into_bytes()
    })
}

/// Bytes that are nearly a stream.
fn nearly_stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data: [DONE]\n\n".to_vec()),
        Just(b"event: error\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b":".to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
        Just(b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n".to_vec()),
        Just(b"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":-1,\"function\":{\"name\":\"".to_vec()),
        Just(b"{\"error\":{\"code\":".to_vec()),
        Just(b"\"}}]}}]}".to_vec()),
        vec(any::<u8>(), 0..12),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// 1,000 cases, or as many as `PROPTEST_CASES` says: a night takes 50,000.
fn config() -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    ProptestConfig {
        cases: wanted.and_then(|cases| cases.parse().ok()).unwrap_or(1_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_cut_of_a_good_stream_gives_the_same(bytes in good_stream(), sizes in sizes()) {
        let whole = decode([bytes.as_slice()]);
        prop_assert_eq!(&whole.1, &None);
        prop_assert_eq!(decode(cut(&bytes, &sizes)), whole);
    }

    #[test]
    fn any_cut_of_nearly_a_stream_gives_the_same(bytes in nearly_stream(), sizes in sizes()) {
        let whole = decode([bytes.as_slice()]);
        prop_assert_eq!(decode(cut(&bytes, &sizes)), whole);
    }

    #[test]
    fn no_bytes_break_the_decoder(bytes in vec(any::<u8>(), 0..2_000), sizes in sizes()) {
        let start = Instant::now();
        let whole = decode([bytes.as_slice()]);
        prop_assert_eq!(decode(cut(&bytes, &sizes)), whole);
        prop_assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn no_json_breaks_the_decoder(value in json_like(), sizes in sizes()) {
        let bytes = format!("data: {{\"choices\":[{{\"delta\":{value}}}],\"usage\":{value},\"error\":null}}\n\ndata: {value}\n\n").into_bytes();
        let whole = decode([bytes.as_slice()]);
        prop_assert_eq!(decode(cut(&bytes, &sizes)), whole);
    }
}

/// JSON with the keys that matter and values of the wrong types.
fn json_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "content",
        "role",
        "tool_calls",
        "index",
        "id",
        "function",
        "name",
        "arguments",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "text",
        "thinking",
        "usage",
        "prompt_tokens",
        "cost",
        "choices",
        "delta",
        "message",
        "finish_reason",
        "refusal",
        "code",
        "metadata",
        "raw",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key.clone(), inner), 0..5).prop_map(|entries| {
                entries
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

#[test]
fn limits_hold_at_every_cut() {
    let limits = SseLimits {
        line: 20,
        event: 30,
        body: 100,
    };
    let run = |bytes: &[u8], size: usize| {
        let mut parser = SseParser::new(limits);
        let mut events = Vec::new();
        let mut outcome = Ok(());
        for piece in bytes.chunks(size) {
            outcome = outcome.and(parser.push(piece, &mut events));
        }
        let outcome = outcome.and(parser.finish(&mut events));
        (events, outcome.map_err(|error| error.to_string()))
    };
    let event = |data: &str| SseEvent {
        name: String::new(),
        data: data.into(),
    };
    let long_line = b"data: fits\n\ndata: 0123456789ABCDEF\n\n";
    let long_event = b"data: fits\n\ndata: 0123456789\ndata: 0123456789\ndata: 0123456789\n\n";
    let long_body = "data: 01234\n\n".repeat(8);
    for size in 1..60 {
        assert_eq!(
            run(long_line, size),
            (
                vec![event("fits")],
                Err("a line is longer than 20 bytes".into())
            )
        );
        assert_eq!(
            run(long_event, size),
            (
                vec![event("fits")],
                Err("an event is longer than 30 bytes".into())
            )
        );
        assert_eq!(
            run(long_body.as_bytes(), size),
            (
                vec![event("01234"); 7],
                Err("the answer is longer than 100 bytes".into())
            )
        );
    }
}

#[test]
fn nothing_follows_an_error_or_the_end() {
    let mut decoder = StreamDecoder::new("p", "s");
    let mut events = Vec::new();
    let bad = decoder.push(b"data: {\"choices\"\n\n", &mut events);
    assert!(matches!(bad, Err(ModelError::BadAnswer { .. })), "{bad:?}");
    let more = Sse::reply("m", "late").bytes();
    assert_eq!(decoder.push(&more, &mut events), Ok(()));
    assert_eq!(decoder.end_of_stream(&mut events), Ok(()));
    assert_eq!(events, []);
}

#[test]
fn a_long_answer_takes_linear_time() {
    let word = Sse::bare("m", false).text("word ").bytes();
    let read = |events: usize| {
        let bytes = word.repeat(events);
        let start = Instant::now();
        let (seen, _) = decode(bytes.chunks(7));
        assert_eq!(seen.len(), events);
        start.elapsed().max(Duration::from_micros(100))
    };
    read(500);
    let (short, long) = (read(2_000), read(20_000));
    assert!(
        long < short * 40,
        "{short:?} for 2,000 events, {long:?} for 20,000"
    );
}
