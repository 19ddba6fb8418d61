//! Goals in numbers, with the real workers behind the real sandbox: deaths in mid-answer, and cancelling at every stage.
//! A tenth of the rounds, all of them where `NEXUS_TEST_FULL` is set.
#![cfg(target_os = "linux")]
#![expect(
    clippy::print_stdout,
    reason = "the figures are what these tests are for"
)]

use nexus_llm::{ModelStream, WorkerDeath};

use super::*;

fn times(full: usize) -> usize {
    match std::env::var_os("NEXUS_TEST_FULL") {
        Some(_) => full,
        None => full.div_ceil(10),
    }
}

/// What the user may wait for after a click on Stop.
const GOAL: Duration = Duration::from_millis(300);

fn short() -> ChatRequest {
    ChatRequest {
        max_output_tokens: Some(3),
        ..said("Hello")
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = std::process::Command::new(program).args(arguments).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

/// A limit that the worker is about to reach. llama.cpp's asks before each token for more than this leaves, and gets an answer; what
/// it is computing right now has enough. mistral.rs's asks for nothing, so nothing is left to it.
fn nearly_nothing(pid: u32) -> u64 {
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    if !program.to_string_lossy().contains("llama") {
        return 4096;
    }
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let data = status
        .lines()
        .find_map(|line| line.strip_prefix("VmData:"))
        .unwrap();
    let kib: u64 = data.trim().trim_end_matches(" kB").trim().parse().unwrap();
    (kib << 10) + (6 << 20)
}

async fn pieces(stream: &mut ModelStream, count: usize) {
    let mut seen = 0;
    while seen < count {
        match stream.next().await {
            Some(Ok(ModelEvent::Text(_))) => seen += 1,
            Some(Ok(_)) => {}
            other => panic!("it ended with {other:?}"),
        }
    }
}

impl Bench {
    async fn answers(&self) {
        end(&self.ask(short()).await);
    }

    /// Ends everything, and waits until no process is left.
    async fn leaves_nothing(&self) {
        self.engine.shutdown().await;
        let start = Instant::now();
        while !self.workers().is_empty() {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{:?} live on",
                self.workers()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Another session waits for its answer while the worker dies under the first one: it gets it all the same.
async fn die(bench: &Bench, how: &str) -> (WorkerDeath, String) {
    let mut stream = bench.model.stream(story(), CancellationToken::new());
    pieces(&mut stream, 3).await;
    let mut other = bench.model.stream(short(), CancellationToken::new());
    let other = tokio::spawn(async move {
        let mut events = Vec::new();
        while let Some(event) = other.next().await {
            events.push(event);
        }
        events
    });
    let workers = bench.workers();
    assert_eq!(workers.len(), 1, "{workers:?}");
    let pid = workers[0].to_string();
    match how {
        "memory" => {
            let limit = format!("--data={}", nearly_nothing(workers[0]));
            run("prlimit", &[&limit, "--pid", &pid]);
        }
        // Rust's own handler gives the first one back to the fault that it came from, and here there is none.
        "-SEGV" => {
            while workers == bench.workers() {
                let _gone = std::process::Command::new("kill")
                    .args(["-SEGV", &pid])
                    .output();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        signal => run("kill", &[signal, &pid]),
    }
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event);
    }
    end(&other.await.unwrap());
    match last {
        Some(Err(ModelError::Local(LocalError::WorkerDied { cause, reason }))) => (cause, reason),
        other => panic!("{how}: {other:?}"),
    }
}

async fn deaths(bench: Bench, kinds: &[(&str, usize)]) {
    bench.answers().await;
    for (how, full) in kinds {
        let count = times(*full);
        let start = Instant::now();
        for _ in 0..count {
            let (cause, reason) = die(&bench, how).await;
            let expected = match *how {
                "-KILL" => matches!(cause, WorkerDeath::Killed { signal: 9 }),
                "-SEGV" => matches!(cause, WorkerDeath::Crashed { signal: 11 }),
                _ => matches!(cause, WorkerDeath::OutOfMemory { limit: Some(_) }),
            };
            assert!(expected, "{how} was told as {cause:?}: {reason}");
            bench.answers().await;
        }
        println!(
            "{count} × {how} in mid-answer: cause told, the other session answered, the next message answered; {:?} in all",
            start.elapsed()
        );
    }
    bench.leaves_nothing().await;
}

const SIGNALS: &[(&str, usize)] = &[("-KILL", 50), ("-SEGV", 20)];
const MEMORY: &[(&str, usize)] = &[("memory", 20)];

/// A worker that gives memory back at once, so that it asks for some at every token: without this it lives for a long time on what
/// it has. It needs a shell, which the sandbox does not let it have; its limit is the one that it sets for itself.
async fn thrifty(worker: Worker) -> Bench {
    use std::os::unix::fs::PermissionsExt as _;
    let mut bench = Bench::new(worker).await;
    let wrapped = |variable: &str| {
        let real = path_from(variable);
        let path = bench.folder.path().join(real.file_name().unwrap());
        let text = format!(
            "#!/bin/sh\nexport MALLOC_MMAP_THRESHOLD_=4096 MALLOC_TRIM_THRESHOLD_=0 MALLOC_TOP_PAD_=0\nexec {} \"$@\"\n",
            real.display()
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let scratch = bench.folder.path().join("scratch");
    let mut options = WorkerOptions::new(wrapped("NEXUS_WORKER"), scratch);
    if worker == Worker::Llama {
        options.llama_program = Some(wrapped("NEXUS_WORKER_LLAMA"));
    }
    bench.engine = LocalEngine::new(options);
    bench.model = bench
        .engine
        .model(bench.path.clone(), bench.model.info().clone());
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn llama_dies_in_mid_answer_and_nobody_else_minds() {
    deaths(Bench::new(Worker::Llama).await, SIGNALS).await;
    deaths(thrifty(Worker::Llama).await, MEMORY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistral_dies_in_mid_answer_and_nobody_else_minds() {
    deaths(Bench::new(Worker::Mistral).await, SIGNALS).await;
    deaths(thrifty(Worker::Mistral).await, MEMORY).await;
}

/// How long it took until the stream said so, and until the next answer began.
async fn stop(bench: &Bench, mut stream: ModelStream, cancel: CancellationToken) -> [Duration; 2] {
    let start = Instant::now();
    cancel.cancel();
    loop {
        match stream.next().await {
            // A token that was on its way.
            Some(Ok(_)) => {}
            Some(Err(ModelError::Cancelled)) => break,
            other => panic!("{other:?}"),
        }
    }
    let told = start.elapsed();
    drop(stream);
    bench.answers().await;
    [told, start.elapsed()]
}

async fn cancels(bench: Bench) {
    bench.answers().await;
    let long = said(&"The whale went round the lighthouse. ".repeat(700));
    for stage in ["queue", "prefill", "decode"] {
        let count = times(100);
        let mut replaced = 0;
        let mut worst = [Duration::ZERO; 2];
        for _ in 0..count {
            let before = bench.workers();
            let cancel = CancellationToken::new();
            let took = match stage {
                "queue" => {
                    let first_cancel = CancellationToken::new();
                    let mut first = bench.model.stream(story(), first_cancel.clone());
                    pieces(&mut first, 1).await;
                    let mut waiting = bench.model.stream(short(), cancel.clone());
                    // It is in the queue once it was polled.
                    assert!(futures::poll!(waiting.next()).is_pending());
                    let start = Instant::now();
                    cancel.cancel();
                    assert_eq!(waiting.next().await, Some(Err(ModelError::Cancelled)));
                    let told = start.elapsed();
                    let [_, next] = stop(&bench, first, first_cancel).await;
                    [told, next]
                }
                "prefill" => {
                    let mut stream = bench.model.stream(long.clone(), cancel.clone());
                    while stream.next().await
                        != Some(Ok(ModelEvent::Activity(ModelActivity::Waiting)))
                    {
                    }
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    stop(&bench, stream, cancel).await
                }
                _ => {
                    let mut stream = bench.model.stream(story(), cancel.clone());
                    pieces(&mut stream, 2).await;
                    stop(&bench, stream, cancel).await
                }
            };
            assert!(took[0] <= GOAL, "{stage}: {took:?}");
            worst = [worst[0].max(took[0]), worst[1].max(took[1])];
            let after = bench.workers();
            // None where its memory of conversations was full just now: the next job gets a new one.
            assert!(after.len() <= 1, "{after:?}");
            replaced += usize::from(before != after);
        }
        println!(
            "{count} × cancelled in {stage}: told within {:?}, the next answer done within {:?}, {replaced} workers replaced",
            worst[0], worst[1]
        );
    }
    bench.leaves_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn llama_is_cancelled_at_every_stage() {
    cancels(Bench::new(Worker::Llama).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistral_is_cancelled_at_every_stage() {
    cancels(Bench::new(Worker::Mistral).await).await;
}
