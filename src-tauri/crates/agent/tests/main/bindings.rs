//! What was approved is what runs: a byte of it changed, and nothing does; an answer counts once.

use std::{fs, path::PathBuf, sync::Arc};

use nexus_checkpoints::Checkpoints;
use nexus_protocol::{
    ApprovalAnswer, EventMsg, ItemBody, ItemId, Mode, Op, SessionId, TurnId, UnixMillis,
};
use nexus_tools::{OutputSink, Registry, SessionTools, ToolContext, Workspace, policy};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    harness::Harness,
    machine::{Machine, Place, answer, folder, is_end, rounds},
    model::{call, stop, text, tools},
};

/// Another printable byte in that place.
fn mutated(bytes: &[u8], round: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = round.wrapping_mul(7919) % bytes.len();
    let other = b'!' + ((bytes[at] as usize + 1 + round / bytes.len()) % 90) as u8;
    bytes[at] = if other == bytes[at] { b'~' } else { other };
    bytes
}

fn mutated_text(text: &str, round: usize) -> String {
    String::from_utf8(mutated(text.as_bytes(), round)).unwrap()
}

/// A place with what a tool is given there.
struct Desk {
    place: Place,
    ctx: ToolContext,
    data: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let data = folder();
        let place = Place::new(data.path().to_path_buf());
        let journal = Checkpoints::open(&data.path().join("checkpoints")).unwrap();
        let journal = journal
            .session(SessionId(Uuid::from_u128(1)), Some(&place.work()))
            .unwrap();
        let ctx = ToolContext {
            cancel: CancellationToken::new(),
            now: UnixMillis(1_700_000_000_000),
            workspace: Some(Arc::new(Workspace::open(&place.work()).unwrap())),
            host: Arc::new(place.host()),
            session: Arc::new(SessionTools::default()),
            recorder: Some(
                journal.recorder(TurnId(Uuid::from_u128(2)), ItemId(Uuid::from_u128(3))),
            ),
            output: OutputSink::nowhere(),
            sees_images: false,
        };
        Self { place, ctx, data }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.work().join(name)
    }

    /// What an approval of this call is bound to; none where it cannot even be prepared, and so never runs.
    async fn print(&self, tool: &str, arguments: &Value, ctx: &ToolContext) -> Option<String> {
        let registry = Registry::builtin();
        let tool = registry.get(tool).unwrap();
        let prepared = tool.prepare(arguments.clone(), ctx).await.ok()?;
        Some(policy::fingerprint(&prepared.action))
    }
}

const SCRIPT: &str = "#!/bin/sh\n# builds the project and runs its tests\necho built >> ran.txt\n";
/// Calls that are bound to `run.sh`, and those that change `target.txt`.
const RUNS: [&str; 6] = [
    "sh run.sh",
    "./run.sh --all",
    "env A=1 sh ./run.sh",
    ". ./run.sh",
    "timeout 60 bash run.sh && echo done",
    "echo first; nice -n 5 sh run.sh | cat",
];

fn changes(round: usize) -> (&'static str, Value) {
    match round % 4 {
        0 => (
            "write_file",
            json!({ "path": "target.txt", "content": "all new\n" }),
        ),
        1 => (
            "edit_file",
            json!({ "path": "target.txt", "edits": [{ "old_text": "second line", "new_text": "SECOND" }] }),
        ),
        2 => ("delete_path", json!({ "path": "target.txt" })),
        _ => (
            "move_path",
            json!({ "from": "target.txt", "to": "moved.txt" }),
        ),
    }
}

