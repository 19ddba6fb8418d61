//! What a worker takes, seen from outside.

use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use nexus_llm::ModelEvent;
use nexus_protocol::{ChatMessage, ChatRequest, ModelInfo, ToolSpec, UserPart};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Bench;
use crate::shapes::Case;

/// How far an estimate may be from the truth.
const TOLERANCE: f64 = 0.15;

/// Lets a model read a prompt that fills nine tenths of `filled` tokens of its context, and answer. Gives the bytes that it had
/// in RAM at most, what it maps of files among them.
pub async fn taken(bench: &Bench, path: &Path, info: ModelInfo, filled: u32) -> u64 {
    const SENTENCE: &str = "all work and no play ";
    let filled = filled as usize;
    let request = ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text {
                // A token a byte.
                text: SENTENCE.repeat(filled * 9 / 10 / SENTENCE.len()),
            }],
        }],
        max_output_tokens: Some(8),
        tools: vec![tool()],
        temperature: Some(0.0),
        ..ChatRequest::default()
    };
    let model = bench.engine.model(path.to_owned(), info);
    let mut stream = model.stream(request, CancellationToken::new());
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event.unwrap());
    }
    let Some(ModelEvent::Finished {
        usage: Some(usage), ..
    }) = last
    else {
        panic!("it ended with {last:?}");
    };
    assert!(
        usage.input_tokens > filled as u64 * 8 / 10,
        "the prompt has {} tokens of {filled}",
        usage.input_tokens
    );
    let most = most_resident(&worker(&bench.scratch()).unwrap()).unwrap();
    bench.engine.unload().await;
    most
}

/// An agent always has some.
fn tool() -> ToolSpec {
    ToolSpec {
        name: "read_file".to_owned(),
        description: "Reads a file.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "path": { "type": "string" }, "lines": { "type": "integer" } },
            "required": ["path"],
        }),
    }
}

/// Bytes, as Linux tells them of a process.
fn most_resident(process: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib = line.trim().strip_suffix("kB")?.trim();
    Some(kib.parse::<u64>().ok()? * 1024)
}

/// The process that works in a folder below `scratch`.
fn worker(scratch: &Path) -> Option<PathBuf> {
    std::fs::read_dir("/proc").ok()?.find_map(|entry| {
        let process = entry.ok()?.path();
        let folder = std::fs::read_link(process.join("cwd")).ok()?;
        folder.starts_with(scratch).then_some(process)
    })
}

/// Holds what was estimated against what was taken.
#[expect(clippy::print_stdout, reason = "the table is for people")]
pub fn judge(case: &Case, taken: u64, estimated: u64) {
    let ratio = estimated as f64 / taken as f64;
    println!(
        "{:36} context {:5}: {:5} MB taken, {:5} MB estimated, {ratio:.2}",
        case.name,
        case.context,
        taken / 1_000_000,
        estimated / 1_000_000
    );
    assert!(
        (ratio - 1.0).abs() <= TOLERANCE,
        "{}: {ratio:.2}",
        case.name
    );
}
