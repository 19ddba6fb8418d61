//! Statuses, waits that providers ask for, redirects.

use nexus_test_support::{Answer, Framing};
use serde_json::json;

use super::{Fault, fault, good};

fn limited() -> Answer {
    Answer::error(429, "slow down")
}

pub(super) fn faults() -> Vec<Fault> {
    let after = |value: &str| limited().header("retry-after", value);
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    vec![
        fault("429 without a wait", limited(), "rate limited", 5),
        fault("429, 0 seconds, then good", after("0"), "done Stop", 2)
            .then(good())
            .shows("Hello there"),
        fault(
            "429, a date that is now",
            after(date).header("date", date),
            "done Stop",
            2,
        )
        .then(good())
        .shows("Hello there"),
        fault(
            "429, a date in the past",
            after("Wed, 21 Oct 2015 07:28:00 GMT").header("date", date),
            "done Stop",
            2,
        )
        .then(good())
        .shows("Hello there"),
        fault(
            "429, a date in an hour",
            after("Wed, 21 Oct 2026 08:28:00 GMT").header("date", date),
            "rate limited 3600 s",
            1,
        ),
        fault("429, a date and no clock", after(date), "rate limited", 5),
        fault("429, 61 seconds", after("61"), "rate limited 61 s", 1),
        fault(
            "429, absurd seconds",
            after(&"9".repeat(60)),
            "rate limited 2678400 s",
            1,
        ),
        fault("429, negative seconds", after("-7"), "rate limited", 5),
        fault("429, words for seconds", after("soon"), "rate limited", 5),
        fault(
            "429, milliseconds, then good",
            limited().header("retry-after-ms", "30"),
            "done Stop",
            2,
        )
        .then(good())
        .shows("Hello there"),
        fault("429 twice, then good", limited(), "done Stop", 3)
            .then(limited())
            .then(good())
            .shows("Hello there"),
        fault(
            "429 because nothing is left to spend",
            Answer::json(
                429,
                &json!({"error": {"message": "You exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"}}),
            ),
            "payment required",
            1,
        ),
        fault("408", Answer::error(408, "late"), "down 408", 5),
        fault("409", Answer::error(409, "conflict"), "down 409", 5),
        fault("425", Answer::error(425, "early"), "down 425", 5),
        fault("500", Answer::error(500, "oops"), "down 500", 5),
        fault("500, then good", Answer::error(500, "oops"), "done Stop", 2)
            .then(good())
            .shows("Hello there"),
        fault("502", Answer::error(502, "oops"), "down 502", 5),
        fault("502 with a page", Answer::page(502), "down 502", 5),
        fault("503", Answer::error(503, "oops"), "down 503", 5),
        fault(
            "503, in an hour",
            Answer::error(503, "oops").header("retry-after", "3600"),
            "down 503",
            1,
        ),
        fault("504", Answer::error(504, "oops"), "down 504", 5),
        fault("529", Answer::error(529, "overloaded"), "down 529", 5),
        fault("400", Answer::error(400, "bad"), "refused 400", 1),
        fault("401", Answer::error(401, "who?"), "key refused", 1),
        fault("402", Answer::error(402, "pay"), "payment required", 1),
        fault("403", Answer::error(403, "no"), "forbidden", 1),
        fault("404", Answer::error(404, "what?"), "not found", 1),
        fault("404 with a page", Answer::page(404), "not found", 1),
        fault("405", Answer::error(405, "how?"), "refused 405", 1),
        fault("413", Answer::error(413, "much"), "refused 413", 1),
        fault("422", Answer::error(422, "no"), "refused 422", 1),
        fault(
            "422 as FastAPI words it",
            Answer::json(422, &json!({"detail": [{"msg": "no"}]})),
            "refused 422",
            1,
        ),
        fault(
            "500, then 401",
            Answer::error(500, "oops"),
            "key refused",
            2,
        )
        .then(Answer::error(401, "who?")),
        fault(
            "400 because the chat is too long",
            Answer::json(
                400,
                &json!({"error": {"message": "m", "code": "context_length_exceeded"}}),
            ),
            "overflow 0 0",
            1,
        ),
        fault(
            "an error whose body never ends",
            Answer::error(400, "bad")
                .framing(Framing::Length(1_000_000))
                .then_stall(),
            "refused 400",
            1,
        ),
        fault(
            "an error with a body of 64 MiB",
            Answer::error(400, "bad")
                .framing(Framing::Chunked)
                .repeat(&[b'x'; 65_536], 1_024),
            "refused 400",
            1,
        ),
        fault(
            "301",
            Answer::redirect(301, "https://example.com/"),
            "refused 301",
            1,
        ),
        fault(
            "302 to itself",
            Answer::redirect(302, "/v1/chat/completions"),
            "refused 302",
            1,
        ),
        fault(
            "303",
            Answer::redirect(303, "https://example.com/"),
            "refused 303",
            1,
        ),
        fault(
            "307",
            Answer::redirect(307, "http://169.254.169.254/latest"),
            "refused 307",
            1,
        ),
        fault(
            "308 to nowhere",
            Answer::redirect(308, "::::"),
            "refused 308",
            1,
        ),
        fault("304", Answer::redirect(304, ""), "refused 304", 1),
    ]
}