const TARGET: &str = "first line of the file\nsecond line\nthird line, which is the last\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_changed_makes_it_another_action() {
    let desk = Desk::new();
    fs::write(desk.file("run.sh"), SCRIPT).unwrap();
    fs::write(desk.file("target.txt"), TARGET).unwrap();
    std::os::unix::fs::symlink("run.sh", desk.file("link.sh")).unwrap();
    std::process::Command::new("chmod")
        .arg("+x")
        .arg(desk.file("run.sh"))
        .status()
        .unwrap();
    let all = rounds(20_000, 2_000);
    let (mut same, mut kinds) = (Vec::new(), [0; 6]);
    for round in 0..all {
        let kind = round % 6;
        kinds[kind] += 1;
        let turn = round / 6;
        let (tool, arguments) = match kind {
            5 => changes(turn),
            _ => ("shell", json!({ "command": RUNS[turn % RUNS.len()] })),
        };
        let approved = desk.print(tool, &arguments, &desk.ctx).await.unwrap();
        // Nothing changed: it would run.
        assert_eq!(
            desk.print(tool, &arguments, &desk.ctx).await.as_ref(),
            Some(&approved)
        );
        let mut ctx = desk.ctx.clone();
        let mut other = arguments.clone();
        let restore = |name: &str, content: &str| fs::write(desk.file(name), content).unwrap();
        let now = match kind {
            // The line.
            0 => {
                let command = arguments["command"].as_str().unwrap();
                other["command"] = mutated_text(command, turn).into();
                desk.print(tool, &other, &ctx).await
            }
            // The folder it runs in: the same but for a letter of its name.
            1 => {
                let elsewhere = desk
                    .place
                    .home
                    .path()
                    .join(format!("wor{}", (b'a' + (turn % 10) as u8) as char));
                let _there = fs::create_dir(&elsewhere);
                fs::write(elsewhere.join("run.sh"), SCRIPT).unwrap();
                ctx.workspace = Some(Arc::new(Workspace::open(&elsewhere).unwrap()));
                desk.print(tool, &arguments, &ctx).await
            }
            // A value of the environment.
            2 => {
                let mut host = (*ctx.host).clone();
                let lang = mutated_text(&host.env["LANG"], turn);
                host.env.insert("LANG".into(), lang);
                ctx.host = Arc::new(host);
                desk.print(tool, &arguments, &ctx).await
            }
            // The script that it names.
            3 | 4 => {
                fs::write(desk.file("run.sh"), mutated(SCRIPT.as_bytes(), turn)).unwrap();
                let now = desk.print(tool, &arguments, &ctx).await;
                restore("run.sh", SCRIPT);
                now
            }
            // The file that it changes.
            _ => {
                fs::write(desk.file("target.txt"), mutated(TARGET.as_bytes(), turn)).unwrap();
                let now = desk.print(tool, &arguments, &ctx).await;
                restore("target.txt", TARGET);
                now
            }
        };
        if now.as_ref() == Some(&approved) {
            same.push(format!("round {round}, kind {kind}: {tool} {arguments}"));
        }
    }
    assert_eq!(same, Vec::<String>::new());
    println!(
        "{all} mutations, by kind {kinds:?}: 0 would run; data in {}",
        desk.data.path().display()
    );
}

/// One call, up to the question.
async fn asks(
    machine: &Machine,
    tool: &str,
    arguments: &Value,
) -> (ItemId, nexus_protocol::Approval, usize) {
    let from = machine.harness.events().len();
    let mut script = call(0, "a", tool, &arguments.to_string());
    script.push(tools());
    machine.harness.model.plays(script);
    machine.harness.user("Do it").await.unwrap();
    let (item, approval) = machine.asked(from).await;
    (item, approval, from)
}

fn speaks_last(harness: &Harness) {
    harness.model.plays(vec![text("So be it."), stop()]);
}

async fn result(harness: &Harness, item: ItemId) -> (bool, String) {
    let items = harness.snapshot().await.items;
    let call = items.into_iter().find(|it| it.id == item).unwrap();
    match call.body {
        ItemBody::ToolCall {
            result: Some(result),
            ..
        } => (result.ok, result.output),
        other => panic!("no result: {other:?}"),
    }
}

