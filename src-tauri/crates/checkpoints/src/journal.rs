//! The checkpoints of a data folder and the journal of a session: who may work on it, what it knows, and what it says. What an
//! undo does is in `undo`, what a call records in `recorder`.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nexus_protocol::{
    ChangeKind, FileChange, FileDiff, ItemId, SessionId, TurnId, UndoReport, UndoScope,
};

use crate::{
    CheckpointError, Recorder,
    blobs::{Blobs, is_name, sum},
    collect, compare,
    keeper::{Holdings, Keeper, Limits, Need},
    key::Key,
    ledger::Ledger,
    lock,
    log::Log,
    look::{Looked, Seen, look_at},
    place::Places,
    plan::leaves,
    record::{Record, VERSION},
    state::{Body, State},
    tree::Snapshot,
};

/// All checkpoints of a data folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    root: Arc<PathBuf>,
    blobs: Blobs,
    limits: Limits,
}

impl Checkpoints {
    /// Opens, or makes, the folder `root`, which only this holds things in.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn open(root: &Path) -> Result<Self, CheckpointError> {
        let sessions = root.join("sessions");
        fs::create_dir_all(&sessions).map_err(CheckpointError::at(&sessions))?;
        close(root).map_err(CheckpointError::at(root))?;
        let root = root.canonicalize().map_err(CheckpointError::at(root))?;
        Ok(Self {
            blobs: Blobs::open(&root)?,
            root: Arc::new(root),
            limits: Limits::default(),
        })
    }

    /// With other bounds.
    #[cfg(test)]
    pub(crate) fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The journal of a session; opening it finishes what a crash left unfinished. `folder` is the working folder, absolute:
    /// paths in it are shown relative to it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn session(
        &self,
        session: SessionId,
        folder: Option<&Path>,
    ) -> Result<Journal, CheckpointError> {
        let log = Log::new(self.session_path(session, "jsonl"));
        let journal = Journal {
            inner: Arc::new(Inner {
                checkpoints: self.clone(),
                session,
                places: Places::new(folder)?,
                known: Mutex::new(Known {
                    log,
                    ledger: Ledger::default(),
                    holdings: Holdings::default(),
                    seen: HashMap::new(),
                    snapshots: HashMap::new(),
                }),
            }),
        };
        journal.inner.work(|work| {
            for tree in work.known.ledger.trees.keys().copied().collect::<Vec<_>>() {
                work.finish_tree(tree)?;
            }
            work.settle()
        })?;
        Ok(journal)
    }

    /// Erases what is kept of a session that is gone for good.
    ///
    /// # Errors
    /// Where files cannot be removed.
    pub fn forget(&self, session: SessionId) -> Result<(), CheckpointError> {
        let _alone = lock::exclusive(&self.root.join("lock"))?;
        for file in [
            self.session_path(session, "jsonl"),
            self.session_path(session, "lock"),
        ] {
            ignore_missing(fs::remove_file(&file)).map_err(CheckpointError::at(&file))?;
        }
        let trees = self.session_path(session, "trees");
        ignore_missing(fs::remove_dir_all(&trees)).map_err(CheckpointError::at(&trees))?;
        collect::collect(&self.root.join("sessions"), self.blobs.folder())
    }

    fn session_path(&self, session: SessionId, extension: &str) -> PathBuf {
        self.root
            .join("sessions")
            .join(format!("{session}.{extension}"))
    }
}

/// What is kept of a file that only its owner may read is read by nobody else either.
#[cfg(unix)]
fn close(root: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(root, fs::Permissions::from_mode(0o700))
}

/// The user's own folders are closed to others there.
#[cfg(not(unix))]
fn close(_: &Path) -> io::Result<()> {
    Ok(())
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The journal of one session. Cheap to clone; one process writes it at a time.
#[derive(Clone, Debug)]
pub struct Journal {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) checkpoints: Checkpoints,
    pub(crate) session: SessionId,
    pub(crate) places: Places,
    known: Mutex<Known>,
}

