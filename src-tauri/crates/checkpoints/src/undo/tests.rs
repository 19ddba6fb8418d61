//! What may be undone, what may not, and what a crash in the middle leaves.

use std::fs;

use nexus_protocol::UndoScope;

use super::*;
use crate::fixture::{Desk, call, file, turn};

#[test]
fn each_scope_takes_back_what_it_says() {
    let scene = || {
        let desk = Desk::new();
        desk.put("a.txt", "0");
        for (number, path, content) in [
            (10, "a.txt", "1"),
            (11, "b.txt", "1"),
            (20, "a.txt", "2"),
            (30, "c.txt", "3"),
        ] {
            desk.write(number, path, content);
        }
        desk
    };
    let after = |scope: &UndoScope| {
        let desk = scene();
        let report = desk.undo(scope);
        assert_eq!((report.conflicts, report.lost), (vec![], vec![]));
        ["a.txt", "b.txt", "c.txt"].map(|path| desk.read(path).unwrap_or_default())
    };
    assert_eq!(after(&UndoScope::All), ["0", "", ""]);
    assert_eq!(after(&UndoScope::Call { call: call(20) }), ["1", "1", "3"]);
    assert_eq!(after(&UndoScope::Call { call: call(11) }), ["2", "", "3"]);
    assert_eq!(after(&UndoScope::Turn { turn: turn(3) }), ["2", "1", ""]);
    assert_eq!(after(&UndoScope::BackTo { turn: turn(2) }), ["1", "1", ""]);
    assert_eq!(after(&UndoScope::BackTo { turn: turn(9) }), ["2", "1", "3"]);
    let desk = scene();
    assert_eq!(desk.undo(&file(&desk, "a.txt")).restored, ["a.txt"]);
    assert_eq!(desk.read("a.txt").unwrap(), "0");
    assert_eq!(desk.changed(), ["b.txt", "c.txt"]);
}

#[test]
fn a_folder_that_was_made_for_a_file_goes_with_the_last_one() {
    let desk = Desk::new();
    desk.write(10, "made/a.txt", "a");
    desk.write(11, "made/b.txt", "b");
    assert_eq!(
        desk.undo(&file(&desk, "made/a.txt")).restored,
        ["made/a.txt"]
    );
    assert_eq!(desk.read("made/b.txt").unwrap(), "b");
    assert_eq!(
        desk.undo(&file(&desk, "made/b.txt")).restored,
        ["made/b.txt"]
    );
    assert!(!desk.path("made").exists());
}

#[test]
fn a_file_comes_back_with_the_folder_that_was_removed_around_it() {
    let desk = Desk::new();
    desk.put("folder/a.txt", "a");
    desk.put("folder/b.txt", "b");
    desk.remove(10, "folder");
    assert_eq!(
        desk.undo(&file(&desk, "folder/a.txt")).restored,
        ["folder/a.txt"]
    );
    assert_eq!(desk.changed(), ["folder/b.txt"]);
    assert_eq!(desk.undo_all(), ["folder/b.txt"]);
    assert_eq!(desk.read("folder/a.txt").unwrap(), "a");
}

#[test]
fn a_file_that_somebody_changed_since_is_a_conflict_and_nothing_is_touched() {
    let desk = Desk::new();
    desk.put("a.txt", "old\n");
    desk.write(10, "a.txt", "agent\n");
    desk.write(10, "b.txt", "agent\n");
    desk.put("a.txt", "user\n");
    let report = desk.undo(&UndoScope::All);
    assert_eq!((report.restored.len(), report.conflicts.len()), (0, 1));
    let conflict = &report.conflicts[0];
    assert_eq!(conflict.shown, "a.txt");
    assert_eq!(conflict.since.note, "somebody else changed it since");
    let lines = |diff: &nexus_protocol::FileDiff| -> Vec<String> {
        let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines);
        lines.map(|line| line.text.clone()).collect()
    };
    assert_eq!(lines(&conflict.since), ["agent", "user"]);
    assert_eq!(lines(&conflict.undo), ["user", "old"]);
    assert_eq!(desk.read("a.txt").unwrap(), "user\n");
    assert_eq!(desk.read("b.txt").unwrap(), "agent\n");
    // With force the user's version goes, and a redo brings it back.
    let report = desk.journal.undo(&UndoScope::All, true).unwrap();
    assert_eq!(report.restored, ["a.txt", "b.txt"]);
    assert_eq!(desk.read("a.txt").unwrap(), "old\n");
    assert_eq!(desk.journal.redo().unwrap().restored, ["a.txt", "b.txt"]);
    assert_eq!(desk.read("a.txt").unwrap(), "user\n");
}

