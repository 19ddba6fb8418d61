//! Stopping, in each phase of a turn and with children that try to stay: how long it takes, and that nothing is left.

use std::{
    fs,
    time::{Duration, Instant},
};

use nexus_protocol::{EventMsg, Mode, Op};
use nexus_test_support::STUBBORN;
use serde_json::json;

use crate::{
    harness::Harness,
    machine::{Machine, rounds},
    model::{Play, call, text, tools},
};

/// What is promised is a second; a machine that tests on all its cores gets more.
const WIDE: Duration = Duration::from_secs(3);

/// How long something took, each time.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn tell(mut self, what: &str) {
        self.0.sort();
        let at = |percent: usize| self.0[(self.0.len() - 1) * percent / 100];
        println!(
            "{what}: {} times, p50 {:?}, p99 {:?}",
            self.0.len(),
            at(50),
            at(99)
        );
        assert!(at(100) < WIDE, "{what}: {:?}", at(100));
    }
}

/// Stops the turn that runs: from the user's wish to the end that is told.
async fn interrupt(harness: &Harness, from: usize) -> Duration {
    let began = Instant::now();
    harness.submit(Op::Interrupt).await.unwrap();
    let end = harness.ends(from).await;
    assert!(
        matches!(end, EventMsg::TurnInterrupted { error: None, .. }),
        "{end:?}"
    );
    began.elapsed()
}

fn plays(machine: &Machine, tool: &str, arguments: &serde_json::Value) {
    let mut script = call(0, "a", tool, &arguments.to_string());
    script.push(tools());
    machine.harness.model.plays(script);
}

/// Different moments of what runs.
fn moment(round: usize, most: u64) -> Duration {
    Duration::from_millis(round as u64 * 37 % most)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_model_speaks() {
    let machine = Machine::new(Mode::Auto).await;
    let mut times = Times::default();
    for round in 0..rounds(200, 20) {
        let from = machine.harness.events().len();
        let mut script: Vec<Play> = (0..50)
            .flat_map(|_| [text("word "), Play::Sleep(Duration::from_millis(2))])
            .collect();
        script.push(Play::Hang);
        machine.harness.model.plays(script);
        machine.harness.user("Talk").await.unwrap();
        machine
            .harness
            .wait(from, |msg| matches!(msg, EventMsg::ItemDelta { .. }))
            .await;
        tokio::time::sleep(moment(round, 120)).await;
        times.0.push(interrupt(&machine.harness, from).await);
    }
    machine.harness.check().await;
    times.tell("model speaks");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_user_is_asked() {
    let machine = Machine::new(Mode::Ask).await;
    let mut times = Times::default();
    for round in 0..rounds(200, 20) {
        let from = machine.harness.events().len();
        plays(
            &machine,
            "shell",
            &json!({ "command": format!("echo {round} > ran.txt") }),
        );
        machine.harness.user("Run").await.unwrap();
        machine.asked(from).await;
        tokio::time::sleep(moment(round, 30)).await;
        times.0.push(interrupt(&machine.harness, from).await);
    }
    machine.harness.check().await;
    assert!(!machine.place.work().join("ran.txt").exists());
    times.tell("user is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_file_is_written() {
    let machine = Machine::new(Mode::Auto).await;
    let mut times = Times::default();
    let file = machine.place.work().join("big.txt");
    // Many lines that few words change: the call is short, and what it does takes its time.
    let content = |round: usize| format!("line of round {round}.\n").repeat(50_000);
    fs::write(&file, content(0)).unwrap();
    let (mut there, mut written) = (0, 0);
    for round in 1..=rounds(200, 20) {
        let from = machine.harness.events().len();
        let edit = json!({ "old_text": format!("round {there}."), "new_text": format!("round {round}."), "replace_all": true });
        plays(
            &machine,
            "edit_file",
            &json!({ "path": "big.txt", "edits": [edit] }),
        );
        // Where the call was quicker than the user.
        machine.harness.model.plays_by(|_| vec![Play::Hang]);
        machine.harness.user("Write").await.unwrap();
        let begun = |msg: &EventMsg| matches!(msg, EventMsg::ItemDelta { .. });
        machine.harness.wait(from, begun).await;
        tokio::time::sleep(moment(round, 900)).await;
        times.0.push(interrupt(&machine.harness, from).await);
        let now = fs::read_to_string(&file).unwrap();
        if now == content(round) {
            (there, written) = (round, written + 1);
        } else {
            assert!(
                now == content(there),
                "round {round}: the file is neither old nor new"
            );
        }
    }
    machine.harness.check().await;
    println!("{written} were written before the stop");
    times.tell("file is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_program_runs_whatever_it_starts() {
    let machine = Machine::new(Mode::Auto).await;
    let (mut told, mut gone) = (Times::default(), Times::default());
    for round in 0..rounds(200, 24) {
        let (name, line) = STUBBORN[round % STUBBORN.len()];
        let from = machine.harness.events().len();
        plays(&machine, "shell", &json!({ "command": line }));
        // Where a limit was quicker than the user: the model is at its next word then.
        machine.harness.model.plays_by(|_| vec![Play::Hang]);
        machine.harness.user("Run").await.unwrap();
        // The launcher, the shell and a child at least: the eyes that look for what is left see what runs.
        let start = Instant::now();
        while machine.place.processes().len() < 3 {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{name} does not run: {:?}\n{}",
                machine.place.processes(),
                machine.harness.story()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(moment(round, 300)).await;
        told.0.push(interrupt(&machine.harness, from).await);
        match machine.place.gone(WIDE).await {
            Ok(time) => gone.0.push(time),
            Err(living) => panic!("{name}: {living:?}"),
        }
    }
    machine.harness.check().await;
    println!("0 orphans of {} kinds", STUBBORN.len());
    told.tell("program runs");
    gone.tell("all of it is gone");
}
