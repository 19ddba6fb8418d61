//! The engine against a worker that dies, hangs, lies and floods: every call ends, with a typed error, and the next works.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test must fail it")]

#[path = "support/bad_input.rs"]
mod bad_input;
#[path = "../../gguf/tests/support/gguf_builder.rs"]
#[expect(dead_code, reason = "these tests need sound files only")]
mod gguf_builder;
#[path = "support/lifecycle.rs"]
mod lifecycle;
#[path = "support/requests.rs"]
mod requests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_llm::{LocalError, Model, ModelError, ModelEvent, WorkerDeath};
use nexus_protocol::{
    ChatMessage, ChatRequest, FinishReason, ModelActivity, ModelInfo, ModelPlace, ModelRef,
    ToolSpec, Usage, UserPart,
};
use nexus_worker_client::{Limits, LocalEngine, MemoryGauge, MemoryReading, WorkerOptions};
use tokio_util::sync::CancellationToken;

/// Free on every machine that these tests run on, as they say.
const MEMORY: u64 = 8 << 30;

struct Bench {
    folder: tempfile::TempDir,
    engine: LocalEngine,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut WorkerOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_nexus-fake-worker"));
        let mut options = WorkerOptions::new(program, folder.path().join("scratch"));
        options.threads = Some(3);
        options.memory = MemoryGauge::new(|| MemoryReading {
            available: Some(MEMORY),
            ..MemoryReading::default()
        });
        options.limits = Limits {
            load: Duration::from_secs(30),
            cancel_grace: Duration::from_millis(300),
            // The machine that runs the tests may be busy: patience that is not under test is long.
            ..Limits::default()
        };
        change(&mut options);
        Self {
            engine: LocalEngine::new(options),
            folder,
        }
    }

    fn file(&self, stem: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{stem}.gguf"));
        if !path.exists() {
            std::fs::write(&path, gguf_builder::tiny().bytes()).unwrap();
        }
        path
    }

    fn model(&self, stem: &str) -> Arc<dyn Model> {
        self.engine.model(self.file(stem), info(false))
    }

    async fn ask(&self, stem: &str, words: &str) -> Vec<Result<ModelEvent, ModelError>> {
        let never = CancellationToken::new();
        self.model(stem).stream(said(words), never).collect().await
    }

    /// The text of an answer that must end well.
    async fn answer(&self, stem: &str, words: &str) -> String {
        let events = self.ask(stem, words).await;
        assert!(
            matches!(events.last(), Some(Ok(ModelEvent::Finished { .. }))),
            "{events:?}"
        );
        text(&events)
    }

    async fn fails(&self, stem: &str, words: &str) -> ModelError {
        let mut events = self.ask(stem, words).await;
        match events.pop() {
            Some(Err(error)) => {
                assert!(events.iter().all(Result::is_ok), "{events:?}");
                error
            }
            other => panic!("no error at the end: {events:?} {other:?}"),
        }
    }

    async fn still_works(&self) {
        assert_eq!(self.answer("good", "hello").await, "You said: hello");
    }

    /// The process id of the worker, by its own word.
    async fn pid(&self) -> u32 {
        self.answer("good", "pid").await.parse().unwrap()
    }
}

fn info(tools: bool) -> ModelInfo {
    ModelInfo {
        model: ModelRef::new("local", "test"),
        display_name: "Test".to_owned(),
        place: ModelPlace::ThisMachine,
        context_tokens: Some(512),
        max_output_tokens: None,
        tools,
        images: false,
        pricing: None,
        file_bytes: None,
        quantization: None,
    }
}

fn said(words: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::User {
            parts: vec![UserPart::Text {
                text: words.to_owned(),
            }],
        }],
        ..ChatRequest::default()
    }
}

fn text(events: &[Result<ModelEvent, ModelError>]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            Ok(ModelEvent::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn died(cause: WorkerDeath, reason: &str) -> ModelError {
    ModelError::Local(LocalError::WorkerDied {
        cause,
        reason: reason.to_owned(),
    })
}

const ABORTED: WorkerDeath = WorkerDeath::Crashed { signal: 6 };
const EXITED: WorkerDeath = WorkerDeath::Exited { code: 3 };
const MISBEHAVED: WorkerDeath = WorkerDeath::Misbehaved;

fn loading() -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Activity(ModelActivity::Loading))
}

