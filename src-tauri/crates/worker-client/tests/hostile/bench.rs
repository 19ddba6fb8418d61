//! One engine with one real worker, and what becomes of files that it is given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_llm::{LocalError, ModelError, ModelEvent, WorkerDeath};
use nexus_protocol::{ChatMessage, ChatRequest, ModelRef, UserPart};
use nexus_worker_client::{LocalEngine, WorkerOptions, gguf};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use crate::support::gguf_builder::Gguf;
use crate::support::{hostile_models, model_writer};

/// What the promise says of a file that is refused.
const PROMISED: Duration = Duration::from_secs(2);

/// Tests measure times, and the engines use all cores.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    Mistral,
    Llama,
    /// As in the app: what the one refuses is tried with the other.
    Both,
}

/// How it ended, and in whose words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ran,
    Refused(String),
    TooBig(String),
    Died(WorkerDeath, String),
}

impl Outcome {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Refused(_) => "refused",
            Self::TooBig(_) => "too big",
            Self::Died(WorkerDeath::Template, _) => "template",
            Self::Died(..) => "died",
        }
    }

    pub fn words(&self) -> &str {
        match self {
            Self::Ran => "",
            Self::Refused(words) | Self::TooBig(words) | Self::Died(_, words) => words,
        }
    }
}

pub struct Bench {
    _turn: MutexGuard<'static, ()>,
    folder: tempfile::TempDir,
    engine: LocalEngine,
    files: usize,
    pub outcomes: BTreeMap<&'static str, usize>,
    /// What a sound model takes here and now: the start of its worker, its load and two words.
    sound: Duration,
    slowest: Duration,
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(
        std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set for these tests")),
    )
}

impl Bench {
    pub async fn new(worker: Worker) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        let mistral = match worker {
            Worker::Mistral | Worker::Both => program("NEXUS_WORKER"),
            Worker::Llama => folder.path().join("none"),
        };
        let mut options = WorkerOptions::new(mistral, scratch);
        if worker != Worker::Mistral {
            options.llama_program = Some(program("NEXUS_WORKER_LLAMA"));
        }
        let mut bench = Self {
            _turn: turn,
            engine: LocalEngine::new(options),
            folder,
            files: 0,
            outcomes: BTreeMap::new(),
            sound: Duration::ZERO,
            slowest: Duration::ZERO,
        };
        // The first start also asks the program what it is, and brings it from the disk.
        for _ in 0..3 {
            bench.sound = bench.time_sound().await;
        }
        bench
    }

    /// Runs a sound model, for nothing may keep it from that, and says how long it took.
    async fn time_sound(&mut self) -> Duration {
        let path = self.path();
        model_writer::write(&hostile_models::sound(), &path).unwrap();
        let start = Instant::now();
        let outcome = self.ask(&path).await.unwrap();
        let took = start.elapsed();
        assert_eq!(outcome, Outcome::Ran);
        std::fs::remove_file(path).unwrap();
        took
    }

    /// Where no file was: three deaths on one path give it up.
    fn path(&mut self) -> PathBuf {
        self.files += 1;
        self.folder.path().join(format!("{}.gguf", self.files))
    }

    /// Asks the model in a file for two words; what came of it, or an error that should not be.
    async fn ask(&self, path: &Path) -> Result<Outcome, String> {
        match self.events(path).await {
            Ok(Some(ModelEvent::Finished { .. })) => Ok(Outcome::Ran),
            Ok(other) => Err(format!("it ended with {other:?}")),
            Err(ModelError::Local(error)) => {
                let words = error.to_string();
                Ok(match error {
                    LocalError::NotGguf { .. }
                    | LocalError::UnsupportedArchitecture { .. }
                    | LocalError::UnsupportedQuantization { .. } => Outcome::Refused(words),
                    LocalError::WorkerDied { cause, .. } => Outcome::Died(cause, words),
                    LocalError::TooBig { .. } => Outcome::TooBig(words),
                    other => return Err(format!("it ended in {other:?}")),
                })
            }
            Err(
                error @ (ModelError::ContextOverflow { .. } | ModelError::RequestRefused { .. }),
            ) => Ok(Outcome::Refused(error.to_string())),
            Err(other) => Err(format!("it ended in {other:?}")),
        }
    }

    async fn events(&self, path: &Path) -> Result<Option<ModelEvent>, ModelError> {
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
        Ok(last)
    }

    /// Writes a file, tries it, and holds the outcome to what is promised.
    pub async fn judge(&mut self, name: &str, file: &Gguf) -> Outcome {
        let mut bytes = Vec::new();
        model_writer::write_to(file, &mut bytes).unwrap();
        self.judge_bytes(name, &bytes).await
    }

    pub async fn judge_bytes(&mut self, name: &str, bytes: &[u8]) -> Outcome {
        let path = self.path();
        std::fs::write(&path, bytes).unwrap();
        let start = Instant::now();
        let outcome = self.ask(&path).await;
        let took = start.elapsed();
        let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        let words = outcome.words();
        println!(
            "{:5} ms  {:8} {name}: {words}",
            took.as_millis(),
            outcome.kind()
        );
        let is_readable =
            words.len() < 1000 && !words.contains("0x") && !words.contains("RUST_BACKTRACE");
        assert!(is_readable, "{name}: {words}");
        self.hold_to_promise(name, took).await;
        *self.outcomes.entry(outcome.kind()).or_default() += 1;
        std::fs::remove_file(path).unwrap();
        outcome
    }

    /// The promise is of a machine that does nothing else. Here something else may run: so much as a sound model is slower at the
    /// same time, this may be.
    async fn hold_to_promise(&mut self, name: &str, took: Duration) {
        self.slowest = self.slowest.max(took);
        if took <= PROMISED {
            return;
        }
        let now = self.time_sound().await;
        println!("a sound model took {:?} and takes {now:?}", self.sound);
        assert!(
            took <= PROMISED + now.max(self.sound),
            "{name} took {took:?}, a sound model {now:?}"
        );
    }

    /// Nothing of it did any harm. Says what came of all.
    pub async fn end(mut self, cases: usize) {
        let sound = self.time_sound().await;
        self.engine.shutdown().await;
        println!(
            "{cases} cases: {:?}; the slowest took {:?}, a sound model {:?} before and {sound:?} after",
            self.outcomes, self.slowest, self.sound
        );
        assert_eq!(self.outcomes.values().sum::<usize>(), cases);
    }

    /// As [`Self::end`], in between.
    pub async fn check(&mut self) {
        self.time_sound().await;
    }
}
