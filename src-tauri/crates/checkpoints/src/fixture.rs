//! What the unit tests share: a working folder with a journal, and the changes of a tool.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nexus_protocol::{ItemId, SessionId, TurnId, UndoReport, UndoScope};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Checkpoints, Intent, Journal, Recorder, blobs::sum, keeper::Limits};

pub(crate) struct Desk {
    pub(crate) data: TempDir,
    pub(crate) work: TempDir,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) journal: Journal,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        let data = TempDir::new().unwrap();
        let work = TempDir::new().unwrap();
        let checkpoints = Checkpoints::open(data.path()).unwrap().with_limits(limits);
        let journal = checkpoints.session(session(1), Some(work.path())).unwrap();
        Self {
            data,
            work,
            checkpoints,
            journal,
        }
    }

    /// As another start of the app.
    pub(crate) fn reopen(&mut self) {
        self.journal = self
            .checkpoints
            .session(session(1), Some(self.work.path()))
            .unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.work.path().join(path)
    }

    /// The user writes.
    pub(crate) fn put(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    pub(crate) fn recorder(&self, call: u128) -> Recorder {
        self.journal.recorder(turn(call / 10), self::call(call))
    }

    /// A tool writes; calls 10 to 19 are of turn 1.
    pub(crate) fn write(&self, call: u128, path: &str, content: &str) {
        let recorder = self.recorder(call);
        let intent = Intent::Content(sum(content.as_bytes()));
        recorder.before(&self.path(path), &intent).unwrap();
        self.put(path, content);
        recorder.after(&self.path(path)).unwrap();
    }

    /// A tool removes.
    pub(crate) fn remove(&self, call: u128, path: &str) {
        let recorder = self.recorder(call);
        let path = self.path(path);
        recorder.before(&path, &Intent::Absent).unwrap();
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        recorder.after(&path).unwrap();
    }

    /// A program runs.
    pub(crate) fn run(&self, call: u128, program: impl FnOnce(&Path)) -> Vec<PathBuf> {
        let recorder = self.recorder(call);
        let mark = recorder.before_tree(self.work.path()).unwrap();
        program(self.work.path());
        recorder.after_tree(mark).unwrap()
    }

    pub(crate) fn undo(&self, scope: &UndoScope) -> UndoReport {
        self.journal.undo(scope, false).unwrap()
    }

    /// Undoes and expects that nothing speaks against it.
    pub(crate) fn undo_all(&self) -> Vec<String> {
        let report = self.undo(&UndoScope::All);
        assert_eq!((report.conflicts, report.lost), (vec![], vec![]));
        report.restored
    }

    pub(crate) fn changed(&self) -> Vec<String> {
        let changes = self.journal.changes().unwrap();
        changes.into_iter().map(|change| change.shown).collect()
    }
}

pub(crate) fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

pub(crate) fn call(number: u128) -> ItemId {
    ItemId(Uuid::from_u128(number))
}

pub(crate) fn turn(number: u128) -> TurnId {
    TurnId(Uuid::from_u128(number))
}

pub(crate) fn file(desk: &Desk, path: &str) -> UndoScope {
    UndoScope::File {
        path: desk.path(path).to_str().unwrap().to_owned(),
    }
}
