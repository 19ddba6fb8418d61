//! What is kept, what is named, and what programs change.

use std::{fs, path::Path};

use nexus_protocol::UndoScope;

use super::*;
use crate::{
    blobs::sum,
    fixture::{Desk, call},
    keeper::Limits,
};

#[test]
fn folders_that_are_made_on_the_way_go_with_the_file_and_others_stay() {
    let desk = Desk::new();
    desk.put("there/before.txt", "");
    desk.write(10, "there/new/deep/file.txt", "made");
    assert_eq!(desk.undo_all(), ["there/new/deep/file.txt"]);
    assert!(!desk.path("there/new").exists());
    assert_eq!(desk.read("there/before.txt").unwrap(), "");
}

#[test]
fn a_folder_with_something_of_the_user_in_it_stays_and_can_go_later() {
    let desk = Desk::new();
    desk.write(10, "made/file.txt", "made");
    desk.put("made/users.txt", "the user's");
    assert_eq!(desk.undo_all(), ["made/file.txt"]);
    assert_eq!(desk.read("made/users.txt").unwrap(), "the user's");
    fs::remove_file(desk.path("made/users.txt")).unwrap();
    assert_eq!(desk.undo_all(), ["made"]);
    assert!(!desk.path("made").exists());
}

#[test]
fn a_folder_is_kept_with_all_that_is_in_it() {
    let desk = Desk::new();
    desk.put("folder/.env", "secret");
    desk.put("folder/deep/file.txt", "deep");
    fs::create_dir(desk.path("folder/empty")).unwrap();
    desk.remove(10, "folder");
    assert_eq!(desk.undo_all().len(), 3);
    assert_eq!(desk.read("folder/.env").unwrap(), "secret");
    assert_eq!(desk.read("folder/deep/file.txt").unwrap(), "deep");
    assert!(desk.path("folder/empty").is_dir());
}

#[test]
fn a_folder_that_is_moved_comes_back() {
    let desk = Desk::new();
    desk.put("from/a.txt", "a");
    desk.put("from/deep/b.txt", "b");
    let recorder = desk.recorder(10);
    let (from, to) = (desk.path("from"), desk.path("to"));
    recorder.before(&from, &Intent::Absent).unwrap();
    recorder.before(&to, &Intent::Folder).unwrap();
    fs::rename(&from, &to).unwrap();
    recorder.after(&from).unwrap();
    recorder.after(&to).unwrap();
    desk.undo_all();
    assert_eq!(desk.read("from/deep/b.txt").unwrap(), "b");
    assert!(!to.exists());
    desk.journal.redo().unwrap();
    assert_eq!(desk.read("to/deep/b.txt").unwrap(), "b");
    assert!(!from.exists());
}

#[test]
fn what_is_too_big_is_named_and_told_as_lost() {
    let desk = Desk::with_limits(Limits {
        file: 10,
        ..Limits::default()
    });
    desk.put("big.txt", "more than ten bytes");
    desk.put("small.txt", "small");
    let kept = desk
        .recorder(10)
        .before(&desk.path("big.txt"), &Intent::Absent)
        .unwrap();
    assert!(
        matches!(&kept, Kept::NotContent(why) if why.starts_with("big.txt: ")),
        "{kept:?}"
    );
    fs::remove_file(desk.path("big.txt")).unwrap();
    desk.recorder(10).after(&desk.path("big.txt")).unwrap();
    desk.write(11, "small.txt", "other");
    let changes = desk.journal.changes().unwrap();
    assert!(changes[0].not_undoable.is_some() && changes[1].not_undoable.is_none());
    let report = desk.undo(&UndoScope::All);
    assert_eq!(report.restored, ["small.txt"]);
    assert_eq!(report.lost.len(), 1);
    assert!(report.lost[0].starts_with("big.txt: "), "{:?}", report.lost);
}

#[test]
fn a_session_is_bounded_and_programs_leave_room_for_tools() {
    let desk = Desk::with_limits(Limits {
        session: 30,
        trees: 10,
        ..Limits::default()
    });
    desk.put("a.txt", "12345678");
    desk.put("b.txt", "abcdefgh");
    let mark = desk.recorder(10).before_tree(desk.work.path()).unwrap();
    assert_eq!(mark.not_kept.len(), 1);
    assert!(
        mark.not_kept[0].starts_with("b.txt: "),
        "{:?}",
        mark.not_kept
    );
    let before = |content: &str| {
        desk.put("c.txt", content);
        let recorder = desk.recorder(11);
        recorder
            .before(&desk.path("c.txt"), &Intent::Absent)
            .unwrap()
    };
    assert_eq!(before("fits in the room"), Kept::Whole);
    assert!(matches!(before("and this does not"), Kept::NotContent(_)));
}

