//! What a worker takes, seen from outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::TryStreamExt as _;
use nexus_llm::ModelEvent;
use nexus_protocol::{ChatMessage, ChatRequest, ModelInfo, ToolSpec, UserPart};
use nexus_worker_client::{MemoryGauge, MemoryReading};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Bench;

/// How far an estimate may be from the truth.
const TOLERANCE: f64 = 0.15;

/// Lets a model answer as [`ask`] does. Gives the bytes that its worker had in RAM at most, what it maps of files among them.
pub async fn taken(bench: &Bench, path: &Path, info: ModelInfo, filled: u32) -> u64 {
    ask(bench, path, info, filled).await;
    let most = bytes(&worker(&bench.scratch()).unwrap(), "VmHWM:").unwrap();
    bench.engine.unload().await;
    most
}

/// Lets a model read a prompt that fills all but a few of `filled` tokens of its context, and answer.
pub async fn ask(bench: &Bench, path: &Path, info: ModelInfo, filled: u32) {
    let request = ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text { text: text(filled) }],
        }],
        max_output_tokens: Some(8),
        tools: vec![tool()],
        temperature: Some(0.0),
        ..ChatRequest::default()
    };
    let model = bench.engine.model(path.to_owned(), info);
    let stream = model.stream(request, CancellationToken::new());
    let last = stream.try_collect::<Vec<_>>().await.unwrap().pop();
    let Some(ModelEvent::Finished {
        usage: Some(usage), ..
    }) = last
    else {
        panic!("it ended with {last:?}");
    };
    let read = usage.input_tokens;
    assert!(
        read > u64::from(filled) * 8 / 10,
        "the prompt has {read} tokens of {filled}"
    );
}

/// A text that fills a context of `filled` tokens, but for a template and an answer: a token a byte.
pub fn text(filled: u32) -> String {
    const SENTENCE: &str = "all work and no play ";
    const SPARE: usize = 48;
    SENTENCE.repeat((filled as usize - SPARE) / SENTENCE.len())
}

/// Looks all the time at what a worker has for itself. What it maps of a model's files meanwhile is left out: it only reads
/// that, and the system takes it back when it is short of memory.
pub struct Watch {
    most: Arc<AtomicU64>,
    scratch: PathBuf,
}

impl Watch {
    /// Begins to look for one that works below `scratch`. Ends with it.
    pub fn start(scratch: &Path) -> Self {
        const PAUSE: Duration = Duration::from_millis(2);
        let most = Arc::new(AtomicU64::new(0));
        let (seen, below) = (Arc::downgrade(&most), scratch.to_owned());
        std::thread::spawn(move || {
            let mut process = None;
            while let Some(most) = seen.upgrade() {
                process = process.or_else(|| worker(&below));
                if let Some(own) = process.as_deref().and_then(|it| bytes(it, "RssAnon:")) {
                    most.fetch_max(own, Ordering::Relaxed);
                }
                std::thread::sleep(PAUSE);
            }
        });
        Self {
            most,
            scratch: scratch.to_owned(),
        }
    }

    /// The most that it had at once, and its program.
    pub fn most(&self) -> u64 {
        let program = bytes(&worker(&self.scratch).unwrap(), "RssFile:").unwrap();
        self.most.load(Ordering::Relaxed) + program
    }
}

/// Memory as large as is promised to be enough with this estimate, and no larger.
pub fn just_enough(estimate: u64) -> MemoryGauge {
    let available = Some(estimate + estimate / 100 * 15);
    MemoryGauge::new(move || MemoryReading {
        available,
        ..MemoryReading::default()
    })
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
fn bytes(process: &Path, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
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

/// What was estimated beside what was taken, of all models that were tried.
#[derive(Default)]
pub struct Table {
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    /// Adds a row, and prints it.
    #[expect(clippy::print_stdout, reason = "the table is for people")]
    pub fn add(&mut self, name: &str, context: u32, taken: u64, estimated: u64) {
        let ratio = estimated as f64 / taken as f64;
        println!(
            "{name:36} context {context:5}: {:5} MB taken, {:5} MB estimated, {ratio:.2}",
            taken / 1_000_000,
            estimated / 1_000_000
        );
        self.rows += 1;
        if (ratio - 1.0).abs() > TOLERANCE {
            self.wrong.push(format!("{name}: {ratio:.2}"));
        }
    }

    /// Fails where one was too far from the truth, once all were tried.
    pub fn judge(self) {
        assert!(self.rows > 0, "nothing was tried");
        assert!(self.wrong.is_empty(), "{:?}", self.wrong);
    }
}
