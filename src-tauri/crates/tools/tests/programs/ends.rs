//! Programs end when they must, with all that they started.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::desk::{Desk, rounds};

/// Children that try to stay.
const NASTY: [(&str, &str); 12] = [
    ("new session", "setsid sleep 600 & wait"),
    (
        "double fork",
        "(setsid sh -c 'sleep 600 & sleep 600' &) ; sleep 600",
    ),
    (
        "ignores the request",
        "trap '' TERM INT HUP; while :; do sleep 600; done",
    ),
    ("nohup", "nohup sleep 600 >/dev/null 2>&1 & sleep 600"),
    ("fork bomb", "f() { f | f & }; f; exec sleep 600"),
    ("stopped", "sleep 600 & kill -STOP $!; kill -STOP $$"),
    ("holds the pipe", "(sleep 600 &); exit"),
    (
        "daemon",
        "python3 -c 'import os,time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\nfor fd in range(3): os.close(fd)\ntime.sleep(600)'; sleep 600",
    ),
    ("disowned", "sleep 600 & disown; sleep 600"),
    (
        "ignores all signals",
        "python3 -c 'import signal,time\nfor s in range(1,32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except OSError: pass\ntime.sleep(600)'",
    ),
    (
        "comes again",
        "trap 'setsid sleep 600 & setsid sleep 600 &' TERM; while :; do sleep 0.05; done",
    ),
    (
        "detached by node",
        "node -e 'require(\"child_process\").spawn(\"sleep\", [\"600\"], {detached: true, stdio: \"ignore\"}).unref(); setTimeout(() => {}, 600000)'",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_program_is_gone_within_a_second_with_all_it_started() {
    let mut slowest = Duration::ZERO;
    for round in 0..rounds(200, 24) {
        let (name, line) = NASTY[round % NASTY.len()];
        let desk = Desk::new();
        let prepared = desk
            .prepare("shell", json!({ "command": line }))
            .await
            .unwrap();
        let running = tokio::spawn(prepared.run(desk.ctx.clone()));
        // Not before it runs, and at differing moments of its life.
        let start = Instant::now();
        while desk.processes().len() < 2 && start.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(round as u64 * 37 % 400)).await;
        let cancelled = Instant::now();
        desk.ctx.cancel.cancel();
        let output = running.await.unwrap().unwrap();
        // A program that ended before it could be stopped says so; a bomb may have met its limit.
        let ended = match name {
            "holds the pipe" => true,
            "fork bomb" => output.summary.contains("it met the limit of"),
            _ => false,
        };
        assert!(
            output.summary.contains("stopped") || ended,
            "{name}: {output:?}"
        );
        if let Err(living) = desk.gone(Duration::from_millis(1500)).await {
            panic!("{name}: {living:?}");
        }
        slowest = slowest.max(cancelled.elapsed());
    }
    // A second is promised; a machine that tests on all its cores gets a little more.
    assert!(slowest < Duration::from_millis(1500), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ends_leaves_nothing_running() {
    for (name, line) in [
        ("new session", "setsid sleep 600 & sleep 0.1"),
        ("holds the pipe", "sleep 600 & sleep 0.1"),
        (
            "double fork",
            "(setsid sh -c 'sleep 600 >/dev/null 2>&1 &' &); sleep 0.1",
        ),
    ] {
        let desk = Desk::new();
        let start = Instant::now();
        let output = desk
            .call("shell", json!({ "command": line }))
            .await
            .unwrap();
        assert_eq!(output.summary, "exit 0", "{name}");
        assert!(start.elapsed() < Duration::from_secs(20), "{name}");
        desk.gone(Duration::from_secs(1)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_limit_is_named() {
    let desk = Desk::new();
    let arguments = json!({ "command": "echo begun; sleep 600", "timeout_seconds": 1 });
    let output = desk.call("shell", arguments).await.unwrap();
    assert_eq!(output.text, "begun\n[ended by the time limit of 1 s]");
    assert!(output.failed);
    desk.gone(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_ends_its_program() {
    let desk = Desk::new();
    let prepared = desk
        .prepare("shell", json!({ "command": "sleep 600" }))
        .await
        .unwrap();
    let running = tokio::spawn(prepared.run(desk.ctx.clone()));
    while desk.processes().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    desk.gone(Duration::from_secs(2)).await.unwrap();
}
