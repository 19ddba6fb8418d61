//! Tests of [`super`].

use nexus_protocol::{DownloadId, DownloadStatus, FinishReason, ModelPlace, Usage};

use super::*;

#[test]
fn days_group_by_local_midnight() {
    // 2026-11-22T00:30 in a zone one hour east of UTC is still the day before in UTC.
    let now = UnixMillis(1_795_303_800_000);
    let east = -60;
    let today = local_day(now, east);
    assert_eq!(local_day(now, 0), today - 1);
    let group = |hours_ago: i64| {
        DayGroup::of(
            local_day(UnixMillis(now.0 - hours_ago * 3_600_000), east),
            today,
        )
    };
    assert_eq!(
        [0, 1, 24, 25, 7 * 24, 8 * 24, 9 * 24, -30].map(group),
        [
            DayGroup::Today,
            DayGroup::Yesterday,
            DayGroup::Yesterday,
            DayGroup::Week,
            DayGroup::Week,
            DayGroup::Older,
            DayGroup::Older,
            DayGroup::Today,
        ]
    );
}

#[test]
fn days_before_1970_count_downwards() {
    assert_eq!(local_day(UnixMillis(-1), 0), -1);
    assert_eq!(local_day(UnixMillis(0), 60), -1);
}

#[test]
fn sizes_read_as_in_a_file_manager() {
    let shown: Vec<String> = [
        0,
        999,
        1000,
        98_362_432,
        2_497_280_256,
        42_000_000_000,
        999_600,
    ]
    .into_iter()
    .map(bytes)
    .collect();
    assert_eq!(
        shown,
        ["0 B", "999 B", "1 KB", "98 MB", "2.5 GB", "42 GB", "1.0 MB"]
    );
}

#[test]
fn contexts_read_in_their_own_thousands() {
    let shown: Vec<String> = [
        512, 2048, 8192, 32_768, 128_000, 131_072, 1_000_000, 1_048_576, 10_000_000,
    ]
    .into_iter()
    .map(context)
    .collect();
    assert_eq!(
        shown,
        ["512", "2k", "8k", "32k", "128k", "128k", "1M", "1M", "10M"]
    );
}

#[test]
fn numbers_group_by_three() {
    let shown: Vec<String> = [0, 999, 1000, 18_204, 1_234_567]
        .into_iter()
        .map(grouped)
        .collect();
    assert_eq!(shown, ["0", "999", "1,000", "18,204", "1,234,567"]);
}

#[test]
fn durations_are_as_exact_as_they_matter() {
    let shown: Vec<String> = [0, 49, 180, 3440, 9949, 38_400, 98_000, 7_500_000]
        .into_iter()
        .map(duration)
        .collect();
    assert_eq!(
        shown,
        [
            "0 ms",
            "49 ms",
            "0.2 s",
            "3.4 s",
            "9.9 s",
            "38 s",
            "1 min 38 s",
            "2 h 5 min"
        ]
    );
    let whole: Vec<String> = [0, 400, 2600].into_iter().map(whole_duration).collect();
    assert_eq!(whole, ["1 s", "1 s", "3 s"]);
}

#[test]
fn money_keeps_its_leading_digits() {
    let costs: Vec<String> = [0.000_01, 0.0012, 0.034_56, 1.239]
        .into_iter()
        .map(cost)
        .collect();
    assert_eq!(costs, ["under $0.0001", "$0.0012", "$0.035", "$1.24"]);
    let prices: Vec<String> = [0.0, 0.004, 0.25, 3.0, 15.5]
        .into_iter()
        .map(price)
        .collect();
    assert_eq!(prices, ["free", "$0.004", "$0.25", "$3", "$15.5"]);
}

fn info() -> ModelInfo {
    ModelInfo {
        model: ModelRef("local/smollm2-135m".into()),
        display_name: "SmolLM2 135M Instruct".into(),
        place: ModelPlace::ThisMachine,
        context_tokens: Some(8192),
        max_output_tokens: None,
        tools: true,
        images: false,
        pricing: None,
        file_bytes: Some(98_362_432),
        quantization: Some("Q4_1".into()),
    }
}

#[test]
fn a_model_in_one_line() {
    assert_eq!(model_facts(&info()), "98 MB · Q4_1 · 8k context · tools");
    let cloud = ModelInfo {
        pricing: Some(Pricing {
            input_per_million: 3.0,
            output_per_million: 15.0,
        }),
        file_bytes: None,
        quantization: None,
        images: true,
        ..info()
    };
    assert_eq!(
        model_facts(&cloud),
        "8k context · $3 in, $15 out per M · tools, images"
    );
}

