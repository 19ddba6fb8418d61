//! The real workers with the real starter model. Needs `NEXUS_WORKER` and `NEXUS_WORKER_LLAMA` (the built programs) and
//! `NEXUS_STARTER_MODEL` (the file); where one is missing these tests fail, for a test that is skipped proves nothing.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test must fail it")]

#[path = "real/constrained.rs"]
mod constrained;
#[path = "support/endurance.rs"]
mod endurance;
mod formats;
#[path = "real/kept.rs"]
mod kept;
#[path = "support/model_folder.rs"]
mod model_folder;
#[path = "support/splitter.rs"]
mod splitter;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use constrained::{
    a_limit_within_a_call_is_told, free_text_is_what_it_is_without_tools,
    the_same_seed_gives_the_same_text, tool_calls_are_valid, values_of_a_schema_are_valid,
};
use futures::StreamExt as _;
use nexus_llm::{LocalError, Model, ModelError, ModelEvent};
use nexus_protocol::{
    ChatMessage, ChatRequest, FinishReason, ModelActivity, ModelRef, ToolSpec, Usage, UserPart,
};
use nexus_sandbox::Sandbox;
use nexus_worker_client::{Confinement, LocalEngine, WorkerOptions, gguf, starter};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

fn path_from(name: &str) -> PathBuf {
    PathBuf::from(
        std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set for these tests")),
    )
}

/// The launcher lies beside this test's folder: the same build makes both.
fn launcher() -> PathBuf {
    let name = format!("nexus-sandbox{}", std::env::consts::EXE_SUFFIX);
    let test = std::env::current_exe().unwrap();
    let launcher = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        launcher.is_file(),
        "{} is missing: cargo build -p nexus-sandbox",
        launcher.display()
    );
    launcher
}

/// Each test wants the machine for itself: they measure time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

struct Bench {
    _turn: MutexGuard<'static, ()>,
    engine: LocalEngine,
    model: Arc<dyn Model>,
    path: PathBuf,
    folder: tempfile::TempDir,
    worker: Worker,
}

/// Which of the two programs a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worker {
    Mistral,
    Llama,
}

/// The same tests with both: to the rest of the app there is no difference.
macro_rules! with_both_workers {
    ($($(#[$condition:meta])* $test:ident,)*) => {
        mod mistral {
            use super::*;
            $($(#[$condition])* #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(Bench::new(Worker::Mistral).await).await;
            })*
        }

        mod llama {
            use super::*;
            $($(#[$condition])* #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(Bench::new(Worker::Llama).await).await;
            })*
        }
    };
}

with_both_workers! {
    it_loads_streams_counts_and_remembers,
    an_answer_ends_at_its_limit,
    cancelling_takes_less_than_a_second_and_the_process_stays,
    #[cfg(target_os = "linux")]
    a_killed_worker_is_an_error_and_the_next_request_works,
    a_conversation_too_long_is_told_in_tokens,
    an_answer_that_fills_the_context_ends_by_length,
    with_tools_the_text_stays_free_of_the_templates_marks,
    #[cfg(target_os = "linux")]
    a_worker_touches_only_its_own_folder_and_leaves_nothing_in_it,
    a_damaged_model_is_an_error_and_the_good_one_still_runs,
    tool_calls_are_valid,
    values_of_a_schema_are_valid,
    a_limit_within_a_call_is_told,
    free_text_is_what_it_is_without_tools,
    the_same_seed_gives_the_same_text,
}

impl Bench {
    async fn new(worker: Worker) -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        let path = path_from("NEXUS_STARTER_MODEL");
        let summary = gguf::inspect(&path).unwrap();
        let info = summary.model_info(
            ModelRef::new(ModelRef::LOCAL, starter::STARTER.id),
            starter::STARTER.display_name.to_owned(),
        );
        let folder = tempfile::tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        let mut options = WorkerOptions::new(path_from("NEXUS_WORKER"), scratch);
        // As the app runs them.
        let sandbox = Sandbox::probe(&launcher());
        options.confinement = Confinement::of(Some(&sandbox), false);
        if worker == Worker::Llama {
            options.llama_program = Some(path_from("NEXUS_WORKER_LLAMA"));
        }
        let engine = LocalEngine::new(options);
        let model = engine.model(path.clone(), info);
        Self {
            _turn: turn,
            engine,
            model,
            path,
            folder,
            worker,
        }
    }

    async fn ask(&self, request: ChatRequest) -> Vec<Result<ModelEvent, ModelError>> {
        self.model
            .stream(request, CancellationToken::new())
            .collect()
            .await
    }

    /// The process ids of this engine's workers, found by their scratch folder.
    #[cfg(target_os = "linux")]
    fn workers(&self) -> Vec<u32> {
        let scratch = self.folder.path().join("scratch");
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let home = std::fs::read_link(entry.path().join("cwd")).ok()?;
                home.starts_with(&scratch).then_some(pid)
            })
            .collect()
    }
}