#[test]
fn a_change_of_the_user_between_two_of_the_agent_is_a_conflict() {
    let desk = Desk::new();
    desk.write(10, "a.txt", "agent\n");
    desk.put("a.txt", "agent\nuser\n");
    desk.write(20, "a.txt", "agent\nuser\nagent\n");
    let report = desk.undo(&UndoScope::All);
    assert_eq!(report.conflicts.len(), 1);
    assert!(report.conflicts[0].since.note.contains("between"));
    assert_eq!(report.conflicts[0].since.added, 1);
    // Back to what the user wrote is no loss.
    assert_eq!(
        desk.undo(&UndoScope::Turn { turn: turn(2) }).restored,
        ["a.txt"]
    );
    assert_eq!(desk.read("a.txt").unwrap(), "agent\nuser\n");
}

#[test]
fn a_call_that_a_later_call_built_upon_is_a_conflict() {
    let desk = Desk::new();
    desk.write(10, "a.txt", "one\n");
    desk.write(11, "a.txt", "two\n");
    let scope = UndoScope::Call { call: call(10) };
    let report = desk.undo(&scope);
    assert_eq!(report.conflicts.len(), 1);
    assert!(
        report.conflicts[0].since.note.contains("later"),
        "{report:?}"
    );
    assert_eq!(desk.read("a.txt").unwrap(), "two\n");
    desk.journal.undo(&scope, true).unwrap();
    assert_eq!(desk.read("a.txt"), None);
    assert_eq!(desk.changed(), Vec::<String>::new());
}

#[test]
fn undos_are_redone_in_turn_until_something_new_is_changed() {
    let mut desk = Desk::new();
    desk.write(10, "a.txt", "1");
    desk.write(20, "a.txt", "2");
    desk.undo(&UndoScope::Turn { turn: turn(2) });
    desk.undo(&UndoScope::Turn { turn: turn(1) });
    assert_eq!(desk.read("a.txt"), None);
    desk.reopen();
    desk.journal.redo().unwrap();
    assert_eq!(desk.read("a.txt").unwrap(), "1");
    // The user's change is in the way of the second.
    desk.put("a.txt", "user");
    assert_eq!(desk.journal.redo().unwrap().conflicts.len(), 1);
    desk.put("a.txt", "1");
    desk.journal.redo().unwrap();
    assert_eq!(desk.read("a.txt").unwrap(), "2");
    desk.undo(&UndoScope::Turn { turn: turn(2) });
    desk.write(30, "b.txt", "new");
    assert_eq!(desk.journal.redo().unwrap(), UndoReport::default());
    assert_eq!(desk.read("a.txt").unwrap(), "1");
}

#[test]
fn an_undo_that_died_is_finished_by_the_next_start() {
    // Died before any step, after the first of two, with a file beside its place.
    for done in 0..3 {
        let mut desk = Desk::new();
        desk.put("a.txt", "old a");
        desk.put("b.txt", "old b");
        desk.write(10, "a.txt", "new a");
        desk.write(10, "b.txt", "new b");
        let begun = desk.journal.inner.work(|work| {
            let selected = select(&work.known.ledger, &UndoScope::All, None);
            let plan = work.keeping(Need::Last, |work, keeper| {
                let places = &work.inner.places;
                plan::undo(
                    &work.known.ledger,
                    &selected,
                    false,
                    &mut Eyes { places, keeper },
                )
            })?;
            work.write(vec![Record::UndoBegun {
                undo: 0,
                redo: None,
                steps: plan.steps,
            }])
        });
        begun.unwrap();
        let aside = desk.path(".nexus-undo-000000000001-0-0");
        if done > 0 {
            desk.put("a.txt", "old a");
        }
        if done > 1 {
            fs::write(&aside, "old").unwrap();
        }
        desk.reopen();
        assert_eq!(desk.read("a.txt").unwrap(), "old a");
        assert_eq!(desk.read("b.txt").unwrap(), "old b");
        assert!(!aside.exists(), "what was beside its place is gone");
        assert_eq!(desk.changed(), Vec::<String>::new());
        desk.journal.redo().unwrap();
        assert_eq!(desk.read("b.txt").unwrap(), "new b");
    }
}

#[test]
fn an_undo_that_cannot_be_carried_out_touches_nothing() {
    let desk = Desk::new();
    desk.put("a.txt", "old a");
    desk.put("b.txt", "old b");
    desk.write(10, "a.txt", "new a");
    desk.write(10, "b.txt", "new b");
    let kept = crate::blobs::sum(b"old b");
    let blobs = desk.data.path().join("blobs");
    fs::remove_file(blobs.join(&kept[..2]).join(&kept)).unwrap();
    let error = desk.journal.undo(&UndoScope::All, false).unwrap_err();
    assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
    assert_eq!(desk.read("a.txt").unwrap(), "new a");
    assert_eq!(desk.undo(&file(&desk, "a.txt")).restored, ["a.txt"]);
}

