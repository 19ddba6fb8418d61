//! Bodies that are odd, broken, hostile or no answer at all.

use nexus_test_support::{Answer, Framing, Sse};
use serde_json::json;

use super::{Fault, fault, good, hel, hello};
use crate::harness::ms;

const UTF8: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"Grüße 東京 👩‍👩‍👧\"}}]}\n\ndata: [DONE]\n\n";

fn text_of(bytes: &[u8]) -> Answer {
    Answer::stream().send(bytes)
}

fn with_newlines(newline: &str) -> Answer {
    let bytes = String::from_utf8(hello().bytes()).unwrap();
    text_of(bytes.replace('\n', newline).as_bytes())
}

/// A tool call's pieces as given, then the end.
fn pieces(pieces: &[serde_json::Value]) -> Answer {
    let stream = pieces
        .iter()
        .cloned()
        .fold(Sse::openai("m"), Sse::tool_piece);
    stream.finish("tool_calls").usage(1, 1).done().answer()
}

pub(super) fn faults() -> Vec<Fault> {
    let bad = |name, answer| fault(name, answer, "bad answer", 1);
    let done = |name, answer| fault(name, answer, "done Stop", 1).shows("Hello there");
    let calls = |name, parts: &[serde_json::Value]| fault(name, pieces(parts), "done ToolCalls", 1);
    let mut zipped = Answer::gzip_bomb(&hello().bytes(), 0);
    zipped = zipped.header("x-note", "small and honest");
    vec![
        bad("a sign-in page", Answer::page(200)),
        bad("a sign-in page, socket open", Answer::page(200).then_stall()).within(ms(300)),
        bad("a sign-in page that claims to be a stream", Answer::page(200).header("content-type", "text/event-stream")),
        bad("a sign-in page without a type", Answer::page(200).without_header("content-type")),
        bad("an image", Answer::page(200).header("content-type", "image/png")),
        bad("words that are no stream", text_of(b"All is well.\n").header("content-type", "text/plain")),
        bad("JSON that cannot be read", Answer::json(200, &json!("x")).send(b"{").framing(Framing::UntilClose)),
        bad("JSON without an answer", Answer::json(200, &json!({"ok": true}))),
        fault("JSON with an error", Answer::json(200, &json!({"error": {"message": "oops", "code": 503}})), "down 503", 5),
        done("JSON with the whole answer", Answer::json(200, &json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello there"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}))),
        done("a stream as text/plain", good().header("content-type", "text/plain")),
        done("a stream without a type", good().without_header("content-type")),
        done("a stream zipped although plain was asked for", zipped),
        bad("a zip bomb", Answer::gzip_bomb(b"data: ", 64 * 1024 * 1024)),
        bad("a zip bomb after a word", Answer::gzip_bomb(&hel().bytes(), 64 * 1024 * 1024)).shows("Hel"),
        fault("a zip that is none", good().header("content-encoding", "gzip"), "lost", 5),
        bad("a line of 64 MiB", text_of(b"data: ").repeat(&[b'a'; 65_536], 1_024)),
        bad("a comment of 64 MiB", text_of(b": ").repeat(&[b'a'; 65_536], 1_024)),
        bad("an event of 64 MiB in many lines", text_of(b"").repeat(&[b"data: ".as_slice(), &[b'a'; 65_536], b"\n"].concat(), 1_024)),
        bad("NUL within JSON", hel().raw(b"data: {\"choices\":[{\"delta\":{\"content\":\"\x00\"}}]}\n\n").answer()).shows("Hel"),
        done("NUL in a comment", text_of(&[b": \x00\x00\n\n", hello().bytes().as_slice()].concat())),
        done("a byte order mark", text_of(&[b"\xEF\xBB\xBF", hello().bytes().as_slice()].concat())),
        done("lines that end in CR", with_newlines("\r")),
        done("lines that end in CR LF", with_newlines("\r\n")),
        done("processing comments", Sse::openrouter("m").words("Hello there").comment(" OPENROUTER PROCESSING").finish("stop").usage(1, 2).done().answer()),
        fault("bytes that are no UTF-8", hel().raw(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xFF\xC3\"}}]}\n\n").finish("stop").done().answer(), "done Stop", 1)
            .shows("Hel\u{FFFD}\u{FFFD}"),
        fault("letters cut in the middle", Answer::stream().drip(UTF8.as_bytes(), ms(1)), "done Stop", 1)
            .shows("Grüße 東京 👩‍👩‍👧"),
        bad("broken JSON first", text_of(b"data: {\"choices\": [}\n\n")),
        bad("broken JSON after a word", hel().raw(b"data: {\"choices\": [}\n\n").text("more").answer()).shows("Hel"),
        bad("JSON a thousand deep", hel().raw(format!("data: {}\n\n", "[".repeat(1_000)).as_bytes()).answer()).shows("Hel"),
        bad("[DONE] and nothing else", Sse::bare("m", false).done().answer()),
        done("unknown fields everywhere", Sse::openai("m").chunk(&json!({"type": "news", "choices": [{"index": 0, "delta": {"content": "Hello there", "mood": {"good": [1]}}, "x": 1}], "y": null})).finish("stop").done().answer()),
        done("fields of the wrong type", Sse::openai("m").chunk(&json!({"choices": "none", "usage": 7})).chunk(&json!({"choices": [{"delta": {"content": 5, "tool_calls": "x", "reasoning": [1]}}]})).words("Hello there").finish("stop").done().answer()),
        done("empty choices", Sse::openai("m").chunk(&json!({"choices": []})).chunk(&json!({"choices": null})).words("Hello there").finish("stop").done().answer()),
        done("a second choice", Sse::openai("m").words("Hello there").chunk(&json!({"choices": [{"index": 1, "delta": {"content": "other"}}]})).finish("stop").done().answer()),
        done("the whole answer repeated at the end", Sse::openai("m").words("Hello there").chunk(&json!({"choices": [{"index": 0, "message": {"content": "Hello there"}, "finish_reason": "stop"}]})).done().answer()),
        done("a reason that nobody knows", Sse::openai("m").words("Hello there").finish("because").usage(1, 2).done().answer()),
        fault("the limit of tokens", hel().finish("length").usage(1, 2).done().answer(), "done Length", 1).shows("Hel"),
        fault("the provider's filter", hel().finish("content_filter").usage(1, 2).done().answer(), "done ContentFilter", 1).shows("Hel"),
        fault("counts and nothing else", Sse::bare("m", false).usage(3, 0).done().answer(), "done Stop", 1),
        done("negative and absurd counts", Sse::openai("m").words("Hello there").finish("stop").usage_object(&json!({"prompt_tokens": -1, "completion_tokens": 1e300, "cost": -5})).done().answer()),
        calls("calls in pieces out of order", &[
            json!({"index": 1, "function": {"arguments": "{\"b\":"}}),
            json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}),
            json!({"index": 1, "id": "b", "function": {"name": "two", "arguments": "1}"}}),
        ]),
        calls("calls with the same id", &[
            json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}),
            json!({"index": 1, "id": "a", "function": {"name": "one", "arguments": "{}"}}),
        ]),
        calls("calls without index and id", &[
            json!({"function": {"name": "one", "arguments": "{}"}}),
            json!({"function": {"name": "two", "arguments": "{}"}}),
        ]),
        calls("a call with broken arguments", &[json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{\"x\": "}})]),
        calls("a call without a name", &[json!({"index": 0, "id": "a", "function": {"arguments": "{}"}})]),
        calls("a call with an absurd index", &[json!({"index": i64::MIN, "id": "a", "function": {"name": "one", "arguments": "{}"}})]),
        fault("calls that end with “stop”", Sse::openai("m").tool_call(0, "a", "one", "{}").finish("stop").usage(1, 1).done().answer(), "done ToolCalls", 1),
        done("“tool_calls” without a call", Sse::openai("m").words("Hello there").finish("tool_calls").usage(1, 1).done().answer()),
    ]
}