fn waiting() -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Activity(ModelActivity::Waiting))
}

fn finished(reason: FinishReason) -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Finished {
        reason,
        usage: Some(Usage {
            input_tokens: 4,
            output_tokens: 2,
            cost_usd: Some(0.0),
            ..Usage::default()
        }),
    })
}

fn says(text: &str) -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Text(text.to_owned()))
}

/// Whether a process is there, zombies apart.
#[cfg(target_os = "linux")]
fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

#[cfg(target_os = "linux")]
async fn ends(pid: u32) {
    let start = Instant::now();
    while lives(pid) {
        assert!(start.elapsed() < Duration::from_secs(10), "{pid} lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_answer_is_a_stream_and_loading_is_told_once() {
    let bench = Bench::new();
    assert_eq!(bench.engine.loaded(), None);
    assert_eq!(
        bench.ask("good", "hello").await,
        vec![
            loading(),
            waiting(),
            says("You said: "),
            says("hello"),
            finished(FinishReason::Stop),
        ]
    );
    assert_eq!(bench.engine.loaded(), Some(bench.file("good")));
    assert_eq!(
        bench.ask("good", "think").await,
        vec![
            waiting(),
            Ok(ModelEvent::Thinking("hm".to_owned())),
            finished(FinishReason::Stop),
        ]
    );
}

#[tokio::test]
async fn nothing_happens_before_the_stream_is_polled() {
    let bench = Bench::new();
    let stream = bench
        .model("good")
        .stream(said("hello"), CancellationToken::new());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.engine.loaded(), None);
    drop(stream);
}

#[tokio::test]
async fn every_misdeed_of_a_worker_is_a_typed_error_and_the_next_request_works() {
    let out_of_turn = "It answered out of turn: text.";
    for (words, error) in [
        (
            "die",
            died(
                WorkerDeath::OutOfMemory {
                    limit: Some(MEMORY),
                },
                "It ran out of memory. Its last words: memory allocation of 99 bytes failed.",
            ),
        ),
        ("kill", died(ABORTED, "It aborted (signal 6).")),
        (
            "engine",
            died(MISBEHAVED, "The engine failed: a kernel failed."),
        ),
        (
            "garbage",
            died(
                MISBEHAVED,
                "It sent a frame that is no message: expected value at line 1 column 1.",
            ),
        ),
        (
            "huge",
            died(
                MISBEHAVED,
                "It sent a frame of 4294967295 bytes, at most 67108864 are allowed.",
            ),
        ),
        ("half a frame", died(EXITED, "It exited with code 3.")),
        ("wrong id", died(MISBEHAVED, out_of_turn)),
        (
            "too long",
            ModelError::ContextOverflow {
                needed: 9000,
                limit: 512,
            },
        ),
        (
            "refused",
            ModelError::RequestRefused {
                provider: "local".into(),
                status: 0,
                message: "roles must alternate".to_owned(),
            },
        ),
    ] {
        let bench = Bench::new();
        assert_eq!(bench.fails("good", words).await, error, "{words}");
        bench.still_works().await;
    }
}

#[tokio::test]
async fn a_template_that_does_not_end_is_not_tried_again() {
    let bench = Bench::new();
    assert_eq!(
        bench.fails("endless-template", "hello").await,
        died(
            WorkerDeath::Template,
            "The model's chat template took more time or memory than any real one does."
        )
    );
    let starts = std::fs::read_dir(bench.folder.path())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.starts_with("endless-template.gguf."))
        .count();
    assert_eq!(starts, 1);
    bench.still_works().await;
}

