use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use secrecy::SecretString;
use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt};

use super::*;

const CANARY: &str = "sk-or-v1-c4n4ry0123456789abcdef\"+/=\\x";

/// A sink that keeps what reaches it.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn knowing(secret: &str) -> Redactor {
    let redactor = Redactor::default();
    redactor.register(&SecretString::from(secret));
    redactor
}

/// Runs `log` under a subscriber that writes as text and as JSON.
fn logged(redactor: Redactor, log: impl FnOnce()) -> String {
    let sink = Sink::default();
    let (text, json) = (sink.clone(), sink.clone());
    let subscriber = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(Redacting::new(move || text.clone(), redactor.clone())),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_writer(Redacting::new(move || json.clone(), redactor)),
        );
    tracing::subscriber::with_default(subscriber, log);
    sink.text()
}

#[test]
fn a_key_leaves_in_no_form() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "read by Debug only")]
    struct Request {
        url: String,
        headers: Vec<(String, String)>,
    }
    let percent: String = url::form_urlencoded::byte_serialize(CANARY.as_bytes()).collect();
    let forms = [
        CANARY.to_owned(),
        format!("Bearer {CANARY}"),
        format!("https://x.org/v1?key={percent}&x=1"),
        format!(
            "https://x.org/v1?key={}",
            percent.replace('+', "%20").to_lowercase()
        ),
        serde_json::json!({ "api_key": CANARY, "nested": [CANARY] }).to_string(),
        serde_json::json!(serde_json::json!({ "k": CANARY }).to_string()).to_string(),
        format!("{CANARY:?}"),
        format!(
            "{:?}",
            Request {
                url: format!("https://{CANARY}@x.org"),
                headers: vec![("authorization".into(), format!("Bearer {CANARY}"))]
            }
        ),
        STANDARD.encode(CANARY),
        format!("Basic {}", STANDARD.encode(format!("user:{CANARY}"))),
        format!("Basic {}", STANDARD.encode(format!("me:{CANARY}"))),
        format!("Basic {}", STANDARD.encode(format!("a:{CANARY}"))),
        CANARY.bytes().map(|b| format!("{b:02x}")).collect(),
        CANARY.bytes().map(|b| format!("{b:02X}")).collect(),
    ];
    let out = logged(knowing(CANARY), || {
        let span = tracing::info_span!("call", key = CANARY);
        let _in = span.enter();
        for form in &forms {
            tracing::info!("{form}");
            tracing::warn!(field = %form, debug = ?form, "as a field");
        }
    });
    assert_eq!(out.lines().count(), forms.len() * 4, "{out}");
    assert!(
        out.contains("[redacted]") && out.contains("as a field"),
        "{out}"
    );
    let core = "c4n4ry0123456789";
    for (name, needle) in [
        ("raw", core.to_owned()),
        ("hex", core.bytes().map(|b| format!("{b:02x}")).collect()),
        ("HEX", core.bytes().map(|b| format!("{b:02X}")).collect()),
        ("base64 0", STANDARD.encode(core)[..16].to_owned()),
        (
            "base64 1",
            STANDARD.encode(format!("x{core}"))[4..16].to_owned(),
        ),
        (
            "base64 2",
            STANDARD.encode(format!("xx{core}"))[4..16].to_owned(),
        ),
    ] {
        assert!(!out.contains(&needle), "{name} in:\n{out}");
    }
}

#[test]
fn what_looks_like_a_key_goes_unknown_as_it_is() {
    let redactor = Redactor::default();
    for (line, clean) in [
        ("key sk-abcdefghijklmnop1234", "key [redacted]"),
        ("sk-ant-api03-abc_DEF-123456", "[redacted]"),
        ("gsk_abcdefghijklmnopqrstuv", "[redacted]"),
        ("AIzaSyA1234567890abcdefghij", "[redacted]"),
        (
            "authorization: Bearer abc.def-ghi123",
            "authorization: Bearer [redacted]",
        ),
        (
            "Authorization: \"Bearer abcdefgh12\"",
            "Authorization: \"Bearer [redacted]\"",
        ),
        ("bearer abcdefgh12", "bearer [redacted]"),
        ("x-api-key=abcdefgh12&x=1", "x-api-key=[redacted]&x=1"),
        (
            "https://x.org/?key=abcdefgh12&v=1",
            "https://x.org/?key=[redacted]&v=1",
        ),
        (
            "{\"api_key\":\"abcdefgh12\"}",
            "{\"api_key\":\"[redacted]\"}",
        ),
        ("password = hunter2hunter2", "password = [redacted]"),
        // Not these.
        (
            "the key to success is patience",
            "the key to success is patience",
        ),
        ("monkey=banana-split", "monkey=banana-split"),
        ("input_tokens=123456789 ok", "input_tokens=123456789 ok"),
        (
            "a task-force-of-several-people",
            "a task-force-of-several-people",
        ),
        ("key=short", "key=short"),
    ] {
        assert_eq!(redactor.clean(line), clean, "{line}");
    }
}

#[test]
fn all_shapes_compile() {
    assert_eq!(redact::shapes(), 4);
}

#[test]
fn a_secret_cut_into_two_writes_is_found() {
    let sink = Sink::default();
    let inner = sink.clone();
    let writer = Redacting::new(move || inner.clone(), knowing("abcdefgh-secret"));
    let mut entry = writer.make_writer();
    entry.write_all(b"before abcdefgh").unwrap();
    entry.write_all(b"-secret after\n").unwrap();
    drop(entry);
    assert_eq!(sink.text(), "before [redacted] after\n");
}

#[test]
fn short_secrets_do_not_eat_the_log() {
    assert_eq!(knowing("a").clean("a banana"), "a banana");
}

proptest! {
    /// Any key of visible ASCII, anywhere in any line.
    #[test]
    fn a_known_key_never_survives(key in "[!-~]{12,60}", before in "\\PC{0,30}", after in "\\PC{0,30}") {
        let redactor = knowing(&key);
        for line in [
            format!("{before}{key}{after}"),
            format!("{:?}", format!("{before}{key}{after}")),
            serde_json::json!({ before.as_str(): key, "x": after }).to_string(),
        ] {
            let clean = redactor.clean(&line);
            prop_assert!(!clean.contains(&key), "{}", clean);
        }
    }
}
