//! Tests of [`super`].

use nexus_protocol::{DownloadId, ErrorAction, ErrorCard, ErrorCode, Fit, KnownModel, ModelRef};

use super::*;

fn coming(status: DownloadStatus, received: u64) -> Download {
    Download {
        id: DownloadId(uuid::Uuid::nil()),
        model: "maker/model-GGUF".into(),
        file: "model-Q4_K_M.gguf".into(),
        label: "Q4_K_M".into(),
        status,
        received,
        total: 2_500_000_000,
        rate: None,
        seconds_left: None,
        trouble: None,
    }
}

#[test]
fn paths_are_told_from_questions() {
    let typed = |text: &str| match Typed::of(text) {
        Typed::Nothing => "nothing".to_owned(),
        Typed::Path(path) => format!("path {path}"),
        Typed::Question => "question".to_owned(),
    };
    assert_eq!(
        [
            "  ",
            "qwen 3",
            "Qwen/Qwen3-4B-GGUF",
            "https://huggingface.co/a/b",
            " /models/a b.gguf ",
            "~/a.gguf",
            "\"C:\\Models\\a.gguf\"",
            "c:/a.gguf",
            "\\\\server\\a.gguf",
            "file:///a%20b.gguf",
            "c:a",
            "é:/",
        ]
        .map(typed),
        [
            "nothing",
            "question",
            "question",
            "question",
            "path /models/a b.gguf",
            "path ~/a.gguf",
            "path C:\\Models\\a.gguf",
            "path c:/a.gguf",
            "path \\\\server\\a.gguf",
            "path file:///a%20b.gguf",
            "question",
            "question",
        ]
    );
}

#[test]
fn every_state_of_a_download_has_its_line() {
    let failed = DownloadStatus::Failed {
        error: ErrorCard::new(ErrorCode::Storage, "Full", "Make room.", ErrorAction::Retry),
    };
    let done = DownloadStatus::Done {
        model: ModelRef("local/model".into()),
    };
    let mut fetching = coming(DownloadStatus::Fetching, 1_400_000_000);
    fetching.rate = Some(11_200_000);
    fetching.seconds_left = Some(98);
    let all = [
        coming(DownloadStatus::Queued, 0),
        coming(DownloadStatus::Queued, 640_000_000),
        coming(DownloadStatus::Connecting, 0),
        coming(DownloadStatus::Elsewhere, 640_000_000),
        coming(DownloadStatus::Fetching, 10),
        fetching,
        coming(DownloadStatus::Verifying, 2_500_000_000),
        coming(DownloadStatus::Paused, 640_000_000),
        coming(failed, 640_000_000),
        coming(done, 2_500_000_000),
    ];
    let lines: Vec<String> = all
        .iter()
        .map(|one| format!("{} | {}", download(one), download_short(one)))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    2.5 GB · waits for its turn | Waits
    640 MB of 2.5 GB · waits for its turn | Waits
    0 B of 2.5 GB · connecting | Connecting
    640 MB of 2.5 GB · another Nexus on this machine fetches it | Fetched elsewhere
    10 B of 2.5 GB | 0 %
    1.4 of 2.5 GB · 11 MB/s · 1 min 38 s left | 56 %
    2.5 GB · all here, being checked | Checking
    640 MB of 2.5 GB · paused | Paused at 25 %
    640 MB of 2.5 GB · stopped | Stopped
    2.5 GB · complete and checked | Done
    ");
}

#[test]
fn an_estimate_is_told_line_by_line() {
    let estimate = MemoryEstimate {
        weights: 2_400_000_000,
        embedding: 300_000_000,
        kv_cache: 1_200_000_000,
        context_tokens: 8192,
        base: 150_000_000,
        total: 4_050_000_000,
        free: Some(3_000_000_000),
        freed_by_unloading: 2_000_000_000,
        approximate: true,
    };
    assert_eq!(needs(&estimate), "needs 4.0 GB, 5.0 GB free");
    let lines: Vec<String> = split(&estimate)
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    Weights: 2.4 GB
    Unpacked embedding: 300 MB
    Context of 8,192 tokens: 1.2 GB
    The engine: 150 MB
    Needed, about: 4.0 GB
    Free now: 3.0 GB
    Freed by the model in memory: 2.0 GB
    ");
    let silent = MemoryEstimate {
        free: None,
        embedding: 0,
        ..estimate
    };
    assert_eq!(needs(&silent), "needs 4.0 GB");
    assert_eq!(split(&silent).len(), 4);
}

#[test]
fn a_model_of_the_hub_in_one_line() {
    let mut model = HubModel {
        id: "maker/model".into(),
        downloads: Some(1_234_567),
        likes: Some(340),
        license: Some("apache-2.0".into()),
        skills: ModelSkills {
            tools: true,
            vision: true,
            reasoning: false,
            embedding: false,
        },
        ..HubModel::default()
    };
    assert_eq!(hub_facts(&model), "1.2M downloads · 340 likes · apache-2.0");
    assert_eq!(skills(model.skills), ["tools", "images"]);
    model.downloads = None;
    model.likes = None;
    model.known = Some(KnownModel {
        name: "model".into(),
        title: "Model".into(),
        about: "Good.".into(),
        file: "m.gguf".into(),
        about_bytes: 1,
        parameters: 1_543_714_304,
        context_tokens: 32_768,
        fit: Fit {
            label: FitLabel::Fits,
            reason: String::new(),
            estimate: MemoryEstimate::default(),
        },
        here: None,
    });
    assert_eq!(hub_facts(&model), "1.5B weights · 32k context · apache-2.0");
}

#[test]
fn what_was_measured_is_told_short_and_whole() {
    let whole = Measured {
        load_ms: 1240,
        prompt_tokens_per_second: Some(212.0),
        answer_tokens_per_second: Some(31.2),
        peak_bytes: Some(3_400_000_000),
        backend: "llama".into(),
    };
    assert_eq!(measured_short(&whole), "measured: 31 tok/s · 3.4 GB");
    assert_eq!(
        measured(&whole)
            .into_iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect::<Vec<_>>(),
        [
            "Loads in 1.2 s",
            "Reads 212 tok/s",
            "Writes 31 tok/s",
            "Memory at most 3.4 GB",
            "Engine llama.cpp",
        ]
    );
    let loaded = Measured {
        prompt_tokens_per_second: None,
        answer_tokens_per_second: None,
        peak_bytes: None,
        backend: "mistral".into(),
        ..whole
    };
    assert_eq!(measured_short(&loaded), "measured: loads in 1.2 s");
}

#[test]
fn a_removal_says_what_the_disk_gained() {
    let freed = ModelRemoved {
        bytes_freed: 2_500_000_000,
        still_elsewhere: false,
    };
    assert_eq!(
        removed("Tiny", &freed),
        "Tiny is removed: 2.5 GB are free again"
    );
    let link = ModelRemoved {
        bytes_freed: 0,
        still_elsewhere: true,
    };
    assert_eq!(
        removed("Tiny", &link),
        "Tiny is removed; its file stays where it was"
    );
}
