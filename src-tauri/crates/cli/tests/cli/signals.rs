//! Ctrl-C, the end of the system's patience, and a reader that has enough.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout},
    time::{Duration, Instant},
};

use nexus_protocol::{Event, EventMsg, ItemBody, ItemStatus, SessionSummary, Snapshot};
use nexus_test_support::Sse;
use rustix::process::{Pid, Signal, kill_process};

use super::World;

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[expect(
    clippy::zombie_processes,
    reason = "each test waits for what this returns; where it panics the test is over"
)]
/// Starts a turn that says three words and then nothing more; returns when the words are there.
fn stalled(world: &World) -> (Child, BufReader<ChildStdout>, String) {
    world.server.push(
        Sse::openai("test-model")
            .words("one two three")
            .answer()
            .then_stall(),
    );
    let mut child = world.command(&["ask", "--json", "count"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    loop {
        let start = said.len();
        assert!(lines.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        if said[start..].contains("three") {
            return (child, lines, said);
        }
    }
}

fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The chat of the only session opens, with the words that came, marked as broken off.
fn assert_valid(world: &World) {
    let sessions: Vec<SessionSummary> =
        serde_json::from_str(&world.run(&["sessions", "list", "--json"]).stdout).unwrap();
    let shown = world.run(&["sessions", "show", "--json", &sessions[0].id.to_string()]);
    let snapshot: Snapshot = serde_json::from_str(&shown.stdout).unwrap();
    let answer = snapshot.items.iter().find_map(|item| match &item.body {
        ItemBody::Assistant { text, .. } => Some((text.trim(), item.status)),
        _ => None,
    });
    assert_eq!(answer, Some(("one two three", ItemStatus::Interrupted)));
    assert!(
        snapshot
            .items
            .iter()
            .all(|item| item.status != ItemStatus::InProgress)
    );
}

#[test]
fn an_interrupt_gives_130_and_a_transcript_that_opens() {
    for signal in [Signal::INT, Signal::TERM] {
        let world = World::new();
        let (mut child, mut rest, mut said) = stalled(&world);
        let started = Instant::now();
        send(&child, signal);
        rest.read_to_string(&mut said).unwrap();
        assert_eq!(wait(&mut child), Some(130));
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{:?}",
            started.elapsed()
        );
        let last: Event = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert!(
            matches!(last.msg, EventMsg::TurnInterrupted { error: None, .. }),
            "{last:?}"
        );
        assert_valid(&world);
    }
}

#[test]
fn a_kill_leaves_a_transcript_that_opens() {
    let world = World::new();
    let (mut child, rest, _) = stalled(&world);
    // What was said longer ago than the flush interval is on disk.
    std::thread::sleep(Duration::from_millis(600));
    send(&child, Signal::KILL);
    assert_eq!(wait(&mut child), None);
    drop(rest);
    assert_valid(&world);
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let world = World::new();
    let words = "word ".repeat(2000);
    world.server.push(
        Sse::openai("test-model")
            .words(&words)
            .finish("stop")
            .usage(1, 2000)
            .done()
            .answer(),
    );
    let mut child = world.command(&["ask", "--json", "count"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    drop(lines);
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!((wait(&mut child), stderr.as_str()), (Some(0), ""));
    // A list that nobody reads to its end.
    let mut child = world.command(&["sessions", "list"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(wait(&mut child), Some(0));
}