fn runs(machine: &Machine) -> usize {
    fs::read_to_string(machine.place.work().join("ran.txt")).map_or(0, |it| it.lines().count())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_on_disk_between_question_and_answer_does_not_run() {
    let machine = Machine::new(Mode::Ask).await;
    let at = |name: &str| machine.place.work().join(name);
    let all = rounds(400, 100);
    let mut ran = 0;
    for round in 0..all {
        let _gone = fs::remove_file(at("moved.txt"));
        fs::write(at("run.sh"), SCRIPT).unwrap();
        fs::write(at("target.txt"), TARGET).unwrap();
        std::process::Command::new("chmod")
            .arg("+x")
            .arg(at("run.sh"))
            .status()
            .unwrap();
        // Each tenth is left as it is: then it runs.
        let left = round % 10 == 0;
        let (tool, arguments) = if round % 2 == 0 {
            ("shell", json!({ "command": RUNS[round / 2 % RUNS.len()] }))
        } else {
            changes(round / 2)
        };
        let (item, approval, from) = asks(&machine, tool, &arguments).await;
        let (name, content) = if tool == "shell" {
            ("run.sh", SCRIPT)
        } else {
            ("target.txt", TARGET)
        };
        let there = mutated(content.as_bytes(), round);
        if !left {
            fs::write(at(name), &there).unwrap();
        }
        let before = runs(&machine);
        speaks_last(&machine.harness);
        machine
            .harness
            .submit(answer(item, &approval, ApprovalAnswer::Once))
            .await
            .unwrap();
        machine.harness.wait(from, is_end).await;
        let (ok, output) = result(&machine.harness, item).await;
        if left {
            assert!(
                ok && runs(&machine) == before + 1,
                "round {round}: {output}"
            );
            ran += 1;
            continue;
        }
        assert!(!ok, "round {round}: {output}");
        assert_eq!(runs(&machine), before, "round {round} ran");
        assert_eq!(
            fs::read(at(name)).unwrap(),
            there,
            "round {round} changed the file"
        );
        assert!(!at("moved.txt").exists());
    }
    machine.harness.check().await;
    println!(
        "{} changed after the question: 0 executed; {ran} left alone: all ran",
        all - ran
    );
    assert!(ran > 0);
}

const RUN: &str = "echo ran >> ran.txt";

#[tokio::test(flavor = "multi_thread")]
async fn two_clicks_run_it_once() {
    let machine = Machine::new(Mode::Ask).await;
    for round in 1..=50 {
        let (item, approval, from) = asks(&machine, "shell", &json!({ "command": RUN })).await;
        speaks_last(&machine.harness);
        let click = || {
            machine
                .harness
                .submit(answer(item, &approval, ApprovalAnswer::Once))
        };
        let (first, second, third) = tokio::join!(click(), click(), click());
        let taken = [first, second, third]
            .iter()
            .filter(|it| it.is_ok())
            .count();
        assert_eq!(taken, 1);
        machine.harness.wait(from, is_end).await;
        assert!(click().await.is_err());
        assert_eq!(runs(&machine), round);
    }
    machine.harness.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_a_restart_runs_it_once() {
    for round in 0..50 {
        let mut machine = Machine::new(Mode::Ask).await;
        let (item, approval, _) = asks(&machine, "shell", &json!({ "command": RUN })).await;
        machine.harness.session.stop().await;
        if round % 2 == 0 {
            machine.harness.store.recover().await.unwrap();
        }
        machine.harness.restart().await;
        assert_eq!(runs(&machine), 0);
        speaks_last(&machine.harness);
        let from = machine.harness.events().len();
        let op = answer(item, &approval, ApprovalAnswer::Once);
        let (first, second) = tokio::join!(
            machine.harness.submit(op.clone()),
            machine.harness.submit(op.clone())
        );
        assert_eq!(
            [first.is_ok(), second.is_ok()]
                .iter()
                .filter(|it| **it)
                .count(),
            1
        );
        machine
            .harness
            .wait(from, |msg| matches!(msg, EventMsg::TurnCompleted { .. }))
            .await;
        assert_eq!(runs(&machine), 1, "round {round}");
        // Once more around: the answer is used.
        machine.harness.session.stop().await;
        machine.harness.restart().await;
        assert!(machine.harness.submit(op).await.is_err());
        assert_eq!(runs(&machine), 1);
        assert_eq!(machine.harness.model.faults(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_and_then_allows_runs_it_at_most_once() {
    let machine = Machine::new(Mode::Ask).await;
    let mut allowed = 0;
    for round in 0..50 {
        let before = runs(&machine);
        let (item, approval, from) = asks(&machine, "shell", &json!({ "command": RUN })).await;
        machine
            .harness
            .model
            .plays_by(|_| vec![text("So be it."), stop()]);
        let op = answer(item, &approval, ApprovalAnswer::Once);
        let (stopped, taken) = if round % 2 == 0 {
            let stopped = machine.harness.submit(Op::Interrupt).await;
            (stopped, machine.harness.submit(op.clone()).await)
        } else {
            // Both at once.
            tokio::join!(
                machine.harness.submit(Op::Interrupt),
                machine.harness.submit(op.clone())
            )
        };
        stopped.unwrap();
        machine.harness.wait(from, is_end).await;
        allowed += usize::from(taken.is_ok());
        let ran = runs(&machine) - before;
        assert!(
            ran <= usize::from(taken.is_ok()),
            "round {round}: ran {ran} times"
        );
        assert!(machine.harness.submit(op).await.is_err());
        assert_eq!(runs(&machine) - before, ran);
    }
    machine.harness.check().await;
    println!("50 stops with an answer after or beside them: {allowed} answers taken");
}