fn said(words: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text {
                text: words.to_owned(),
            }],
        }],
        temperature: Some(0.0),
        ..ChatRequest::default()
    }
}

fn story() -> ChatRequest {
    ChatRequest {
        max_output_tokens: Some(400),
        ..said("Tell me a long story about a lighthouse keeper and a whale.")
    }
}

fn texts(events: &[Result<ModelEvent, ModelError>]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| match event {
            Ok(ModelEvent::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn end(events: &[Result<ModelEvent, ModelError>]) -> (FinishReason, Usage) {
    match events.last() {
        Some(Ok(ModelEvent::Finished {
            reason,
            usage: Some(usage),
        })) => (*reason, *usage),
        other => panic!("it ended with {other:?}"),
    }
}

#[test]
fn the_starter_model_is_the_pinned_one() {
    let path = path_from("NEXUS_STARTER_MODEL");
    assert_eq!(starter::verify(&path), Ok(()));
    let summary = gguf::inspect(&path).unwrap();
    let facts = (
        summary.architecture.as_str(),
        summary.quantization.as_str(),
        summary.context_length,
        summary.parameters,
        summary.has_chat_template,
        summary.call_format,
    );
    assert_eq!(facts, ("llama", "Q4_1", 8192, 134_515_008, true, None));
    let mib = summary.estimate_bytes(2048) >> 20;
    assert!((360..560).contains(&mib), "{mib} MiB");
}

async fn it_loads_streams_counts_and_remembers(bench: Bench) {
    let question = ChatRequest {
        max_output_tokens: Some(48),
        ..said("Write three sentences about the sea.")
    };
    let events = bench.ask(question.clone()).await;
    assert_eq!(
        events[..2],
        [
            Ok(ModelEvent::Activity(ModelActivity::Loading)),
            Ok(ModelEvent::Activity(ModelActivity::Waiting)),
        ]
    );
    let texts = texts(&events);
    let (_, usage) = end(&events);
    assert!(usage.output_tokens > 20, "{usage:?}");
    assert!(usage.output_tokens <= 48, "{usage:?}");
    assert!(texts.len() > 5, "{texts:?}");
    assert!(texts.concat().len() > 60, "{texts:?}");
    assert_eq!(bench.engine.loaded(), Some(bench.path.clone()));

    // What the model says it read is what counting says.
    let counted = bench
        .engine
        .count_tokens(
            bench.path.clone(),
            bench.model.info(),
            question.clone(),
            CancellationToken::new(),
        )
        .await
        .unwrap();
    assert_eq!(u64::from(counted), usage.input_tokens);

    // A second turn, in the same process.
    let mut second = question;
    second.messages.push(ChatMessage::Assistant {
        text: texts.concat(),
        tool_calls: Vec::new(),
    });
    second.messages.push(ChatMessage::User {
        parts: vec![UserPart::Text {
            text: "Thank you. What is the capital of France?".to_owned(),
        }],
    });
    second.max_output_tokens = Some(24);
    let events = bench.ask(second).await;
    assert_eq!(events[0], Ok(ModelEvent::Activity(ModelActivity::Waiting)));
    let answer = self::texts(&events).concat();
    assert!(answer.contains("Paris"), "{answer}");
    bench.engine.shutdown().await;
}

async fn an_answer_ends_at_its_limit(bench: Bench) {
    let events = bench
        .ask(ChatRequest {
            max_output_tokens: Some(7),
            ..story()
        })
        .await;
    let (reason, usage) = end(&events);
    assert_eq!((reason, usage.output_tokens), (FinishReason::Length, 7));
}

async fn cancelling_takes_less_than_a_second_and_the_process_stays(bench: Bench) {
    // Loaded before the clock runs.
    end(&bench
        .ask(ChatRequest {
            max_output_tokens: Some(2),
            ..said("Hi")
        })
        .await);
    #[cfg(target_os = "linux")]
    let before = bench.workers();
    for _ in 0..5 {
        let cancel = CancellationToken::new();
        let mut stream = bench.model.stream(story(), cancel.clone());
        let mut seen = Vec::new();
        while texts(&seen).len() < 5 {
            match stream.next().await {
                Some(Ok(event)) => seen.push(Ok(event)),
                other => panic!("{other:?} after {seen:?}"),
            }
        }
        cancel.cancel();
        let start = Instant::now();
        assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
        let events = bench
            .ask(ChatRequest {
                max_output_tokens: Some(3),
                ..said("Hello")
            })
            .await;
        assert_eq!(
            events[0],
            Ok(ModelEvent::Activity(ModelActivity::Waiting)),
            "it was loaded anew"
        );
        end(&events);
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
    }
    #[cfg(target_os = "linux")]
    assert_eq!(bench.workers(), before);
}

#[cfg(target_os = "linux")]
async fn a_killed_worker_is_an_error_and_the_next_request_works(bench: Bench) {
    for _ in 0..2 {
        let mut stream = bench.model.stream(story(), CancellationToken::new());
        let mut pieces = 0;
        let mut last = None;
        while let Some(event) = stream.next().await {
            if matches!(event, Ok(ModelEvent::Text(_))) {
                pieces += 1;
                if pieces == 3 {
                    for pid in bench.workers() {
                        let status = std::process::Command::new("kill")
                            .args(["-9", &pid.to_string()])
                            .status();
                        assert!(status.unwrap().success());
                    }
                }
            }
            last = Some(event);
        }
        assert!(
            matches!(
                &last,
                Some(Err(ModelError::Local(LocalError::WorkerDied { reason, .. }))) if reason.starts_with("It was killed (signal 9)")
            ),
            "{last:?}"
        );
        let start = Instant::now();
        let events = bench
            .ask(ChatRequest {
                max_output_tokens: Some(3),
                ..said("Hello")
            })
            .await;
        end(&events);
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(bench.workers().len(), 1);
    }
    bench.engine.shutdown().await;
    assert_eq!(bench.workers(), Vec::<u32>::new());
}

async fn a_conversation_too_long_is_told_in_tokens(bench: Bench) {
    let events = bench.ask(said(&"whale ".repeat(9000))).await;
    match events.last() {
        Some(Err(ModelError::ContextOverflow { needed, limit })) => {
            assert_eq!(*limit, 8192);
            assert!((9000..10_000).contains(needed), "{needed}");
        }
        other => panic!("it ended with {other:?}"),
    }
    // The worker is as it was.
    let events = bench
        .ask(ChatRequest {
            max_output_tokens: Some(3),
            ..said("Hello")
        })
        .await;
    assert_eq!(events[0], Ok(ModelEvent::Activity(ModelActivity::Waiting)));
    end(&events);
}

async fn an_answer_that_fills_the_context_ends_by_length(bench: Bench) {
    let mut info = bench.model.info().clone();
    info.context_tokens = Some(512);
    let model = bench.engine.model(bench.path.clone(), info);
    let words = "Repeat the word whale for ever. ".repeat(55);
    let events: Vec<_> = model
        .stream(said(&words), CancellationToken::new())
        .collect()
        .await;
    let (_, usage) = end(&events);
    assert!(usage.input_tokens + usage.output_tokens <= 512, "{usage:?}");
}

async fn with_tools_the_text_stays_free_of_the_templates_marks(bench: Bench) {
    let mut info = bench.model.info().clone();
    // Its template ignores tools, but the engine takes another path where there are some.
    info.tools = true;
    let model = bench.engine.model(bench.path.clone(), info);
    let request = ChatRequest {
        tools: vec![ToolSpec {
            name: "current_time".to_owned(),
            description: "Tells the time.".to_owned(),
            parameters: serde_json::json!({"type": "object", "properties": {}}),
        }],
        max_output_tokens: Some(60),
        ..said("What is 2+2?")
    };
    let events: Vec<_> = model
        .stream(request, CancellationToken::new())
        .collect()
        .await;
    let (reason, usage) = end(&events);
    let text = texts(&events).concat();
    assert_eq!(reason, FinishReason::Stop, "{text}");
    assert!(usage.output_tokens > 1, "{text}");
    assert!(!text.contains("<|") && !text.is_empty(), "{text}");
}

#[cfg(target_os = "linux")]
async fn a_worker_touches_only_its_own_folder_and_leaves_nothing_in_it(bench: Bench) {
    end(&bench
        .ask(ChatRequest {
            max_output_tokens: Some(3),
            ..said("Hello")
        })
        .await);
    let pid = bench.workers()[0];
    let status = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    // The launcher's word, above the worker's own 500.
    assert_eq!(status.trim(), "1000");
    // No socket at all: nothing was ever connected.
    let sockets: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .collect();
    // The runtime's own pair for signals may be there; it leads nowhere.
    let tables = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    for socket in sockets {
        let inode = socket
            .to_string_lossy()
            .trim_start_matches("socket:[")
            .trim_end_matches(']')
            .to_owned();
        assert!(!tables.contains(&inode), "a TCP socket: {socket:?}");
    }
    bench.engine.unload().await;
    let scratch = bench.folder.path().join("scratch");
    let left: Vec<_> = std::fs::read_dir(&scratch)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}

async fn a_damaged_model_is_an_error_and_the_good_one_still_runs(bench: Bench) {
    let bytes = std::fs::read(&bench.path).unwrap();
    // A sound header, but one of the weights has a name that no engine looks for.
    let name = b"blk.0.ffn_norm.weight";
    let at = bytes
        .windows(name.len())
        .position(|window| window == name)
        .unwrap();
    let mut damaged = bytes;
    damaged[at] = b'B';
    let path = bench.folder.path().join("damaged.gguf");
    std::fs::write(&path, damaged).unwrap();
    let broken = bench.engine.model(path.clone(), bench.model.info().clone());
    let events: Vec<_> = broken
        .stream(said("Hello"), CancellationToken::new())
        .collect()
        .await;
    match events.last() {
        Some(Err(ModelError::Local(LocalError::NotGguf {
            path: named,
            reason,
        }))) => {
            assert_eq!(*named, path.display().to_string());
            assert!(reason.starts_with("the engine refused it: "), "{reason}");
        }
        other => panic!("it ended with {other:?}"),
    }
    end(&bench
        .ask(ChatRequest {
            max_output_tokens: Some(3),
            ..said("Hello")
        })
        .await);
}

/// Asks, and gives the text and what it took.
async fn answer(bench: &Bench, request: &ChatRequest) -> (String, Usage) {
    let events = bench.ask(request.clone()).await;
    (texts(&events).concat(), end(&events).1)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn where_both_programs_are_there_llama_runs_it() {
    let bench = Bench::new(Worker::Llama).await;
    end(&bench
        .ask(ChatRequest {
            max_output_tokens: Some(1),
            ..said("Hello")
        })
        .await);
    let program = std::fs::read_link(format!("/proc/{}/exe", bench.workers()[0])).unwrap();
    let named = path_from("NEXUS_WORKER_LLAMA").canonicalize().unwrap();
    assert_eq!(program, named);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_in_several_files_says_what_the_whole_one_says() {
    let bench = Bench::new(Worker::Llama).await;
    let request = ChatRequest {
        max_output_tokens: Some(16),
        ..said("What is the capital of France?")
    };
    let (whole, _) = answer(&bench, &request).await;
    // What only lies beside it must not matter; where the sandbox works, it cannot even be seen.
    let folder = bench.folder.path().join("split");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("tokenizer.json"), "{").unwrap();
    std::fs::write(folder.join("chat_template.jinja"), "{{ nonsense").unwrap();
    let parts = splitter::split(&bench.path, &folder, 3);
    let summary = gguf::inspect(&parts[0]).unwrap();
    let starter = gguf::inspect(&bench.path).unwrap();
    assert_eq!((summary.parts, summary.parameters), (3, starter.parameters));
    let model = bench
        .engine
        .model(parts[0].clone(), bench.model.info().clone());
    let events: Vec<_> = model
        .stream(request, CancellationToken::new())
        .collect()
        .await;
    assert_eq!(texts(&events).concat(), whole);
    assert!(whole.split_whitespace().count() > 1, "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_a_model_changes_nothing_for_mistral() {
    let bench = Bench::new(Worker::Mistral).await;
    let request = ChatRequest {
        max_output_tokens: Some(8),
        ..said("What is the capital of France?")
    };
    let (alone, _) = answer(&bench, &request).await;
    let folder = bench.folder.path().join("beside");
    std::fs::create_dir(&folder).unwrap();
    for name in [
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    ] {
        std::fs::write(folder.join(name), "{{ nonsense").unwrap();
    }
    let path = folder.join("m.gguf");
    std::fs::copy(&bench.path, &path).unwrap();
    let model = bench.engine.model(path, bench.model.info().clone());
    let events: Vec<_> = model
        .stream(request, CancellationToken::new())
        .collect()
        .await;
    assert_eq!(texts(&events).concat(), alone);
}

#[tokio::test(flavor = "multi_thread")]
async fn llama_stops_within_a_prompt() {
    let bench = Bench::new(Worker::Llama).await;
    end(&bench
        .ask(ChatRequest {
            max_output_tokens: Some(1),
            ..said("Hi")
        })
        .await);
    #[cfg(target_os = "linux")]
    let before = bench.workers();
    let cancel = CancellationToken::new();
    let long = said(&"The whale went round the lighthouse. ".repeat(800));
    let mut stream = bench.model.stream(long, cancel.clone());
    assert_eq!(
        stream.next().await,
        Some(Ok(ModelEvent::Activity(ModelActivity::Waiting)))
    );
    cancel.cancel();
    let start = Instant::now();
    assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
    let events = bench
        .ask(ChatRequest {
            max_output_tokens: Some(3),
            ..said("Hello")
        })
        .await;
    // A worker that could not stop would have been ended, and this one loaded.
    assert_eq!(events[0], Ok(ModelEvent::Activity(ModelActivity::Waiting)));
    end(&events);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    #[cfg(target_os = "linux")]
    assert_eq!(bench.workers(), before);
}