#[test]
fn a_second_snapshot_of_an_unchanged_folder_reads_nothing() {
    let mut desk = Desk::new();
    for number in 0..50 {
        desk.put(&format!("{}/{number}.txt", number % 5), &number.to_string());
    }
    // A file that was changed a moment ago could change again with the same time: it is read once more.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let folder = desk.work.path().to_path_buf();
    let read = |desk: &Desk| {
        let recorder = desk.recorder(10);
        let mark = recorder.before_tree(&folder).unwrap();
        assert_eq!(
            mark.entries,
            55 + usize::from(folder.join("new.txt").exists())
        );
        let read = mark.files_read;
        assert_eq!(recorder.after_tree(mark).unwrap(), Vec::<PathBuf>::new());
        read
    };
    assert_eq!(read(&desk), 50);
    assert_eq!(read(&desk), 0);
    desk.reopen();
    assert_eq!(read(&desk), 0, "what was seen is known at the next start");
    desk.put("new.txt", "new");
    desk.put("0/0.txt", "changed");
    assert_eq!(read(&desk), 2);
}

#[test]
fn what_a_program_changed_is_told_and_comes_back() {
    let desk = Desk::new();
    desk.put("changed.txt", "old");
    desk.put("removed.txt", "removed");
    desk.put("moved.txt", "moved");
    desk.put(".git/config", "git");
    desk.put("same.txt", "same");
    let changed = desk.run(10, |folder| {
        fs::write(folder.join("changed.txt"), "new").unwrap();
        fs::remove_file(folder.join("removed.txt")).unwrap();
        fs::rename(folder.join("moved.txt"), folder.join("elsewhere.txt")).unwrap();
        fs::remove_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join("same.txt"), "same").unwrap();
        fs::create_dir(folder.join("empty")).unwrap();
    });
    let mut names: Vec<_> = changed
        .iter()
        .map(|path| path.strip_prefix(desk.work.path()).unwrap())
        .collect();
    names.sort();
    let expected = [
        ".git",
        ".git/config",
        "changed.txt",
        "elsewhere.txt",
        "empty",
        "moved.txt",
        "removed.txt",
    ];
    assert_eq!(names, expected.map(Path::new));
    desk.undo_all();
    assert_eq!(desk.read("changed.txt").unwrap(), "old");
    assert_eq!(desk.read("moved.txt").unwrap(), "moved");
    assert_eq!(desk.read(".git/config").unwrap(), "git");
    assert!(!desk.path("elsewhere.txt").exists() && !desk.path("empty").exists());
}

#[test]
fn a_program_that_died_with_the_app_is_journalled_at_the_next_start() {
    let mut desk = Desk::new();
    desk.put("a.txt", "old");
    let mark = desk.recorder(10).before_tree(desk.work.path()).unwrap();
    desk.put("a.txt", "new");
    drop(mark);
    assert_eq!(desk.changed(), Vec::<String>::new());
    desk.reopen();
    assert_eq!(desk.changed(), ["a.txt"]);
    assert_eq!(desk.journal.changes().unwrap()[0].calls, [call(10)]);
    assert_eq!(desk.undo_all(), ["a.txt"]);
    assert_eq!(desk.read("a.txt").unwrap(), "old");
}

#[test]
fn programs_and_tools_at_the_same_time_are_told_apart_by_what_was_written_down() {
    let desk = Desk::new();
    desk.put("tool.txt", "old");
    desk.put("program.txt", "old");
    let recorder = desk.recorder(10);
    let mark = recorder.before_tree(desk.work.path()).unwrap();
    let other = desk.recorder(12).before_tree(desk.work.path()).unwrap();
    desk.write(11, "tool.txt", "new");
    desk.put("program.txt", "new");
    assert_eq!(
        recorder.after_tree(mark).unwrap(),
        [desk.path("program.txt")]
    );
    let none = desk.recorder(12).after_tree(other).unwrap();
    assert_eq!(none, Vec::<PathBuf>::new(), "both are written down already");
    let calls: Vec<_> = desk
        .journal
        .changes()
        .unwrap()
        .into_iter()
        .map(|change| change.calls)
        .collect();
    assert_eq!(calls, [vec![call(10)], vec![call(11)]]);
}

#[test]
fn an_undo_while_a_program_runs_is_no_change_of_the_program() {
    let desk = Desk::new();
    desk.put("a.txt", "old");
    desk.write(10, "a.txt", "new");
    let recorder = desk.recorder(20);
    let mark = recorder.before_tree(desk.work.path()).unwrap();
    assert_eq!(desk.undo_all(), ["a.txt"]);
    desk.put("b.txt", "new");
    assert_eq!(recorder.after_tree(mark).unwrap(), [desk.path("b.txt")]);
    assert_eq!(desk.changed(), ["b.txt"]);
    assert_eq!(desk.undo_all(), ["b.txt"]);
    assert_eq!(desk.read("a.txt").unwrap(), "old");
}