/// What is known of a session; the files may know more, if another process wrote.
#[derive(Debug)]
pub(crate) struct Known {
    log: Log,
    pub(crate) ledger: Ledger,
    pub(crate) holdings: Holdings,
    /// Files as they were at the last look.
    seen: HashMap<Key, Seen>,
    /// The newest snapshot of each folder.
    snapshots: HashMap<Key, Arc<Snapshot>>,
}

/// One piece of work on a session, while nobody else works on it.
pub(crate) struct Work<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) known: MutexGuard<'a, Known>,
}

impl Inner {
    /// Works on the session: alone, with all that was written, and with no undo left half done.
    pub(crate) fn work<R>(
        &self,
        work: impl FnOnce(&mut Work<'_>) -> Result<R, CheckpointError>,
    ) -> Result<R, CheckpointError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let checkpoints = &self.checkpoints;
        let _nobody_erases = lock::shared(&checkpoints.root.join("lock"))?;
        let _alone = lock::exclusive(&checkpoints.session_path(self.session, "lock"))?;
        let mut here = Work { inner: self, known };
        here.catch_up()?;
        here.finish_undo()?;
        work(&mut here)
    }
}

impl Work<'_> {
    fn catch_up(&mut self) -> Result<(), CheckpointError> {
        for record in self.known.log.news()? {
            self.note_contents(&record);
            self.apply(record)?;
        }
        Ok(())
    }

    fn apply(&mut self, record: Record) -> Result<(), CheckpointError> {
        let known = &mut *self.known;
        known
            .ledger
            .apply(record)
            .map_err(|reason| known.log.unreadable(reason))
    }

    /// Contents that a record names, and that are there.
    fn note_contents(&mut self, record: &Record) {
        let states: Vec<&State> = match record {
            Record::Before { state, .. } | Record::After { state, .. } => vec![state],
            Record::Changed { before, after, .. } => vec![before, after],
            Record::UndoBegun { steps, .. } => steps.iter().map(|step| &step.from).collect(),
            _ => Vec::new(),
        };
        for state in states {
            self.note(state);
        }
    }

    fn note(&mut self, state: &State) {
        if let Body::File { sha256, size } = &state.body
            && !self.known.holdings.has(sha256)
            && self.blobs().holds(sha256)
        {
            self.known.holdings.add(sha256, *size);
        }
    }

    /// Writes records; they are on disk and known when this returns.
    pub(crate) fn write(&mut self, mut records: Vec<Record>) -> Result<(), CheckpointError> {
        if records.is_empty() {
            return Ok(());
        }
        if !self.known.ledger.opened {
            records.insert(0, Record::Opened { version: VERSION });
        }
        self.known.log.append(&records)?;
        for record in records {
            self.note_contents(&record);
            self.apply(record)?;
        }
        Ok(())
    }

    pub(crate) fn unreadable(&self, reason: String) -> CheckpointError {
        self.known.log.unreadable(reason)
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.inner.checkpoints.blobs
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.checkpoints.limits
    }

    pub(crate) fn root(&self) -> &Path {
        &self.inner.checkpoints.root
    }

    /// Keeps contents while `take` looks at files; they are on disk when this returns.
    pub(crate) fn keeping<R>(
        &self,
        need: Need,
        take: impl FnOnce(&Self, &mut Keeper<'_>) -> Result<R, CheckpointError>,
    ) -> Result<R, CheckpointError> {
        let holdings = &self.known.holdings;
        let mut keeper = Keeper::new(self.blobs(), holdings, self.limits(), need);
        let taken = take(self, &mut keeper)?;
        keeper.commit()?;
        Ok(taken)
    }

    /// What a path holds, for people: read only where it changed since the last look.
    pub(crate) fn glance(&mut self, key: &Key) -> Result<State, CheckpointError> {
        let before = self.known.seen.remove(key);
        let Looked { seen, .. } = self.keeping(Need::Name, |work, keeper| {
            look_at(&work.inner.places, key, before.as_ref(), keeper)
        })?;
        let state = seen.state.clone();
        self.known.seen.insert(key.clone(), seen);
        Ok(state)
    }

    /// The newest snapshot of a folder; an empty one where there is none that can be read: then all is read anew.
    pub(crate) fn snapshot(&mut self, folder: &Key) -> Arc<Snapshot> {
        if let Some(snapshot) = self.known.snapshots.get(folder) {
            return Arc::clone(snapshot);
        }
        let name = self.known.ledger.snapshots.get(folder).cloned();
        let snapshot = name.and_then(|name| self.stored_snapshot(&name).ok());
        let snapshot = Arc::new(snapshot.unwrap_or_default());
        self.note_snapshot(&snapshot);
        snapshot
    }

    pub(crate) fn note_snapshot(&mut self, snapshot: &Snapshot) {
        for seen in snapshot.entries.values() {
            self.note(&seen.state);
        }
    }

    pub(crate) fn stored_snapshot(&self, name: &str) -> Result<Snapshot, CheckpointError> {
        let path = self.trees().join(name);
        let damaged = |reason: &str| CheckpointError::Damaged {
            path: path.clone(),
            reason: reason.to_owned(),
        };
        if !is_name(name) {
            return Err(damaged("its name is no SHA-256"));
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged("it is missing"));
            }
            Err(error) => return Err(CheckpointError::at(&path)(error)),
        };
        if sum(&bytes) != name {
            return Err(damaged("it has another content"));
        }
        serde_json::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))
    }

    /// Stores a snapshot, unless it is the one before; it is on disk when this returns. Its name.
    pub(crate) fn store_snapshot(
        &mut self,
        folder: &Key,
        snapshot: &Arc<Snapshot>,
    ) -> Result<String, CheckpointError> {
        let unchanged = self
            .known
            .snapshots
            .get(folder)
            .is_some_and(|known| **known == **snapshot);
        if unchanged && let Some(name) = self.known.ledger.snapshots.get(folder) {
            return Ok(name.clone());
        }
        let trees = self.trees();
        fs::create_dir_all(&trees).map_err(CheckpointError::at(&trees))?;
        let bytes = serde_json::to_vec(&**snapshot)
            .map_err(|error| self.known.log.unreadable(error.to_string()))?;
        let name = sum(&bytes);
        let path = trees.join(&name);
        let aside = trees.join("new");
        let written = fs::File::create(&aside).and_then(|mut file| {
            io::Write::write_all(&mut file, &bytes)?;
            file.sync_all()
        });
        written
            .and_then(|()| fs::rename(&aside, &path))
            .map_err(CheckpointError::at(&path))?;
        crate::blobs::sync_folder(&trees)?;
        self.note_snapshot(snapshot);
        self.known
            .snapshots
            .insert(folder.clone(), Arc::clone(snapshot));
        Ok(name)
    }

    /// Removes snapshots that nothing names any more.
    pub(crate) fn drop_snapshots(&self) {
        let ledger = &self.known.ledger;
        let named = |name: &str| {
            ledger.snapshots.values().any(|live| live == name)
                || ledger.trees.values().any(|tree| tree.snapshot == name)
        };
        let Ok(entries) = fs::read_dir(self.trees()) else {
            return;
        };
        for entry in entries.flatten() {
            if !named(&entry.file_name().to_string_lossy()) {
                // It takes some room and does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn trees(&self) -> PathBuf {
        self.inner
            .checkpoints
            .session_path(self.inner.session, "trees")
    }
}

impl Journal {
    /// Records for one call.
    pub fn recorder(&self, turn: TurnId, call: ItemId) -> Recorder {
        Recorder::new(self.clone(), turn, call)
    }

    /// Files that differ from what they were before the session, by path. A folder is one of them only where nothing in it is.
    ///
    /// # Errors
    /// Where the journal or a file cannot be read.
    pub fn changes(&self) -> Result<Vec<FileChange>, CheckpointError> {
        self.inner.work(|work| {
            let mut differ = HashMap::new();
            for path in work
                .known
                .ledger
                .by_path
                .keys()
                .cloned()
                .collect::<Vec<_>>()
            {
                let Some(first) = work.known.ledger.active(&path).first().copied() else {
                    continue;
                };
                let now = work.glance(&path)?;
                let before = &work.known.ledger.changes[first].held.before;
                if !before.same(&now) {
                    differ.insert(path, (before.clone(), now));
                }
            }
            let paths = leaves(differ.keys());
            let changes = paths
                .into_iter()
                .map(|path| work.file_change(path, &differ[path]));
            Ok(changes.collect())
        })
    }

    /// What changed in one file since before the session.
    ///
    /// # Errors
    /// Where the journal or the file cannot be read.
    pub fn diff(&self, path: &Path) -> Result<FileDiff, CheckpointError> {
        self.inner.work(|work| {
            let key = work.named(path)?;
            let shown = work.inner.places.shown(&key);
            let Some(first) = work.known.ledger.active(&key).first().copied() else {
                return Ok(crate::file_diff(&shown, None, None));
            };
            let before = work.known.ledger.changes[first].held.before.clone();
            Ok(work.diff(&key, &before, None))
        })
    }

    /// Takes changes back: all of `scope`, or nothing where a file is not as the agent left it. With `force`, such files are
    /// overwritten too, their present content being kept first, so that a redo brings it back.
    ///
    /// A file that the agent changed again later, in a call outside of `scope`, is a conflict in the same way: with `force` the
    /// later change of that file goes with it.
    ///
    /// # Errors
    /// Where files cannot be read or written; what was begun is finished by the next call or the next start.
    pub fn undo(&self, scope: &UndoScope, force: bool) -> Result<UndoReport, CheckpointError> {
        self.inner.work(|work| work.undo(scope, force))
    }

    /// Does again what the last undo took back, unless files were changed since.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub fn redo(&self) -> Result<UndoReport, CheckpointError> {
        self.inner.work(|work| work.redo())
    }

    /// Marks a file, or all, as looked at.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn keep(&self, path: Option<&Path>) -> Result<(), CheckpointError> {
        self.inner.work(|work| {
            let path = path.map(|path| work.named(path)).transpose()?;
            work.write(vec![Record::Kept { path }])
        })
    }
}