#[tokio::test]
async fn every_misdeed_while_loading_is_a_typed_error() {
    let bench = Bench::new();
    assert_eq!(
        bench.fails("die-on-load", "hello").await,
        died(
            EXITED,
            "It exited with code 3. Its last words: a panic: no such tensor (gguf.rs:1)."
        )
    );
    assert_eq!(
        bench.fails("refuse", "hello").await,
        ModelError::Local(LocalError::NotGguf {
            path: bench.file("refuse").display().to_string(),
            reason: "the engine refused it: it is odd".to_owned(),
        })
    );
    assert!(matches!(
        bench.fails("garbage-on-load", "hello").await,
        ModelError::Local(LocalError::WorkerDied { .. })
    ));
    assert!(matches!(
        bench.fails("print-on-load", "hello").await,
        ModelError::Local(LocalError::WorkerDied { .. })
    ));
    bench.still_works().await;
}

#[tokio::test]
async fn what_was_said_before_a_death_is_delivered() {
    let bench = Bench::new();
    let events = bench.ask("good", "die").await;
    assert_eq!(
        events[..3],
        [loading(), waiting(), says("half an ans")],
        "{events:?}"
    );
}

#[tokio::test]
async fn files_are_checked_before_a_worker_is_started() {
    let bench = Bench::with(|options| options.program = PathBuf::from("/nowhere/nexus-worker"));
    let path = bench.folder.path().join("gone.gguf");
    let gone = bench.engine.model(path.clone(), info(false));
    let never = CancellationToken::new;
    let events: Vec<_> = gone.stream(said("hello"), never()).collect().await;
    assert_eq!(
        events,
        vec![Err(ModelError::Local(LocalError::FileMissing {
            path: path.display().to_string()
        }))]
    );
    let silent = bench.folder.path().join("silent.gguf");
    let bytes = gguf_builder::tiny()
        .without("tokenizer.chat_template")
        .bytes();
    std::fs::write(&silent, bytes).unwrap();
    assert_eq!(
        bench.fails("silent", "hello").await,
        ModelError::Local(LocalError::NotGguf {
            path: silent.display().to_string(),
            reason: "it has no chat template, so it cannot answer messages; choose an “Instruct” or “Chat” model".to_owned(),
        })
    );
    assert_eq!(
        bench.fails("good", "hello").await,
        ModelError::Local(LocalError::WorkerMissing {
            path: "/nowhere/nexus-worker".to_owned()
        })
    );
}

