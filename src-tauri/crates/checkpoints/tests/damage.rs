//! A journal or a content that was changed or cut: a named error or a refusal, never a wrong content put back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nexus_checkpoints::{CheckpointError, Checkpoints, Intent, Journal};
use nexus_protocol::{ItemId, SessionId, TurnId, UndoScope};
use uuid::Uuid;

use crate::{model, rounds};

const OLD: &[u8] = b"the user's first\nthe user's second\n";
const NEW: &[u8] = b"the agent's\n";

struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    /// A session in which the agent changed one file, removed one and made one.
    fn new() -> Self {
        let scene = Self {
            root: model::folder(),
        };
        fs::create_dir(scene.work()).unwrap();
        fs::write(scene.work().join("changed.txt"), OLD).unwrap();
        fs::write(scene.work().join("removed.txt"), OLD.repeat(2)).unwrap();
        let journal = scene.open().unwrap();
        let id = Uuid::from_u128;
        let recorder = journal.recorder(TurnId(id(1)), ItemId(id(1)));
        for (name, content) in [("changed.txt", NEW), ("made.txt", NEW)] {
            let path = scene.work().join(name);
            let intent = Intent::Content(model::hash(content));
            recorder.before(&path, &intent).unwrap();
            fs::write(&path, content).unwrap();
            recorder.after(&path).unwrap();
        }
        let mark = recorder.before_tree(&scene.work()).unwrap();
        fs::remove_file(scene.work().join("removed.txt")).unwrap();
        recorder.after_tree(mark).unwrap();
        scene
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn open(&self) -> Result<Journal, CheckpointError> {
        Checkpoints::open(&self.root.path().join("checkpoints"))?
            .session(SessionId(Uuid::from_u128(1)), Some(&self.work()))
    }

    fn journal_file(&self) -> PathBuf {
        let session = SessionId(Uuid::from_u128(1));
        let sessions = self.root.path().join("checkpoints/sessions");
        sessions.join(format!("{session}.jsonl"))
    }

    /// Undoes all and holds the result against the rule. Whether it was undone.
    fn undo(&self) -> bool {
        let before = model::read(&self.work());
        let report = self
            .open()
            .and_then(|journal| journal.undo(&UndoScope::All, false));
        let after = model::read(&self.work());
        match report {
            Err(error @ (CheckpointError::Journal { .. } | CheckpointError::Damaged { .. })) => {
                assert!(error.to_string().contains(' '), "{error}");
                assert_eq!(after, before);
                false
            }
            Err(error) => panic!("an error that names the damage: {error}"),
            Ok(report) if !report.conflicts.is_empty() => {
                assert_eq!(after, before);
                false
            }
            Ok(_) => {
                for (path, node) in &after {
                    let content = match node {
                        model::Node::File(content, _) => content,
                        other => panic!("{path:?}: {other:?}"),
                    };
                    let right = content == OLD || *content == OLD.repeat(2) || content == NEW;
                    assert!(right, "{path:?} holds what nobody wrote");
                }
                let old = fs::read(self.work().join("changed.txt")).unwrap();
                old == OLD
            }
        }
    }
}

#[test]
fn a_journal_with_any_byte_changed_is_refused() {
    let scene = Scene::new();
    let path = scene.journal_file();
    let whole = fs::read(&path).unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for _ in 0..rounds(2_000) {
        let mut damaged = whole.clone();
        let at = rng.usize(..damaged.len());
        damaged[at] ^= 1 << rng.u8(..8);
        fs::write(&path, &damaged).unwrap();
        // The last end of line is what tells that a line was acknowledged: without it the line is as if it had not been.
        if at + 1 == damaged.len() {
            continue;
        }
        assert!(!scene.undo(), "byte {at} was changed");
        refused += 1;
    }
    assert!(refused > 0);
    fs::write(&path, &whole).unwrap();
    assert!(scene.undo(), "undamaged, it is undone");
}

#[test]
fn a_journal_that_was_cut_never_gives_a_wrong_content() {
    let whole = fs::read(Scene::new().journal_file()).unwrap();
    let lines: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for end in lines.iter().flat_map(|at| [*at, at + 1, at - 20]) {
        let scene = Scene::new();
        let journal = fs::read(scene.journal_file()).unwrap();
        fs::write(scene.journal_file(), &journal[..end.min(journal.len())]).unwrap();
        scene.undo();
    }
}

#[test]
fn a_line_that_is_missing_or_moved_is_found() {
    let scene = Scene::new();
    let path = scene.journal_file();
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for missing in 0..lines.len() - 1 {
        let mut left = lines.clone();
        left.remove(missing);
        fs::write(&path, left.concat()).unwrap();
        assert!(!scene.undo(), "line {missing} is missing");
        let mut moved = lines.clone();
        moved.swap(missing, missing + 1);
        fs::write(&path, moved.concat()).unwrap();
        assert!(!scene.undo(), "line {missing} was moved");
    }
}

#[test]
fn a_content_that_was_changed_cut_or_removed_is_never_put_back() {
    let damages: [fn(&Path); 3] = [
        |path| fs::write(path, b"tampered").unwrap(),
        |path| fs::write(path, &fs::read(path).unwrap()[1..]).unwrap(),
        |path| fs::remove_file(path).unwrap(),
    ];
    for damage in damages {
        let scene = Scene::new();
        let name = model::hash(OLD);
        let blobs = scene.root.path().join("checkpoints/blobs");
        damage(&blobs.join(&name[..2]).join(&name));
        assert!(!scene.undo());
        // What is whole can still be put back.
        let path = scene.work().join("removed.txt");
        let scope = UndoScope::File {
            path: path.to_str().unwrap().to_owned(),
        };
        let report = scene.open().unwrap().undo(&scope, false).unwrap();
        assert_eq!(report.restored, ["removed.txt"]);
        assert_eq!(fs::read(path).unwrap(), OLD.repeat(2));
    }
}

#[test]
fn a_journal_of_a_newer_version_is_refused_and_a_field_that_is_new_is_passed_over() {
    // The sum is over the record as it stands, so a record with a field that this version does not know is summed with it.
    let scene = Scene::new();
    let whole = fs::read_to_string(scene.journal_file()).unwrap();
    let mut sum = String::new();
    let mut with_news = String::new();
    for line in whole.lines() {
        let (_, record) = line.split_once("\"record\":").unwrap();
        let record = record.strip_suffix("}").unwrap();
        let record = record.replacen('{', "{\"news\":[1],", 1);
        sum = model::hash(format!("{sum}{record}").as_bytes())[..16].to_owned();
        with_news += &format!("{{\"sum\":\"{sum}\",\"record\":{record}}}\n");
    }
    fs::write(scene.journal_file(), &with_news).unwrap();
    assert!(scene.undo(), "a new field does no harm");
    let record = "{\"type\":\"something_new\"}";
    let sum = model::hash(format!("{sum}{record}").as_bytes())[..16].to_owned();
    let newer = format!("{with_news}{{\"sum\":\"{sum}\",\"record\":{record}}}\n");
    fs::write(scene.journal_file(), newer).unwrap();
    let error = scene.open().unwrap_err().to_string();
    assert!(error.contains("update the app"), "{error}");
}
