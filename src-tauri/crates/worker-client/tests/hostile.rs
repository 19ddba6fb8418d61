//! The real workers with files and templates that want to break them: each loads or ends in a typed error that a person can
//! read, soon, and the next model runs. Needs `NEXUS_WORKER` and `NEXUS_WORKER_LLAMA`; no model but those written here.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test must fail it")]
#![expect(clippy::print_stdout, reason = "the outcomes are a report for people")]

#[path = "support/models.rs"]
#[expect(dead_code, reason = "other tests write other models")]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_llm::{LocalError, ModelError, ModelEvent};
use nexus_protocol::{ChatMessage, ChatRequest, ModelRef, UserPart};
use nexus_worker_client::{LocalEngine, WorkerOptions, gguf};
use support::gguf_builder::Gguf;
use support::{hostile_models, hostile_templates, model_writer};
use tokio_util::sync::CancellationToken;

/// What the promise says, and what a loaded machine of a builder may add.
const PROMISED: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(8);

struct Bench {
    folder: tempfile::TempDir,
    engine: LocalEngine,
    outcomes: BTreeMap<&'static str, Vec<String>>,
    slowest: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worker {
    Mistral,
    Llama,
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(
        std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set for these tests")),
    )
}

impl Bench {
    fn new(worker: Worker) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        // The other program is not there: what one engine refuses would be tried with the other.
        let mistral = match worker {
            Worker::Mistral => program("NEXUS_WORKER"),
            Worker::Llama => folder.path().join("none"),
        };
        let mut options = WorkerOptions::new(mistral, scratch);
        if worker == Worker::Llama {
            options.llama_program = Some(program("NEXUS_WORKER_LLAMA"));
        }
        Self {
            engine: LocalEngine::new(options),
            folder,
            outcomes: BTreeMap::new(),
            slowest: Duration::ZERO,
        }
    }

    /// Asks the model in a file for two words; what came of it.
    async fn ask(&self, path: &Path) -> Result<(), ModelError> {
        let summary = gguf::inspect(path).map_err(ModelError::Local)?;
        let info = summary.model_info(ModelRef::new("local", "hostile"), "Hostile".to_owned());
        let request = ChatRequest {
            messages: vec![ChatMessage::User {
                parts: vec![UserPart::Text {
                    text: "Hello, who are you?".to_owned(),
                }],
            }],
            max_output_tokens: Some(2),
            temperature: Some(0.0),
            ..ChatRequest::default()
        };
        let model = self.engine.model(path.to_owned(), info);
        let mut stream = model.stream(request, CancellationToken::new());
        let mut last = None;
        while let Some(event) = stream.next().await {
            last = Some(event?);
        }
        assert!(
            matches!(last, Some(ModelEvent::Finished { .. })),
            "{last:?}"
        );
        Ok(())
    }

    /// The same, and holds the outcome to what is promised.
    async fn judge(&mut self, name: &str, file: &Gguf) {
        let path = self.folder.path().join(format!("{name}.gguf"));
        model_writer::write(file, &path).unwrap();
        let start = Instant::now();
        let outcome = self.ask(&path).await;
        let took = start.elapsed();
        self.slowest = self.slowest.max(took);
        assert!(took < PROMISED + SLACK, "{name} took {took:?}");
        let (kind, words) = match outcome {
            Ok(()) => ("runs", String::new()),
            Err(ModelError::Local(error)) => {
                let kind = match &error {
                    LocalError::NotGguf { .. } => "refused",
                    LocalError::WorkerDied { .. } => "worker ended",
                    LocalError::TooBig { .. } => "too big",
                    other => panic!("{name} ended in {other:?}"),
                };
                (kind, error.to_string())
            }
            Err(
                error @ (ModelError::ContextOverflow { .. } | ModelError::RequestRefused { .. }),
            ) => ("refused", error.to_string()),
            Err(other) => panic!("{name} ended in {other:?}"),
        };
        let is_readable =
            words.len() < 1000 && !words.contains("0x") && !words.contains("RUST_BACKTRACE");
        assert!(is_readable, "{name}: {words}");
        println!("{:5} ms  {kind:13} {name}: {words}", took.as_millis());
        self.outcomes.entry(kind).or_default().push(name.to_owned());
    }

    /// Nothing of it did any harm.
    async fn end(self, cases: usize) {
        let path = self.folder.path().join("sound.gguf");
        model_writer::write(&hostile_models::sound(), &path).unwrap();
        self.ask(&path).await.unwrap();
        self.engine.shutdown().await;
        let counts: Vec<_> = self
            .outcomes
            .iter()
            .map(|(kind, all)| format!("{} {kind}", all.len()))
            .collect();
        println!(
            "{cases} cases: {}; the slowest took {:?}",
            counts.join(", "),
            self.slowest
        );
        assert_eq!(self.outcomes.values().map(Vec::len).sum::<usize>(), cases);
    }
}

async fn broken_models(worker: Worker) {
    let mut bench = Bench::new(worker);
    let mut table = hostile_models::table();
    if worker == Worker::Mistral {
        // It reckons a table of all positions that the file claims, which takes a minute: the parent's patience ends that, not
        // an error within seconds.
        table.retain(|(name, _)| *name != "a context without end");
    }
    let cases = table.len();
    for (name, file) in table {
        bench.judge(name, &file).await;
    }
    bench.end(cases).await;
}

async fn hostile_templates(worker: Worker) {
    let mut bench = Bench::new(worker);
    let deep = hostile_templates::deep();
    let all: Vec<_> = hostile_templates::TEMPLATES
        .into_iter()
        .chain(deep.iter().map(|(name, source)| (*name, source.as_str())))
        .collect();
    assert!(all.len() >= 25);
    for (name, source) in &all {
        bench
            .judge(name, &hostile_models::with_template(source))
            .await;
    }
    bench.end(all.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_models_in_llama() {
    broken_models(Worker::Llama).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_models_in_mistral() {
    broken_models(Worker::Mistral).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_templates_in_llama() {
    hostile_templates(Worker::Llama).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_templates_in_mistral() {
    hostile_templates(Worker::Mistral).await;
}
