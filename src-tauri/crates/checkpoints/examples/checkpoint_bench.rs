//! What checkpoints cost around a program in a big folder: `checkpoint_bench [files] [bytes a file]`. One line each for a first
//! snapshot, a second one of the unchanged folder, and the look for changes after it, with a hundred files changed.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints what it measured and ends where something unexpected happens"
)]

use std::{env, fs, path::Path, time::Instant};

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
    let begun = Instant::now();
    let mark = recorder.before_tree(&work).unwrap();
    report("first before_tree", begun, mark.files_read);
    recorder.after_tree(mark).unwrap();
    let begun = Instant::now();
    let mark = recorder.before_tree(&work).unwrap();
    report("second before_tree", begun, mark.files_read);
    for index in (0..files).step_by((files / 100).max(1)) {
        fs::write(path(&work, index), content(index + files, bytes)).unwrap();
    }
    let begun = Instant::now();
    let changed = recorder.after_tree(mark).unwrap();
    report("after_tree", begun, changed.len() as u64);
}

fn path(work: &Path, index: usize) -> std::path::PathBuf {
    work.join(format!("{}/{index}.txt", index / 50))
}

/// No two files are alike.
fn content(index: usize, bytes: usize) -> Vec<u8> {
    let line = format!("line of file {index}\n");
    line.bytes().cycle().take(bytes).collect()
}

fn report(what: &str, begun: Instant, files: u64) {
    let milliseconds = begun.elapsed().as_secs_f64() * 1_000.0;
    println!("{what}: {milliseconds:.1} ms, {files} files");
}