#[test]
fn a_change_that_was_not_kept_before_is_an_error() {
    let desk = Desk::new();
    let error = desk.recorder(10).after(&desk.path("a.txt")).unwrap_err();
    assert!(error.to_string().contains("not kept before"), "{error}");
}

#[test]
fn a_change_whose_end_was_not_told_is_known_by_what_is_there() {
    let mut desk = Desk::new();
    desk.put("done.txt", "old");
    desk.put("not.txt", "old");
    desk.put("other.txt", "old");
    for path in ["done.txt", "not.txt", "other.txt"] {
        let intent = Intent::Content(sum(b"new"));
        desk.recorder(10).before(&desk.path(path), &intent).unwrap();
    }
    desk.put("done.txt", "new");
    desk.put("other.txt", "neither");
    desk.reopen();
    assert_eq!(desk.changed(), ["done.txt", "other.txt"]);
    let report = desk.undo(&UndoScope::All);
    assert_eq!(report.conflicts.len(), 1);
    assert_eq!(report.conflicts[0].shown, "other.txt");
    desk.put("other.txt", "old");
    assert_eq!(desk.undo_all(), ["done.txt"]);
    // Told late, it is a change still.
    let recorder = desk.recorder(10);
    desk.put("not.txt", "new");
    recorder.after(&desk.path("not.txt")).unwrap();
    assert_eq!(desk.undo_all(), ["not.txt"]);
    assert_eq!(desk.read("not.txt").unwrap(), "old");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_pipe_is_noted_and_never_opened() {
        let desk = Desk::new();
        let pipe = desk.path("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        // Opening it would wait for ever.
        let kept = desk.recorder(10).before(&pipe, &Intent::Absent).unwrap();
        assert_eq!(
            kept,
            Kept::NotContent("pipe: a pipe has no content to keep".to_owned())
        );
        let mark = desk.recorder(11).before_tree(desk.work.path()).unwrap();
        assert_eq!(mark.not_kept, ["pipe: a pipe has no content to keep"]);
    }

    #[test]
    fn what_comes_and_goes_with_a_program_is_no_change() {
        let desk = Desk::new();
        desk.put(".git/HEAD", "ref: refs/heads/main\n");
        let changed = desk.run(10, |folder| {
            std::os::unix::net::UnixListener::bind(folder.join(".envrc")).unwrap();
            fs::write(folder.join(".git/commondir"), ".\n").unwrap();
            fs::write(folder.join("made"), "new").unwrap();
        });
        assert_eq!(changed, [desk.path("made")]);
        // They go again while the next program runs: that is no change either.
        let changed = desk.run(11, |folder| {
            fs::remove_file(folder.join(".envrc")).unwrap();
            fs::remove_file(folder.join(".git/commondir")).unwrap();
        });
        assert_eq!(changed, [] as [std::path::PathBuf; 0]);
    }

    #[test]
    fn a_link_is_kept_as_a_link_and_what_is_behind_it_is_not_walked() {
        let desk = Desk::new();
        let outside = tempfile::TempDir::new().unwrap();
        fs::write(outside.path().join("file.txt"), "outside").unwrap();
        symlink(outside.path(), desk.path("link")).unwrap();
        let mark = desk.recorder(10).before_tree(desk.work.path()).unwrap();
        assert_eq!(mark.entries, 1);
        fs::remove_file(desk.path("link")).unwrap();
        desk.recorder(10).after_tree(mark).unwrap();
        assert_eq!(desk.undo_all(), ["link"]);
        assert_eq!(fs::read_link(desk.path("link")).unwrap(), outside.path());
    }

    #[test]
    fn a_tool_that_writes_through_a_link_is_undone_behind_it() {
        let desk = Desk::new();
        desk.put("real.txt", "old");
        symlink("real.txt", desk.path("link.txt")).unwrap();
        // `put` follows the link.
        desk.write(10, "link.txt", "new");
        assert_eq!(desk.read("real.txt").unwrap(), "new");
        assert_eq!(desk.undo_all(), ["real.txt"]);
        assert_eq!(desk.read("real.txt").unwrap(), "old");
        assert!(desk.path("link.txt").is_symlink());
    }

    #[test]
    fn modes_and_times_come_back() {
        use std::os::unix::fs::PermissionsExt;
        let desk = Desk::new();
        desk.put("run.sh", "#!/bin/sh\n");
        let path = desk.path("run.sh");
        let mode = |mode| fs::Permissions::from_mode(mode);
        fs::set_permissions(&path, mode(0o750)).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000, 123);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(old).unwrap();
        desk.run(10, |_| fs::set_permissions(&path, mode(0o644)).unwrap());
        let diff = desk.journal.diff(&path).unwrap();
        assert_eq!(diff.note, "mode 750 → 644");
        desk.write(11, "run.sh", "changed");
        assert_eq!(desk.undo_all(), ["run.sh"]);
        let metadata = path.metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o750);
        assert_eq!(metadata.modified().unwrap(), old);
    }
}
