//! `kill -9` at random moments: no file is lost, and what was begun comes to an end. What this does not show is what a power cut
//! leaves on a disk.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use fastrand::Rng;
use nexus_checkpoints::{Checkpoints, Intent, Journal};
use nexus_protocol::{ItemId, SessionId, TurnId, UndoScope};
use uuid::Uuid;

use crate::{
    model::{self, Node},
    rounds,
};

/// Names the folder that a child works in.
const CHILD: &str = "NEXUS_CHECKPOINTS_CHILD";

/// Where a child reads its random numbers from.
const SEED: &str = "NEXUS_CHECKPOINTS_SEED";

#[test]
fn a_kill_in_the_middle_of_a_write_or_an_undo_loses_nothing() {
    let (mut in_changes, mut in_undos) = (0, 0);
    let kills = rounds(200);
    for round in 0..kills as u64 {
        let root = model::folder();
        let work = root.path().join("work");
        fs::create_dir_all(work.join("folder")).unwrap();
        for number in 0..6 {
            fs::write(work.join(name(number)), format!("the user's {number}\n")).unwrap();
        }
        let first = model::read(&work);
        let acknowledged = kill_a_child(root.path(), round);
        // Opening finishes what was begun.
        let journal = open(root.path());
        let opened = model::read(&work);
        let last = acknowledged.last().map_or("", String::as_str);
        in_changes += usize::from(last == "begin a change");
        in_undos += usize::from(last.starts_with("begin an undo"));
        for (path, node) in &opened {
            assert!(
                known(path, node),
                "{path:?} holds what nobody wrote: {node:?}"
            );
        }
        // The change in which it died may be there or not; all of them are taken back.
        let report = journal.undo(&UndoScope::All, false).unwrap();
        assert_eq!((report.conflicts, report.lost), (vec![], vec![]));
        assert_eq!(model::read(&work), first, "after {acknowledged:?}");
        assert_eq!(journal.changes().unwrap(), []);
    }
    println!(
        "{kills} kills, {in_changes} in the middle of a change, {in_undos} of an undo or redo: 0 files lost"
    );
    assert!(
        in_changes > 0,
        "kills came too early or too late to show anything"
    );
    assert!(in_undos > 0 || kills < 100, "no kill came in an undo");
}

/// Lets a child work for a while and kills it. What it said that it had done.
fn kill_a_child(root: &Path, seed: u64) -> Vec<String> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture"])
        .env(CHILD, root)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The clock starts when it works.
    let ready = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.ends_with("ready"));
    assert!(ready.is_some(), "the child works");
    let reader = thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    thread::sleep(Duration::from_micros(Rng::with_seed(seed).u64(..60_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Not a test of its own: what `kill_a_child` starts. Works until it is killed.
#[test]
fn child() {
    let Some(root) = env::var_os(CHILD) else {
        return;
    };
    let root = Path::new(&root);
    let seed = env::var(SEED).unwrap().parse().unwrap();
    let mut rng = Rng::with_seed(seed);
    let journal = open(root);
    let work = root.join("work");
    say("\nready");
    for call in 1_u128.. {
        let recorder = journal.recorder(
            TurnId(Uuid::from_u128(call / 3 + 1)),
            ItemId(Uuid::from_u128(call)),
        );
        let action = rng.u8(..6);
        say(match action {
            0..=3 => "begin a change",
            _ => "begin an undo",
        });
        match action {
            0 | 1 => {
                let path = work.join(name(rng.u8(..6)));
                let content = written(call, rng.bool());
                recorder
                    .before(&path, &Intent::Content(model::hash(&content)))
                    .unwrap();
                let aside = root.join("aside");
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&aside, content).unwrap();
                fs::rename(&aside, &path).unwrap();
                recorder.after(&path).unwrap();
            }
            2 => {
                let path = work.join("folder");
                recorder.before(&path, &Intent::Absent).unwrap();
                if path.exists() {
                    fs::remove_dir_all(&path).unwrap();
                }
                recorder.after(&path).unwrap();
            }
            3 => {
                let mark = recorder.before_tree(&work).unwrap();
                for number in 0..4 {
                    // Truncated and written in place, as programs do.
                    let _ = fs::write(work.join(name(number)), written(call, false));
                }
                recorder.after_tree(mark).unwrap();
            }
            _ => {
                let turn = TurnId(Uuid::from_u128(rng.u128(1..=call / 3 + 1)));
                let report = journal.undo(&UndoScope::BackTo { turn }, false).unwrap();
                assert_eq!((report.conflicts, report.lost), (vec![], vec![]));
                say("undone");
                if rng.bool() {
                    say("begin an undo of the undo");
                    let report = journal.redo().unwrap();
                    assert_eq!((report.conflicts, report.lost), (vec![], vec![]));
                }
            }
        }
        say("end");
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

fn open(root: &Path) -> Journal {
    Checkpoints::open(&root.join("checkpoints"))
        .unwrap()
        .session(SessionId(Uuid::from_u128(1)), Some(&root.join("work")))
        .unwrap()
}

fn name(number: u8) -> String {
    match number {
        0..=2 => format!("{number}.txt"),
        _ => format!("folder/{number}.txt"),
    }
}

/// Some are big, so that a kill comes in the middle of one.
fn written(call: u128, big: bool) -> Vec<u8> {
    let lines = if big { 50_000 } else { 1 };
    format!("call {call}\n").repeat(lines).into_bytes()
}

/// Whether somebody wrote this: the user, or a call, whole. A program may be stopped in the middle of a file: then it is empty
/// or a part of what the program wrote.
fn known(path: &Path, node: &Node) -> bool {
    match node {
        Node::Folder(_) => path == Path::new("folder"),
        Node::Link(_) => false,
        Node::File(content, _) => {
            let text = std::str::from_utf8(content).unwrap();
            let mut lines = text.lines();
            let first = lines.next().unwrap_or_default();
            let count = lines.clone().count() + 1;
            text.is_empty()
                || lines.all(|line| line == first)
                    && (count == 1 || count == 50_000)
                    && (first.starts_with("the user's ") || first.starts_with("call "))
        }
    }
}