impl Work<'_> {
    /// The path that people mean by what they were shown: of a name that is no text only a likeness can be shown.
    pub(crate) fn named(&self, path: &Path) -> Result<Key, CheckpointError> {
        let key = self.inner.places.key(path)?;
        if self.known.ledger.by_path.contains_key(&key) {
            return Ok(key);
        }
        let wanted = path.to_string_lossy();
        let alike = self
            .known
            .ledger
            .by_path
            .keys()
            .find(|key| self.inner.places.given(key).to_string_lossy() == wanted);
        Ok(alike.cloned().unwrap_or(key))
    }

    fn file_change(&self, path: &Key, (before, now): &(State, State)) -> FileChange {
        let ledger = &self.known.ledger;
        let active = ledger.active(path);
        let mut calls: Vec<ItemId> = active
            .iter()
            .map(|index| ledger.changes[*index].call)
            .collect();
        calls.dedup();
        let diff = self.diff(path, before, Some(now));
        FileChange {
            path: self.inner.places.given(path).to_string_lossy().into_owned(),
            shown: self.inner.places.shown(path),
            kind: match (before.is_absent(), now.is_absent()) {
                (true, _) => ChangeKind::Created,
                (_, true) => ChangeKind::Deleted,
                _ => ChangeKind::Modified,
            },
            added: diff.added,
            removed: diff.removed,
            calls,
            kept: active
                .last()
                .is_some_and(|last| ledger.is_kept(path, *last)),
            not_undoable: before.not_kept().filter(|_| !before.same_content(now)),
        }
    }

    /// From a state to another; `None` is what is there now.
    pub(crate) fn diff(&self, path: &Key, old: &State, new: Option<&State>) -> FileDiff {
        let sides = compare::Sides {
            places: &self.inner.places,
            blobs: self.blobs(),
            limits: self.limits(),
        };
        sides.diff(path, old, new)
    }
}

#[cfg(test)]
mod tests;