#[test]
fn an_undo_that_fails_half_way_is_rolled_back() {
    let desk = Desk::new();
    desk.put("a.txt", "old a");
    desk.put("b.txt", "old b");
    desk.write(10, "a.txt", "new a");
    desk.write(10, "b.txt", "new b");
    let error = desk.journal.inner.work(|work| {
        let steps: Vec<Step> = ["a.txt", "b.txt"]
            .iter()
            .zip(0..)
            .map(|(name, change)| {
                let held = &work.known.ledger.changes[change].held;
                Step {
                    path: work.known.ledger.changes[change].path.clone(),
                    from: held.last().clone(),
                    to: State {
                        body: match *name {
                            "a.txt" => held.before.body.clone(),
                            // Never kept: this step fails.
                            _ => Body::File {
                                sha256: crate::blobs::sum(b"never kept"),
                                size: 1,
                            },
                        },
                        ..held.before.clone()
                    },
                    changes: vec![change as u64],
                }
            })
            .collect();
        work.write(vec![Record::UndoBegun {
            undo: 0,
            redo: None,
            steps: steps.clone(),
        }])?;
        let failed = work.restorer(0, Failure::Stops).run(&steps).unwrap_err();
        Ok(work.roll_back(0, &steps, failed))
    });
    assert!(matches!(error.unwrap(), CheckpointError::Damaged { .. }));
    assert_eq!(desk.read("a.txt").unwrap(), "new a");
    assert_eq!(desk.read("b.txt").unwrap(), "new b");
    assert_eq!(desk.undo_all(), ["a.txt", "b.txt"]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_that_became_a_link_is_a_conflict_and_nothing_is_written_behind_it() {
        let desk = Desk::new();
        let outside = tempfile::TempDir::new().unwrap();
        for (path, after) in [
            ("folder/changed.txt", Some("new")),
            ("folder/gone.txt", None),
        ] {
            desk.put(path, "old");
            match after {
                Some(content) => desk.write(10, path, content),
                None => desk.remove(10, path),
            }
        }
        fs::write(outside.path().join("changed.txt"), "new").unwrap();
        fs::rename(desk.path("folder"), desk.path("aside")).unwrap();
        symlink(outside.path(), desk.path("folder")).unwrap();
        for force in [false, true] {
            let report = desk.journal.undo(&UndoScope::All, force).unwrap();
            assert_eq!(report.restored, Vec::<String>::new());
            assert!(!report.conflicts.is_empty());
            let names = fs::read_dir(outside.path()).unwrap().count();
            assert_eq!(names, 1, "nothing came");
            let behind = fs::read_to_string(outside.path().join("changed.txt"));
            assert_eq!(behind.unwrap(), "new");
        }
    }

    #[test]
    fn a_link_above_the_working_folder_is_followed_once_when_it_is_opened() {
        let mut desk = Desk::new();
        let link = desk.data.path().join("link");
        symlink(desk.work.path(), &link).unwrap();
        desk.journal = desk
            .checkpoints
            .session(crate::fixture::session(1), Some(&link))
            .unwrap();
        let recorder = desk.recorder(10);
        let path = link.join("a.txt");
        recorder
            .before(&path, &crate::Intent::Content(crate::blobs::sum(b"new")))
            .unwrap();
        fs::write(&path, "new").unwrap();
        recorder.after(&path).unwrap();
        let change = desk.journal.changes().unwrap().remove(0);
        assert_eq!(
            (change.path.as_str(), change.shown.as_str()),
            (path.to_str().unwrap(), "a.txt")
        );
        assert_eq!(
            desk.undo(&UndoScope::File { path: change.path }).restored,
            ["a.txt"]
        );
        assert!(!path.exists());
    }

    #[test]
    fn a_file_outside_of_the_working_folder_comes_back_too() {
        let desk = Desk::new();
        let outside = tempfile::TempDir::new().unwrap();
        let path = outside.path().join("deep/file.txt");
        let recorder = desk.recorder(10);
        recorder
            .before(&path, &crate::Intent::Content(crate::blobs::sum(b"new")))
            .unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "new").unwrap();
        recorder.after(&path).unwrap();
        assert_eq!(desk.undo_all(), [path.to_str().unwrap()]);
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        // A link in the place of a folder out there is not followed either.
        desk.journal.redo().unwrap();
        fs::rename(outside.path().join("deep"), outside.path().join("other")).unwrap();
        symlink(outside.path().join("other"), outside.path().join("deep")).unwrap();
        assert_eq!(desk.undo(&UndoScope::All).conflicts.len(), 1);
        assert_eq!(
            fs::read(outside.path().join("other/file.txt")).unwrap(),
            b"new"
        );
    }

    #[test]
    fn folders_that_may_not_be_written_are_opened_and_closed_again() {
        use std::os::unix::fs::PermissionsExt;
        let desk = Desk::new();
        desk.put("closed/a.txt", "old");
        let closed = desk.path("closed");
        let mode = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o755);
        desk.run(10, |_| {
            fs::write(closed.join("a.txt"), "new").unwrap();
            mode(0o555);
        });
        assert_eq!(desk.undo_all(), ["closed/a.txt"]);
        assert_eq!(
            closed.metadata().unwrap().permissions().mode() & 0o777,
            0o755
        );
        desk.journal.redo().unwrap();
        assert_eq!(
            closed.metadata().unwrap().permissions().mode() & 0o777,
            0o555
        );
        assert_eq!(desk.read("closed/a.txt").unwrap(), "new");
        mode(0o755);
    }
}