#[tokio::test]
async fn a_model_too_big_for_this_machine_is_refused() {
    let bench = Bench::new();
    let path = bench.folder.path().join("big.gguf");
    let file = gguf_builder::tiny()
        .set("llama.context_length", gguf_builder::Entry::U32(16 << 20))
        .set(
            "llama.attention.value_length",
            gguf_builder::Entry::U32(65_536),
        );
    std::fs::write(&path, file.bytes()).unwrap();
    let mut info = info(false);
    info.context_tokens = Some(16 << 20);
    let model = bench.engine.model(path, info);
    let events: Vec<_> = model
        .stream(said("hello"), CancellationToken::new())
        .collect()
        .await;
    assert!(
        matches!(
            events.last(),
            Some(Err(ModelError::Local(LocalError::TooBig { need, have }))) if need > have
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_worker_that_hangs_is_ended() {
    let hasty = |options: &mut WorkerOptions| {
        options.limits.load = Duration::from_millis(1500);
        options.limits.stall = Duration::from_millis(1500);
    };
    let timeout = |seconds| ModelError::Local(LocalError::Timeout { seconds });
    let bench = Bench::with(hasty);
    assert_eq!(bench.fails("hang-on-load", "hello").await, timeout(1));
    assert_eq!(
        bench.fails("good", "hang before anything").await,
        timeout(1)
    );
    assert_eq!(bench.fails("good", "hang").await, timeout(1));
}

#[tokio::test]
async fn a_process_that_answers_no_ping_is_ended() {
    let bench = Bench::with(|options| {
        options.limits.ping = Duration::from_millis(200);
        options.limits.ping_patience = Duration::from_secs(2);
    });
    let start = Instant::now();
    for (stem, words) in [("deaf-on-load", "hello"), ("good", "hang")] {
        assert_eq!(
            bench.fails(stem, words).await,
            ModelError::Local(LocalError::Timeout { seconds: 2 })
        );
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    // One that answers pings may take its time.
    let mut stream = bench
        .model("good")
        .stream(said("wait"), CancellationToken::new());
    let long = tokio::time::timeout(Duration::from_secs(4), async {
        while let Some(event) = stream.next().await {
            event.unwrap();
        }
    });
    assert!(long.await.is_err(), "it ended by itself");
}

#[tokio::test]
async fn a_flood_is_cut() {
    let bench = Bench::with(|options| options.limits.answer_bytes = 8 << 20);
    assert_eq!(
        bench.fails("good", "flood").await,
        died(MISBEHAVED, "It sent more than 8388608 bytes of text.")
    );
    bench.still_works().await;
}

#[tokio::test]
async fn cancelling_is_told_at_once_and_the_worker_stays() {
    let bench = Bench::new();
    let pid = bench.pid().await;
    for _ in 0..20 {
        let cancel = CancellationToken::new();
        let mut stream = bench.model("good").stream(said("slow"), cancel.clone());
        while let Some(event) = stream.next().await {
            if matches!(event, Ok(ModelEvent::Text(_))) {
                break;
            }
        }
        cancel.cancel();
        let start = Instant::now();
        let rest: Vec<_> = stream.collect().await;
        assert_eq!(rest, vec![Err(ModelError::Cancelled)]);
        assert!(start.elapsed() < Duration::from_millis(250));
        assert_eq!(bench.pid().await, pid);
    }
}

#[tokio::test]
async fn a_stream_that_nobody_polls_is_cancelled_all_the_same() {
    let bench = Bench::new();
    let pid = bench.pid().await;
    let cancel = CancellationToken::new();
    let mut stream = bench.model("good").stream(said("slow"), cancel.clone());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    cancel.cancel();
    assert_eq!(bench.pid().await, pid);
    assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
    // Held on to after its error, it holds nothing up.
    assert_eq!(bench.pid().await, pid);
    drop(stream);
}

#[tokio::test]
async fn dropping_the_stream_cancels_too() {
    let bench = Bench::new();
    let pid = bench.pid().await;
    let mut stream = bench
        .model("good")
        .stream(said("slow"), CancellationToken::new());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    drop(stream);
    assert_eq!(bench.pid().await, pid);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_that_ignores_a_cancel_is_ended_after_the_grace() {
    let bench = Bench::new();
    let pid = bench.pid().await;
    let cancel = CancellationToken::new();
    let mut stream = bench.model("good").stream(said("hang"), cancel.clone());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    cancel.cancel();
    let start = Instant::now();
    assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
    assert!(start.elapsed() < Duration::from_millis(250));
    assert_eq!(stream.next().await, None);
    ends(pid).await;
    bench.still_works().await;
}

#[tokio::test]
async fn what_waits_is_served_in_order_and_can_be_cancelled() {
    let bench = Bench::new();
    let first_cancel = CancellationToken::new();
    let mut first = bench
        .model("good")
        .stream(said("slow"), first_cancel.clone());
    while !matches!(first.next().await, Some(Ok(ModelEvent::Text(_)))) {}

    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut waiters = Vec::new();
    let impatient = CancellationToken::new();
    for number in 0..5 {
        let cancel = if number == 2 {
            impatient.clone()
        } else {
            CancellationToken::new()
        };
        let mut stream = bench
            .model("good")
            .stream(said(&number.to_string()), cancel);
        let order = order.clone();
        waiters.push(tokio::spawn(async move {
            let mut last = None;
            while let Some(event) = stream.next().await {
                last = Some(event);
            }
            if matches!(last, Some(Ok(_))) {
                order.lock().unwrap().push(number);
            }
            last
        }));
        // Each must be in the queue before the next.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    impatient.cancel();
    let start = Instant::now();
    assert_eq!(
        waiters.remove(2).await.unwrap(),
        Some(Err(ModelError::Cancelled))
    );
    assert!(start.elapsed() < Duration::from_millis(250));
    assert_eq!(*order.lock().unwrap(), Vec::<i32>::new());
    first_cancel.cancel();
    drop(first);
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap(), Some(finished(FinishReason::Stop)));
    }
    assert_eq!(*order.lock().unwrap(), vec![0, 1, 3, 4]);
}

#[tokio::test]
async fn deaths_with_answers_between_them_do_not_add_up() {
    let bench = Bench::new();
    for _ in 0..6 {
        assert_eq!(
            bench.fails("good", "kill").await,
            died(ABORTED, "It aborted (signal 6).")
        );
        bench.still_works().await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_worker_that_is_killed_is_noticed_and_replaced() {
    let bench = Bench::new();
    let pid = bench.pid().await;
    kill(pid);
    let start = Instant::now();
    while bench.engine.loaded().is_some() {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_ne!(bench.pid().await, pid);
}

#[cfg(target_os = "linux")]
fn kill(pid: u32) {
    let status = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_worker_ends_and_comes_back() {
    let bench = Bench::with(|options| options.idle_unload = Some(Duration::from_millis(300)));
    let pid = bench.pid().await;
    ends(pid).await;
    assert_eq!(bench.engine.loaded(), None);
    assert_eq!(bench.ask("good", "hello").await[0], loading());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_idle_time_can_be_changed_while_it_runs() {
    let bench = Bench::with(|options| options.idle_unload = None);
    let pid = bench.pid().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(lives(pid));
    bench
        .engine
        .set_idle_unload(Some(Duration::from_millis(10)));
    ends(pid).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_model_means_another_process() {
    let bench = Bench::with(|options| options.limits.models = 1);
    let one: u32 = bench.answer("good", "pid").await.parse().unwrap();
    let other: u32 = bench.answer("better", "pid").await.parse().unwrap();
    assert_ne!(one, other);
    assert!(!lives(one));
    assert_eq!(bench.engine.loaded(), Some(bench.file("better")));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_changed_is_loaded_anew() {
    let bench = Bench::new();
    let one = bench.pid().await;
    let mut bytes = gguf_builder::tiny().bytes();
    bytes.extend([0; 32]);
    std::fs::write(bench.file("good"), bytes).unwrap();
    assert_ne!(bench.pid().await, one);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_full_of_conversations_means_a_new_process() {
    let bench = Bench::with(|options| options.limits.prefix_bytes = 100_000);
    // Each answer keeps 512 tokens of 64 bytes.
    let pids: Vec<u32> = [
        bench.pid().await,
        bench.pid().await,
        bench.pid().await,
        bench.pid().await,
        bench.pid().await,
    ]
    .to_vec();
    assert_eq!(pids[0], pids[1]);
    assert_ne!(pids[0], pids[4]);
    assert!(!lives(pids[0]));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unloading_and_shutting_down_leave_no_process() {
    let bench = Bench::new();
    let pid = bench.pid().await;
    bench.engine.unload().await;
    assert!(!lives(pid));
    assert_eq!(bench.engine.loaded(), None);
    bench.engine.unload().await;

    let pid = bench.pid().await;
    let mut stream = bench
        .model("good")
        .stream(said("slow"), CancellationToken::new());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    bench.engine.shutdown().await;
    assert!(!lives(pid));
    let rest: Vec<_> = stream.collect().await;
    assert_eq!(rest.last(), Some(&Err(ModelError::Cancelled)));
    bench.engine.shutdown().await;
    assert_eq!(
        bench.ask("good", "hello").await,
        vec![Err(died(
            WorkerDeath::NotStarted,
            "Local models were shut down."
        ))]
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unloading_waits_for_the_answer() {
    let bench = Bench::new();
    let cancel = CancellationToken::new();
    let mut stream = bench.model("good").stream(said("slow"), cancel.clone());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    let engine = bench.engine.clone();
    let unloading = tokio::spawn(async move { engine.unload().await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!unloading.is_finished());
    assert!(matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))));
    cancel.cancel();
    drop(stream);
    unloading.await.unwrap();
    assert_eq!(bench.engine.loaded(), None);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_the_last_handle_ends_the_worker() {
    let bench = Bench::new();
    let pid = bench.pid().await;
    let Bench { engine, folder } = bench;
    drop(engine);
    ends(pid).await;
    drop(folder);
}
