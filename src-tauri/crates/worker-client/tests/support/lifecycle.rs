//! Workers that die, models that come and go, engines that take over: with a worker that does so on demand.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use nexus_sandbox::Sandbox;
use nexus_worker_client::{Backend, Confinement};

use super::*;

/// All of them where `NEXUS_TEST_FULL` is set, else a fifth.
fn times(full: usize) -> usize {
    match std::env::var_os("NEXUS_TEST_FULL") {
        Some(_) => full,
        None => full.div_ceil(5),
    }
}

/// The launcher lies beside this test's folder: the same build makes both.
fn sandbox() -> Confinement {
    let name = format!("nexus-sandbox{}", std::env::consts::EXE_SUFFIX);
    let test = std::env::current_exe().unwrap();
    let launcher = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        launcher.is_file(),
        "{} is missing: cargo build -p nexus-sandbox",
        launcher.display()
    );
    Confinement::Full(Sandbox::probe(&launcher))
}

fn confined(change: impl FnOnce(&mut WorkerOptions)) -> Bench {
    Bench::with(|options| {
        options.confinement = sandbox();
        change(options);
    })
}

fn reading(available: u64) -> MemoryReading {
    MemoryReading {
        available: Some(available),
        total: Some(16 << 30),
        stall_percent: None,
    }
}

/// Both engines: the second is the same program under a name that it plays the other by.
fn both(change: impl FnOnce(&mut WorkerOptions)) -> Bench {
    Bench::with(|options| {
        let llama = options.scratch_dir.with_file_name("nexus-fake-llama");
        std::fs::hard_link(&options.program, &llama)
            .or_else(|_| std::fs::copy(&options.program, &llama).map(drop))
            .unwrap();
        options.llama_program = Some(llama);
        options.records_dir = Some(options.scratch_dir.with_file_name("measured"));
        change(options);
    })
}

fn retrying(reason: &str) -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Activity(ModelActivity::Retrying {
        attempt: 1,
        wait_ms: 0,
        reason: reason.to_owned(),
    }))
}

/// Processes that work in this bench's folders, or carry it in their arguments as launchers do.
#[cfg(target_os = "linux")]
fn processes_of(bench: &Bench) -> Vec<u32> {
    let scratch = bench.folder.path().join("scratch");
    let named = scratch.display().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let pid: u32 = path.file_name()?.to_str()?.parse().ok()?;
            let works =
                std::fs::read_link(path.join("cwd")).is_ok_and(|at| at.starts_with(&scratch));
            let carries = std::fs::read(path.join("cmdline"))
                .is_ok_and(|text| String::from_utf8_lossy(&text).contains(&named));
            ((works || carries) && lives(pid)).then_some(pid)
        })
        .collect()
}

