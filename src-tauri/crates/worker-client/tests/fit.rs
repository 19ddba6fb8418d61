//! What the estimates say beside what the real workers take, over models of many shapes. Needs `NEXUS_WORKER_LLAMA`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test must fail it")]

#[path = "support/models.rs"]
#[expect(dead_code, reason = "other tests write other models")]
mod support;

use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use nexus_llm::ModelEvent;
use nexus_protocol::{ChatMessage, ChatRequest, ModelRef, UserPart};
use nexus_worker_client::{LocalEngine, WorkerOptions, gguf};
use support::model_writer::{self, Kind, Shape};
use support::vocabulary;
use tokio_util::sync::CancellationToken;

/// How far an estimate may be from the truth.
const TOLERANCE: f64 = 0.15;

const fn shape(
    architecture: &'static str,
    layers: u32,
    (width, heads, key_heads): (u32, u32, u32),
    feed_forward: u32,
    (words, tied): (u32, bool),
    weights: Kind,
) -> Shape {
    Shape {
        architecture,
        layers,
        width,
        heads,
        key_heads,
        feed_forward,
        context: 16_384,
        words,
        tied,
        weights,
    }
}

/// Name, shape, context.
fn shapes() -> Vec<(&'static str, Shape, u32)> {
    let all = vec![
        (
            "like SmolLM2-135M, Q8_0",
            shape("llama", 30, (576, 9, 3), 1536, (49_152, true), Kind::Q8_0),
            2048,
        ),
        (
            "the same, Q4_0",
            shape("llama", 30, (576, 9, 3), 1536, (49_152, true), Kind::Q4_0),
            8192,
        ),
        (
            "like Qwen2.5-0.5B, Q4_0",
            shape("qwen2", 24, (896, 14, 2), 4864, (151_936, true), Kind::Q4_0),
            4096,
        ),
        (
            "half of Qwen3-0.6B, Q4_K_M",
            shape(
                "qwen3",
                14,
                (1024, 16, 8),
                3072,
                (151_936, true),
                Kind::Q4KM,
            ),
            4096,
        ),
        (
            "wide and flat, Q4_K",
            shape("llama", 4, (2048, 32, 8), 8192, (32_000, false), Kind::Q4K),
            1024,
        ),
        (
            "16 bits",
            shape("llama", 12, (768, 12, 12), 2048, (32_000, true), Kind::F16),
            2048,
        ),
        (
            "all heads have keys, Q6_K",
            shape(
                "llama",
                10,
                (1280, 20, 20),
                3584,
                (50_000, false),
                Kind::Q6K,
            ),
            4096,
        ),
        (
            "deep, few words, Q8_0",
            shape("llama", 40, (512, 8, 8), 1408, (1024, true), Kind::Q8_0),
            8192,
        ),
        (
            "large words, small context, Q4_K",
            shape("llama", 8, (1024, 16, 4), 2816, (128_256, true), Kind::Q4K),
            512,
        ),
    ];
    if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        return all;
    }
    // One that is repacked and one with a large vocabulary: what went wrong before.
    all.into_iter().skip(1).step_by(4).collect()
}

/// Bytes that a worker took at its peak, with a prompt that fills its batches and an answer.
async fn taken(engine: &LocalEngine, path: &Path, context: u32, scratch: &Path) -> u64 {
    let summary = gguf::inspect(path).unwrap();
    let mut info = summary.model_info(ModelRef::new("local", "fit"), "Fit".to_owned());
    info.context_tokens = Some(context);
    let request = ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text {
                // A token a byte: more than a batch, whatever the context.
                text: "all work and no play ".repeat(context.min(1024) as usize * 3 / 4 / 21),
            }],
        }],
        max_output_tokens: Some(8),
        temperature: Some(0.0),
        ..ChatRequest::default()
    };
    let model = engine.model(path.to_owned(), info);
    let mut stream = model.stream(request, CancellationToken::new());
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event.unwrap());
    }
    assert!(
        matches!(last, Some(ModelEvent::Finished { .. })),
        "{last:?}"
    );
    let peak = peak(scratch).unwrap();
    engine.unload().await;
    peak
}

fn peak(scratch: &Path) -> Option<u64> {
    std::fs::read_dir("/proc").ok()?.find_map(|entry| {
        let process = entry.ok()?.path();
        if !std::fs::read_link(process.join("cwd"))
            .ok()?
            .starts_with(scratch)
        {
            return None;
        }
        let status = std::fs::read_to_string(process.join("status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_estimate_for_llama_is_near_what_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    let program = PathBuf::from(
        std::env::var("NEXUS_WORKER_LLAMA")
            .expect("NEXUS_WORKER_LLAMA must be set for these tests"),
    );
    let mut options = WorkerOptions::new(folder.path().join("none"), scratch.clone());
    options.llama_program = Some(program);
    let engine = LocalEngine::new(options);
    let mut wrong = Vec::new();
    for (name, shape, context) in shapes() {
        let path = folder.path().join("model.gguf");
        let words = vocabulary::of_bytes(shape.words, vocabulary::CHATML);
        model_writer::write(&model_writer::describe(&shape, words), &path).unwrap();
        let taken = taken(&engine, &path, context, &scratch).await;
        let estimate = gguf::inspect(&path).unwrap().estimate_mapped(context);
        let ratio = estimate as f64 / taken as f64;
        println!(
            "{name:34} context {context:5}: {:5} MB taken, {:5} MB estimated, {ratio:.2}",
            taken / 1_000_000,
            estimate / 1_000_000
        );
        if (ratio - 1.0).abs() > TOLERANCE {
            wrong.push(format!("{name}: {ratio:.2}"));
        }
        std::fs::remove_file(&path).unwrap();
    }
    engine.shutdown().await;
    assert!(wrong.is_empty(), "estimated by taken: {wrong:?}");
}
