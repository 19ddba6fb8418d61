//! What checkpoints cost around a program in a big folder: a first snapshot, a second one of the unchanged folder, and the look for
//! changes after it, with a hundred files changed. Prints one line of JSON: name, with its unit, to number.
//!
//! `cargo run --release -p nexus-checkpoints --example checkpoint_bench [FILES] [BYTES A FILE]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints what it measured and ends where something unexpected happens"
)]

use std::{collections::BTreeMap, env, fs, path::Path, time::Instant};

use nexus_checkpoints::Checkpoints;
use nexus_protocol::{ItemId, SessionId, TurnId};
use uuid::Uuid;

fn main() {
    let number = |index: usize, otherwise: usize| {
        let given = env::args().nth(index);
        given.map_or(otherwise, |text| text.parse().unwrap())
    };
    let (files, bytes) = (number(1, 10_000), number(2, 10_000));
    let root = tempfile::TempDir::new().unwrap();
    let work = root.path().join("work");
    for index in 0..files {
        let path = path(&work, index);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content(index, bytes)).unwrap();
    }
    let id = Uuid::from_u128;
    let journal = Checkpoints::open(&root.path().join("checkpoints"))
        .unwrap()
        .session(SessionId(id(1)), Some(&work))
        .unwrap();
    let recorder = journal.recorder(TurnId(id(1)), ItemId(id(1)));
    let (first, mark) = timed(|| recorder.before_tree(&work).unwrap());
    assert_eq!(
        mark.files_read, files as u64,
        "the first reads all, or is none"
    );
    recorder.after_tree(mark).unwrap();
    let (second, mark) = timed(|| recorder.before_tree(&work).unwrap());
    let changed: Vec<usize> = (0..files).step_by((files / 100).max(1)).collect();
    for index in &changed {
        fs::write(path(&work, *index), content(index + files, bytes)).unwrap();
    }
    let (look, found) = timed(|| recorder.after_tree(mark).unwrap());
    assert_eq!(found.len(), changed.len(), "each change is found");
    let results = BTreeMap::from([
        ("checkpoints_first_snapshot_ms", first),
        ("checkpoints_next_snapshot_ms", second),
        ("checkpoints_look_for_changes_ms", look),
    ]);
    println!("{}", serde_json::to_string(&results).unwrap());
}

/// How long it took, in milliseconds, and what came of it.
fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let made = run();
    (begun.elapsed().as_secs_f64() * 1_000.0, made)
}

fn path(work: &Path, index: usize) -> std::path::PathBuf {
    work.join(format!("{}/{index}.txt", index / 50))
}

/// No two files are alike.
fn content(index: usize, bytes: usize) -> Vec<u8> {
    let line = format!("line of file {index}\n");
    line.bytes().cycle().take(bytes).collect()
}