#[cfg(target_os = "linux")]
async fn no_process_is_left(bench: &Bench) {
    let start = Instant::now();
    loop {
        let left = processes_of(bench);
        if left.is_empty() {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{left:?} live on"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Deaths in the middle of an answer: each is told by its cause, what was said before it stands, and the next message works.
#[cfg(target_os = "linux")]
async fn deaths_in_mid_answer(bench: Bench, limit: u64) {
    let limit = Some(limit);
    for (words, full, cause) in [
        ("sigkill", 50, WorkerDeath::Killed { signal: 9 }),
        ("sigsegv", 20, WorkerDeath::Crashed { signal: 11 }),
        ("memory", 20, WorkerDeath::OutOfMemory { limit }),
    ] {
        let count = times(full);
        let start = Instant::now();
        for _ in 0..count {
            let events = bench.ask("good", words).await;
            assert_eq!(text(&events), "half", "{events:?}");
            match events.last() {
                Some(Err(ModelError::Local(LocalError::WorkerDied { cause: told, .. }))) => {
                    assert_eq!(*told, cause, "{events:?}");
                }
                other => panic!("{words}: {other:?}"),
            }
            bench.still_works().await;
        }
        println!(
            "{count} × {words} in mid-answer: told as {cause:?}, the next message answered, {:?} each",
            start.elapsed() / u32::try_from(count).unwrap()
        );
    }
    bench.engine.shutdown().await;
    no_process_is_left(&bench).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn deaths_in_mid_answer_behind_the_sandbox() {
    let limit = 400 << 20;
    let bench = confined(|options| {
        options.memory = MemoryGauge::new(move || reading(limit));
    });
    deaths_in_mid_answer(bench, limit).await;
}

#[tokio::test]
async fn one_that_dies_before_a_word_is_started_anew_once() {
    let bench = Bench::new();
    let reason = "It exited with code 3. Its last words: a panic: only once (gguf.rs:2).";
    assert_eq!(
        bench.ask("die-once", "hello").await,
        vec![
            loading(),
            retrying(reason),
            loading(),
            waiting(),
            says("You said: "),
            says("hello"),
            finished(FinishReason::Stop),
        ]
    );
    let reason = "It exited with code 3. Its last words: a panic: before a word (model.rs:3).";
    assert_eq!(
        bench.ask("good", "die silently").await[..],
        [
            loading(),
            waiting(),
            retrying(reason),
            loading(),
            waiting(),
            Err(died(EXITED, reason)),
        ]
    );
}

#[tokio::test]
async fn three_deaths_give_a_file_up_until_it_changes_or_the_user_says_so() {
    let records = tempfile::tempdir().unwrap();
    let bench = |folder: Option<tempfile::TempDir>| {
        let mut bench = Bench::with(|options| {
            options.records_dir = Some(records.path().to_owned());
        });
        if let Some(folder) = folder {
            bench.folder = folder;
        }
        bench
    };
    let is_given_up = |error: ModelError| match error {
        ModelError::Local(LocalError::Incompatible { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let reason = "It exited with code 3. Its last words: a panic: no such tensor (gguf.rs:1).";
    let first = bench(None);
    // Two, for it was started anew; then the third.
    assert_eq!(
        first.fails("die-on-load", "hello").await,
        died(EXITED, reason)
    );
    let told = is_given_up(first.fails("die-on-load", "hello").await);
    assert_eq!(
        told,
        format!(
            "mistral.rs is not used: its process ended 3 times within 300 s with this file. The last time: {reason}"
        )
    );
    // Nothing is started any more, and other files are none the worse.
    let start = Instant::now();
    let events = first.ask("die-on-load", "hello").await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(start.elapsed() < Duration::from_secs(1));
    first.still_works().await;

    // Another run of the app knows it too.
    let second = bench(Some(first.folder));
    assert_eq!(
        is_given_up(second.fails("die-on-load", "hello").await),
        told
    );
    second
        .engine
        .try_again(&second.file("die-on-load"))
        .await
        .unwrap();
    assert_eq!(
        second.fails("die-on-load", "hello").await,
        died(EXITED, reason)
    );
    is_given_up(second.fails("die-on-load", "hello").await);

    // A file with other content is another file.
    let mut bytes = gguf_builder::tiny().bytes();
    bytes.extend([0; 32]);
    std::fs::write(second.file("die-on-load"), bytes).unwrap();
    assert_eq!(
        second.fails("die-on-load", "hello").await,
        died(EXITED, reason)
    );
}

#[tokio::test]
async fn what_one_engine_cannot_the_other_does_and_the_reason_is_told() {
    let bench = both(|_| {});
    assert_eq!(bench.answer("good", "who").await, "llama");
    let refused = "llama.cpp refused the file: unknown pre-tokenizer.";
    assert_eq!(
        bench.ask("llama-refuses", "who").await,
        vec![
            loading(),
            retrying(refused),
            loading(),
            waiting(),
            says("mistral"),
            finished(FinishReason::Stop),
        ]
    );
    // The next time it is not asked.
    bench.engine.unload().await;
    assert_eq!(
        bench.ask("llama-refuses", "who").await[..2],
        [loading(), waiting()]
    );
    let outlook = bench
        .engine
        .outlook(&bench.file("llama-refuses"), &info(false))
        .await
        .unwrap();
    assert_eq!(outlook.backend, Backend::Mistral);
    assert_eq!(
        outlook.why,
        "llama.cpp is not used: it refused the file (unknown pre-tokenizer). So it runs on mistral.rs."
    );

    // Two deaths end a request, the third hands the file to the other engine.
    bench.fails("llama-dies", "who").await;
    assert_eq!(bench.answer("llama-dies", "who").await, "mistral");
    assert_eq!(bench.answer("llama-dies", "who").await, "mistral");
    // Where both refuse, the first one's reason stands, and neither is given up for it.
    assert!(matches!(
        bench.fails("refuse", "who").await,
        ModelError::Local(LocalError::NotGguf { reason, .. }) if reason == "the engine refused it: it is odd"
    ));
    assert_eq!(
        bench.fails("too-much", "who").await,
        died(
            WorkerDeath::OutOfMemory {
                limit: Some(MEMORY)
            },
            "It ran out of memory: no room for 9 bytes."
        )
    );
}

#[tokio::test]
async fn a_pin_chooses_the_engine_and_a_change_of_it_loads_anew() {
    let bench = both(|_| {});
    assert_eq!(bench.answer("good", "who").await, "llama");
    let pin = |backend| HashMap::from([("local/test".to_owned(), backend)]);
    bench.engine.set_backends(pin(Backend::Mistral));
    assert_eq!(bench.answer("good", "who").await, "mistral");
    assert_eq!(bench.engine.resident(), [bench.file("good")]);
    bench.engine.set_backends(HashMap::new());
    assert_eq!(bench.answer("good", "who").await, "llama");
}

#[tokio::test]
async fn how_a_model_did_is_written_down() {
    let bench = both(|_| {});
    bench.still_works().await;
    let record = bench.engine.record(&bench.file("good")).await.unwrap();
    let measured = record.measured(Backend::Llama).unwrap();
    assert_eq!((measured.threads, measured.peak_bytes), (3, Some(1)));
    assert!(measured.load_ms < 60_000, "{measured:?}");
    let folder = bench.folder.path().join("measured");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[tokio::test]
async fn models_that_fit_stay_and_the_one_used_longest_ago_leaves() {
    let bench = Bench::with(|options| options.limits.models = 2);
    let pid = async |stem: &str| bench.answer(stem, "pid").await;
    let (one, two) = (pid("one").await, pid("two").await);
    assert_eq!(
        bench.engine.resident(),
        [bench.file("one"), bench.file("two")]
    );
    assert_eq!(pid("one").await, one);
    assert_eq!(
        bench.ask("two", "pid").await[0],
        waiting(),
        "it was loaded anew"
    );
    pid("one").await;
    pid("three").await;
    assert_eq!(
        bench.engine.resident(),
        [bench.file("one"), bench.file("three")]
    );
    assert_eq!(pid("one").await, one);
    assert_ne!(pid("two").await, two);
}

#[tokio::test]
async fn where_the_next_does_not_fit_beside_it_the_last_one_leaves() {
    let free = Arc::new(AtomicU64::new(8 << 30));
    let gauge = free.clone();
    let bench = Bench::with(|options| {
        options.memory = MemoryGauge::new(move || reading(gauge.load(Ordering::Relaxed)));
    });
    bench.answer("one", "hello").await;
    free.store(1 << 20, Ordering::Relaxed);
    // Its memory is not free in this test's account, so the next does not fit even then.
    assert!(matches!(
        bench.fails("two", "hello").await,
        ModelError::Local(LocalError::TooBig { have, .. }) if have == 1 << 20
    ));
    assert_eq!(bench.engine.resident(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn under_pressure_what_is_idle_leaves_and_an_answer_does_not() {
    let free = Arc::new(AtomicU64::new(8 << 30));
    let gauge = free.clone();
    let bench = Bench::with(|options| {
        options.limits.memory_look = Duration::from_millis(50);
        options.limits.memory_grace = Duration::from_millis(500);
        options.memory = MemoryGauge::new(move || reading(gauge.load(Ordering::Relaxed)));
    });
    bench.answer("one", "hello").await;
    let mut stream = bench
        .model("two")
        .stream(said("slow"), CancellationToken::new());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    free.store(10 << 20, Ordering::Relaxed);
    let gone = async |left: &[PathBuf]| {
        let start = Instant::now();
        while bench.engine.resident() != left {
            assert!(start.elapsed() < Duration::from_secs(10), "{left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    gone(&[bench.file("two")]).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))));
    drop(stream);
    gone(&[]).await;
    free.store(8 << 30, Ordering::Relaxed);
    bench.still_works().await;
}

/// What a worker that a file has taken over would try. Each is tried without the sandbox too, where it succeeds: else a mistake in
/// the test would look like a wall.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn in_the_sandbox_a_worker_reaches_nothing() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let outside = tempfile::tempdir().unwrap();
    let canary = outside.path().join("canary");
    std::fs::write(&canary, "secret").unwrap();
    let socket = outside.path().join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let address = server.local_addr().unwrap();
    let free = Bench::new();
    let shut = confined(|_| {});
    for bench in [&free, &shut] {
        let model = bench.file("good");
        let beside = bench.folder.path();
        std::fs::write(beside.join("other.gguf"), "x").unwrap();
        let written = [beside.join("new.gguf"), outside.path().join("planted")];
        let tries = [
            format!("connect {address}"),
            format!("unix {}", socket.display()),
            format!("read {}", canary.display()),
            format!("list {}", outside.path().display()),
            format!("append {}", model.display()),
            format!("remove {}", model.display()),
            format!("read {}/other.gguf", beside.display()),
            format!("remove {}/other.gguf", beside.display()),
            format!("write {}", written[0].display()),
            format!("write {}", written[1].display()),
            "run /bin/true".to_owned(),
            "copy ./own-program".to_owned(),
            "list /home".to_owned(),
            "read /etc/passwd".to_owned(),
        ];
        for words in &tries {
            let told = bench.answer("good", &format!("try {words}")).await;
            if std::ptr::eq(bench, &free) {
                assert_eq!(told, "done", "{words}, without the sandbox");
                if words.starts_with("remove") {
                    bench.file("good");
                }
                continue;
            }
            println!("{words}: {told}");
            // The system's folder for temporary files is the worker's own one, where it may write what it likes: what matters is
            // what is there outside.
            let private = words.starts_with("write ") && Path::new(&words[6..]).starts_with("/tmp");
            assert!(told.starts_with("refused: ") || private, "{words}: {told}");
        }
        for path in &written {
            let reached = std::fs::remove_file(path).is_ok();
            assert_eq!(reached, std::ptr::eq(bench, &free), "{}", path.display());
        }
        // What it needs it has.
        let told = bench
            .answer("good", &format!("try read {}", model.display()))
            .await;
        assert_eq!(told, "done");
        assert_eq!(bench.answer("good", "try write own-file").await, "done");
    }
    assert_eq!(std::fs::read(&canary).unwrap(), b"secret");
    shut.engine.shutdown().await;
    no_process_is_left(&shut).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn behind_the_sandbox_all_that_matters_is_as_without() {
    let bench = confined(|options| {
        options.limits.ping = Duration::from_millis(200);
        options.limits.ping_patience = Duration::from_secs(2);
    });
    assert_eq!(
        bench.fails("die-on-load", "hello").await,
        died(
            EXITED,
            "It exited with code 3. Its last words: a panic: no such tensor (gguf.rs:1)."
        )
    );
    assert_eq!(
        bench.fails("good", "kill").await,
        died(ABORTED, "It aborted (signal 6).")
    );
    assert_eq!(
        bench.fails("good", "hang").await,
        ModelError::Local(LocalError::Timeout { seconds: 2 })
    );
    let cancel = CancellationToken::new();
    let mut stream = bench.model("good").stream(said("hang"), cancel.clone());
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    cancel.cancel();
    assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
    drop(stream);
    bench.still_works().await;
    assert!(!processes_of(&bench).is_empty());
    bench.engine.unload().await;
    no_process_is_left(&bench).await;
    bench.still_works().await;
    let Bench { engine, folder } = bench;
    drop(engine);
    let bench = Bench {
        engine: Bench::new().engine,
        folder,
    };
    no_process_is_left(&bench).await;
}
