//! Connections that stall, break, or stay open after the end.

use nexus_test_support::{Answer, Framing, Sse};
use serde_json::json;

use super::{Fault, fault, good, hel, hello, short};
use crate::harness::ms;

pub(super) fn faults() -> Vec<Fault> {
    let lost = |name, answer, requests| fault(name, answer, "lost", requests);
    let done = |name, answer| fault(name, answer, "done Stop", 1).shows("Hello there");
    vec![
        fault(
            "silence before the head",
            Answer::silence(),
            "timed out Headers",
            5,
        ),
        fault(
            "silence before the head, then good",
            Answer::silence(),
            "done Stop",
            2,
        )
        .then(good())
        .shows("Hello there"),
        fault(
            "silence after half a head",
            Answer::raw(b"HTTP/1.1 200 OK\r\ncontent-ty").then_stall(),
            "timed out Headers",
            5,
        ),
        fault(
            "silence after the head",
            Answer::stream().then_stall(),
            "timed out Stream",
            5,
        ),
        fault(
            "silence after the role",
            Sse::openai("m").answer().then_stall(),
            "timed out Stream",
            5,
        ),
        fault(
            "silence after a word",
            hel().answer().then_stall(),
            "timed out Stream",
            1,
        )
        .shows("Hel"),
        fault(
            "silence after a thought",
            Sse::openai("m").reasoning("Hm").answer().then_stall(),
            "timed out Stream",
            1,
        ),
        fault(
            "silence after a call began",
            Sse::openai("m")
                .tool_call(0, "a", "calculate", "{\"x\"")
                .answer()
                .then_stall(),
            "timed out Stream",
            1,
        ),
        fault(
            "silence in the middle of an event",
            hel().raw(b"data: {\"choi").answer().then_stall(),
            "timed out Stream",
            1,
        )
        .shows("Hel"),
        fault(
            "comments for ever",
            (0..150)
                .fold(Sse::bare("m", true), |stream, _| {
                    stream.comment(" OPENROUTER PROCESSING")
                })
                .slow(ms(100)),
            "timed out Stream",
            1,
        ),
        fault(
            "empty deltas for ever",
            (0..150)
                .fold(Sse::bare("m", true), |stream, _| stream.text(""))
                .slow(ms(100)),
            "timed out Stream",
            1,
        ),
        fault(
            "bytes for ever without an event",
            Answer::stream().drip(&[b'x'; 150], ms(100)),
            "timed out Stream",
            1,
        ),
        fault("a reset before the head", Answer::reset(), "lost", 5),
        fault(
            "a reset before the head, then good",
            Answer::reset(),
            "done Stop",
            2,
        )
        .then(good())
        .shows("Hello there"),
        lost("a reset after the head", Answer::stream().then_reset(), 5),
        lost(
            "a reset in the middle of a chunk",
            hel().answer().then_reset(),
            1,
        )
        .shows("Hel"),
        lost(
            "a reset in the middle of an event",
            hel().raw(b"data: {\"cho").answer().then_reset(),
            1,
        )
        .shows("Hel"),
        done(
            "a reset after the end was announced",
            Sse::openai("m")
                .words("Hello there")
                .finish("stop")
                .answer()
                .then_reset(),
        ),
        lost("an end before the head", Answer::hang_up(), 5),
        fault(
            "an end before the head, then good",
            Answer::hang_up(),
            "done Stop",
            2,
        )
        .then(good())
        .shows("Hello there"),
        lost("an end after the head", Answer::stream().then_fin(), 5),
        lost("an empty answer that ends well", Answer::stream(), 5),
        lost(
            "only comments, then the end",
            Sse::openrouter("m").answer(),
            5,
        ),
        lost(
            "an end after a word, within the body",
            hel().answer().then_fin(),
            1,
        )
        .shows("Hel"),
        lost("an end after a word, chunks ended well", hel().answer(), 1).shows("Hel"),
        lost(
            "an end after a word, by closing",
            hel().answer().framing(Framing::UntilClose),
            1,
        )
        .shows("Hel"),
        lost(
            "an end before the announced length",
            hel().answer().framing(Framing::Length(9_000)).then_fin(),
            1,
        )
        .shows("Hel"),
        lost(
            "an end in the middle of an event",
            hel()
                .raw(b"data: {\"choices\":[{\"delta\":{\"content\":\"lo")
                .answer(),
            1,
        )
        .shows("Hel"),
        lost(
            "a broken chunk size",
            hel()
                .answer()
                .framing(Framing::UntilClose)
                .header("transfer-encoding", "chunked")
                .then_fin(),
            5,
        ),
        lost(
            "no HTTP at all",
            Answer::raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
            5,
        ),
        lost(
            "a head of a megabyte",
            Answer::raw(&[b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &[b'x'; 1_048_576]].concat()),
            5,
        ),
        done(
            "an end without [DONE]",
            Sse::openai("m")
                .words("Hello there")
                .finish("stop")
                .usage(1, 2)
                .answer(),
        ),
        done(
            "an end without [DONE] or counts, in the body",
            Sse::openai("m")
                .words("Hello there")
                .finish("stop")
                .answer()
                .then_fin(),
        ),
        done(
            "[DONE] without the last blank line",
            Sse::openai("m")
                .words("Hello there")
                .finish("stop")
                .raw(b"data: [DONE]")
                .answer(),
        ),
        done(
            "[DONE] and the socket stays open",
            hello().answer().then_stall(),
        )
        .within(ms(300)),
        done(
            "[DONE] without a reason, socket open",
            Sse::openai("m")
                .words("Hello there")
                .done()
                .answer()
                .then_stall(),
        )
        .within(ms(300)),
        done(
            "counts after the end, no [DONE], socket open",
            Sse::openai("m")
                .words("Hello there")
                .finish("stop")
                .usage(1, 2)
                .answer()
                .then_stall(),
        )
        .within(ms(300)),
        done(
            "the end announced, no counts, socket open",
            Sse::openai("m")
                .words("Hello there")
                .finish("stop")
                .answer()
                .then_stall(),
        )
        .within(ms(500)),
        done(
            "[DONE] twice and words after it",
            hello().text("late").done().answer(),
        ),
        done("an error after [DONE]", hello().error(500, "late").answer()),
        done(
            "a drip of single bytes",
            Answer::stream().drip(&short(), ms(1)),
        ),
        done(
            "a pause just within the limits",
            Sse::openai("m").text("Hello ").answer().wait(ms(250)).send(
                &Sse::bare("m", false)
                    .text("there")
                    .finish("stop")
                    .done()
                    .bytes(),
            ),
        ),
        fault(
            "an error object first",
            Sse::bare("m", true).error(502, "oops").answer(),
            "down 502",
            5,
        ),
        fault(
            "an error object first, then good",
            Sse::bare("m", true).error(502, "oops").answer(),
            "done Stop",
            2,
        )
        .then(good())
        .shows("Hello there"),
        fault(
            "an error object after a word",
            hel().error(502, "oops").answer(),
            "down 502",
            1,
        )
        .shows("Hel"),
        fault(
            "an error object, socket open",
            hel().error(502, "oops").answer().then_stall(),
            "down 502",
            1,
        )
        .shows("Hel")
        .within(ms(300)),
        fault(
            "an error object without a code",
            hel().chunk(&json!({"error": {"message": "oops"}})).answer(),
            "down 0",
            1,
        )
        .shows("Hel"),
        fault(
            "an error object for too many requests",
            Sse::bare("m", true).error(429, "slow").answer(),
            "rate limited",
            5,
        ),
        fault(
            "an error object for a bad key",
            Sse::bare("m", true).error(401, "who?").answer(),
            "key refused",
            1,
        ),
        fault(
            "an error object of a bad request",
            Sse::bare("m", true).error(400, "no").answer(),
            "refused 400",
            1,
        ),
        fault(
            "an error as an event of that name",
            hel()
                .raw(b"event: error\ndata: {\"message\": \"oops\"}\n\n")
                .answer(),
            "down 0",
            1,
        )
        .shows("Hel"),
        fault(
            "an error as an event in words",
            hel().raw(b"event: error\ndata: oops\n\n").answer(),
            "down 0",
            1,
        )
        .shows("Hel"),
        fault(
            "“error” as the reason of the end",
            hel().finish("error").answer(),
            "down 0",
            1,
        )
        .shows("Hel"),
    ]
}
