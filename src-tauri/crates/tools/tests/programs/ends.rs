//! Programs end when they must, with all that they started.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::desk::{Desk, rounds};

// The file and not the crate: that one knows models, which tools do not.
#[path = "../../../../../tests/support/src/stubborn.rs"]
mod stubborn;

/// Further ones, which may end before they are stopped.
const HASTY: [(&str, &str); 2] = [
    ("fork bomb", "f() { f | f & }; f; exec sleep 600"),
    ("leaves one behind", "(sleep 600 &); exit"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_program_is_gone_within_a_second_with_all_it_started() {
    let mut slowest = Duration::ZERO;
    let kinds: Vec<(&str, &str)> = [&stubborn::STUBBORN[..], &HASTY].concat();
    for round in 0..rounds(200, 28) {
        let (name, line) = kinds[round % kinds.len()];
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
            "leaves one behind" => true,
            "fork bomb" | "forks without end" => output.summary.contains("it met the limit of"),
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