#[test]
fn an_answer_in_one_line() {
    let meta = AnswerMeta {
        usage: Some(Usage {
            output_tokens: 412,
            cost_usd: Some(0.0012),
            ..Usage::default()
        }),
        time_to_first_token_ms: Some(420),
        duration_ms: 14_000,
        tokens_per_second: Some(30.9),
        finish: Some(FinishReason::Stop),
    };
    assert_eq!(
        answer_facts(&meta),
        "412 tokens · 31 tok/s · first after 0.4 s · $0.0012"
    );
    let bare = AnswerMeta {
        usage: None,
        time_to_first_token_ms: None,
        tokens_per_second: Some(f64::NAN),
        ..meta
    };
    assert_eq!(answer_facts(&bare), "");
}

#[test]
fn names_for_people() {
    let names: Vec<String> = ["openrouter/anthropic/claude-x", "local/a.gguf", "odd"]
        .into_iter()
        .map(|name| model_name(&ModelRef(name.into())))
        .collect();
    assert_eq!(names, ["claude-x", "a.gguf", "odd"]);
    assert_eq!(
        ["current_time", "calculate", ""].map(tool_title),
        ["Current time", "Calculate", "Tool"]
    );
}

#[test]
fn the_object_of_a_call_is_its_first_plain_argument() {
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(200));
    let shown: Vec<String> = [
        r#"{"expression":"2 *\n 21"}"#,
        r#"{"list":[1],"n":7}"#,
        r#"{"expres"#,
        "[]",
        &long,
    ]
    .into_iter()
    .map(tool_object)
    .collect();
    assert_eq!(
        shown,
        [
            "2 * 21".to_owned(),
            "7".into(),
            String::new(),
            String::new(),
            "x".repeat(79) + "…"
        ]
    );
}

#[test]
fn snippets_fall_into_pieces() {
    let pieces = |text: &str| snippet_pieces(text);
    let piece = |is_match: bool, text: &str| (is_match, text.to_owned());
    assert_eq!(
        pieces("a \u{2}hit\u{3} b \u{2}c\u{3}"),
        [
            piece(false, "a "),
            piece(true, "hit"),
            piece(false, " b "),
            piece(true, "c")
        ]
    );
    // A cut that fell into a match leaves it open.
    assert_eq!(pieces("\u{2}half"), [piece(true, "half")]);
    assert_eq!(pieces(""), []);
}

#[test]
fn json_that_does_not_parse_stays() {
    assert_eq!(pretty_json(r#"{"a":1}"#), "{\n  \"a\": 1\n}");
    assert_eq!(pretty_json(r#"{"a":"#), r#"{"a":"#);
}

#[test]
fn counts_and_tokens_at_a_glance() {
    assert_eq!(count(1, "file", "files"), "1 file");
    assert_eq!(count(1204, "file", "files"), "1,204 files");
    let shown: Vec<String> = [0, 640, 1200, 9_999, 128_000, 1_250_000]
        .into_iter()
        .map(tokens)
        .collect();
    assert_eq!(shown, ["0", "640", "1.2k", "10k", "128k", "1.2M"]);
}

#[test]
fn an_undo_is_one_line_that_nothing_hides_in() {
    let files = ["a.txt".to_owned(), "b\u{202e}c".to_owned()];
    assert_eq!(
        undone(false, &files, 1200),
        "You undid changes to a.txt, b⟨U+202E⟩c, 1,200 more. The model is told."
    );
    assert_eq!(
        undone(true, &files[..1], 0),
        "You did the changes again to a.txt. The model is told."
    );
}

#[test]
fn parts_of_a_whole_name_the_unit_once_where_it_is_the_same() {
    assert_eq!(bytes_of(1_400_000_000, 2_500_000_000), "1.4 of 2.5 GB");
    assert_eq!(bytes_of(640_000_000, 2_500_000_000), "640 MB of 2.5 GB");
    assert_eq!(bytes_of(0, 98_000_000), "0 B of 98 MB");
}

#[test]
fn long_waits_are_told_in_minutes() {
    assert_eq!(
        [0, 38, 98, 599, 600, 4000].map(left),
        [
            "1 s left",
            "38 s left",
            "1 min 38 s left",
            "9 min 59 s left",
            "10 min left",
            "1 h 6 min left",
        ]
    );
}

#[test]
fn weights_are_counted_as_models_are_named() {
    assert_eq!(
        [
            134_515_008,
            494_032_768,
            1_543_714_304,
            4_000_000_000,
            70_553_706_496
        ]
        .map(weights),
        ["135M", "494M", "1.5B", "4B", "71B"]
    );
}

#[test]
fn a_download_is_named_without_its_author() {
    let download = Download {
        id: DownloadId(uuid::Uuid::nil()),
        model: "Qwen/Qwen3-4B-GGUF".into(),
        file: "Qwen3-4B-Q4_K_M.gguf".into(),
        label: "Q4_K_M\u{202e}".into(),
        status: DownloadStatus::Queued,
        received: 0,
        total: 1,
        rate: None,
        seconds_left: None,
        trouble: None,
    };
    assert_eq!(download_name(&download), "Qwen3-4B-GGUF Q4_K_M⟨U+202E⟩");
    assert_eq!(hub_name("bare"), ("", "bare"));
}
