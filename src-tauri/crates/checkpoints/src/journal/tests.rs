//! What a journal tells, and what is erased.

use nexus_protocol::ChangeKind;

use super::*;
use crate::{
    Intent,
    fixture::{Desk, call, file, session, turn},
};

#[test]
fn changes_are_first_state_against_present_state() {
    let desk = Desk::new();
    desk.put("changed.txt", "one\ntwo\n");
    desk.put("back.txt", "same\n");
    desk.put("gone.txt", "gone\n");
    desk.write(10, "changed.txt", "one\n2\n");
    desk.write(11, "changed.txt", "one\n2\n3\n");
    desk.write(12, "back.txt", "other\n");
    desk.write(13, "back.txt", "same\n");
    desk.remove(14, "gone.txt");
    desk.write(15, "made/new.txt", "new\n");
    let changes = desk.journal.changes().unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.shown.as_str(),
                change.kind,
                change.added,
                change.removed,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("changed.txt", ChangeKind::Modified, 2, 1),
            ("gone.txt", ChangeKind::Deleted, 0, 1),
            ("made/new.txt", ChangeKind::Created, 1, 0),
        ]
    );
    assert_eq!(changes[0].calls, [call(10), call(11)]);
    assert_eq!(changes[0].path, desk.path("changed.txt").to_str().unwrap());
    let diff = desk.journal.diff(&desk.path("changed.txt")).unwrap();
    assert_eq!(
        (diff.added, diff.removed, diff.path.as_str()),
        (2, 1, "changed.txt")
    );
}

#[test]
fn an_empty_folder_is_told_and_one_with_something_in_it_is_not() {
    let desk = Desk::new();
    desk.run(10, |folder| {
        fs::create_dir_all(folder.join("empty")).unwrap();
        fs::create_dir_all(folder.join("full")).unwrap();
        fs::write(folder.join("full/file"), "").unwrap();
    });
    assert_eq!(desk.changed(), ["empty", "full/file"]);
    assert_eq!(desk.undo_all(), ["empty", "full/file"]);
    assert_eq!(fs::read_dir(desk.work.path()).unwrap().count(), 0);
}

#[test]
fn what_was_looked_at_is_marked_until_it_is_changed_again() {
    let mut desk = Desk::new();
    desk.write(10, "a.txt", "a");
    desk.write(11, "b.txt", "b");
    let kept = |desk: &Desk| -> Vec<bool> {
        let changes = desk.journal.changes().unwrap();
        changes.iter().map(|change| change.kept).collect()
    };
    desk.journal.keep(Some(&desk.path("a.txt"))).unwrap();
    assert_eq!(kept(&desk), [true, false]);
    desk.reopen();
    assert_eq!(kept(&desk), [true, false]);
    desk.journal.keep(None).unwrap();
    assert_eq!(kept(&desk), [true, true]);
    desk.write(20, "b.txt", "c");
    assert_eq!(kept(&desk), [true, false]);
}

#[test]
fn a_session_that_changed_nothing_leaves_no_journal() {
    let desk = Desk::new();
    assert_eq!(desk.changed(), Vec::<String>::new());
    assert_eq!(desk.undo_all(), Vec::<String>::new());
    let journal = format!("sessions/{}.jsonl", session(1));
    assert!(!desk.data.path().join(journal).exists());
}

#[test]
fn forgetting_a_session_erases_its_contents_and_no_others() {
    let desk = Desk::new();
    let other = desk
        .checkpoints
        .session(session(2), Some(desk.work.path()))
        .unwrap();
    for (path, content) in [
        ("mine", "of one"),
        ("both", "of both"),
        ("theirs", "of two"),
    ] {
        desk.put(path, content);
    }
    desk.write(10, "mine", "changed");
    let recorder = other.recorder(turn(1), call(1));
    recorder
        .before(&desk.path("both"), &Intent::Absent)
        .unwrap();
    recorder
        .before(&desk.path("theirs"), &Intent::Absent)
        .unwrap();
    // The newest snapshot of a folder is needed too.
    desk.put("seen", "by a program");
    let mark = recorder.before_tree(desk.work.path()).unwrap();
    recorder.after_tree(mark).unwrap();
    desk.checkpoints.forget(session(1)).unwrap();
    let blobs = &desk.checkpoints.blobs;
    assert!(!blobs.holds(&sum(b"of one")));
    for content in ["of both", "of two", "by a program"] {
        assert_eq!(
            blobs.read(&sum(content.as_bytes())).unwrap(),
            content.as_bytes()
        );
    }
    assert_eq!(
        fs::read_dir(desk.data.path().join("sessions"))
            .unwrap()
            .count(),
        3,
        "journal, lock and trees of the other"
    );
    assert!(
        desk.journal
            .changes()
            .unwrap_err()
            .to_string()
            .contains("erased")
    );
}

#[test]
fn two_journals_of_a_session_know_what_the_other_wrote() {
    let desk = Desk::new();
    let twin = desk
        .checkpoints
        .session(session(1), Some(desk.work.path()))
        .unwrap();
    desk.put("a.txt", "old");
    desk.write(10, "a.txt", "new");
    assert_eq!(
        twin.undo(&UndoScope::All, false).unwrap().restored,
        ["a.txt"]
    );
    desk.write(20, "b.txt", "new");
    assert_eq!(twin.changes().unwrap().len(), 1);
    assert_eq!(desk.undo(&file(&desk, "b.txt")).restored, ["b.txt"]);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_is_kept_and_can_be_undone_by_what_was_shown() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let desk = Desk::new();
    let path = desk.work.path().join(OsStr::from_bytes(b"odd\xff"));
    fs::write(&path, "old").unwrap();
    desk.run(10, |_| fs::write(&path, "new").unwrap());
    let shown = desk.journal.changes().unwrap().remove(0).path;
    let report = desk.undo(&UndoScope::File { path: shown });
    assert_eq!(report.restored.len(), 1);
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::TempDir::new().unwrap();
    let path = root.path().join("checkpoints");
    Checkpoints::open(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn all_of_it_may_go_to_other_threads() {
    fn goes<T: Send + Sync + 'static>() {}
    goes::<Checkpoints>();
    goes::<Journal>();
    goes::<Recorder>();
    goes::<crate::TreeMark>();
}
