//! The journal of a session: what each call found and left.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_protocol::{FileChange, FileDiff, ItemId, SessionId, TurnId, UndoReport, UndoScope};

use crate::CheckpointError;

/// All checkpoints of a data folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    _root: Arc<PathBuf>,
}

impl Checkpoints {
    /// Opens, or makes, the folder `root`, which only this holds things in.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn open(root: &Path) -> Result<Self, CheckpointError> {
        Ok(Self {
            _root: Arc::new(root.to_path_buf()),
        })
    }

    /// The journal of a session; opening it finishes what a crash left unfinished. `folder` is the working folder, absolute:
    /// paths in it are shown relative to it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn session(
        &self,
        _session: SessionId,
        _folder: Option<&Path>,
    ) -> Result<Journal, CheckpointError> {
        Ok(Journal {})
    }

    /// Erases what is kept of a session that is gone for good.
    ///
    /// # Errors
    /// Where files cannot be removed.
    pub fn forget(&self, _session: SessionId) -> Result<(), CheckpointError> {
        Ok(())
    }
}

/// The journal of one session. Cheap to clone; one process writes it at a time.
#[derive(Clone, Debug)]
pub struct Journal {}

/// What a call is about to do to a path: what it will hold then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A file with this content: SHA-256, hexadecimal.
    Content(String),
    /// Nothing.
    Absent,
    /// A folder.
    Folder,
}

/// How much of a path was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it: it can be put back.
    Whole,
    /// That it was there, not its content: why, for people.
    NotContent(String),
}

impl Journal {
    /// Records for one call.
    pub fn recorder(&self, turn: TurnId, call: ItemId) -> Recorder {
        Recorder {
            _journal: self.clone(),
            _turn: turn,
            _call: call,
        }
    }

    /// Files that differ from what they were before the session, by path.
    ///
    /// # Errors
    /// Where the journal or a file cannot be read.
    pub fn changes(&self) -> Result<Vec<FileChange>, CheckpointError> {
        Ok(Vec::new())
    }

    /// What changed in one file since before the session.
    ///
    /// # Errors
    /// Where the journal or the file cannot be read.
    pub fn diff(&self, _path: &Path) -> Result<FileDiff, CheckpointError> {
        Ok(FileDiff::default())
    }

    /// Takes changes back: all of `scope`, or nothing where a file is not as the agent left it. With `force`, such files are
    /// overwritten too, their present content being kept first, so that a redo brings it back.
    ///
    /// # Errors
    /// Where files cannot be read or written; what was begun is finished by the next call or the next start.
    pub fn undo(&self, _scope: &UndoScope, _force: bool) -> Result<UndoReport, CheckpointError> {
        Ok(UndoReport::default())
    }

    /// Does again what the last undo took back, unless files were changed since.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub fn redo(&self) -> Result<UndoReport, CheckpointError> {
        Ok(UndoReport::default())
    }

    /// Marks a file, or all, as looked at.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn keep(&self, _path: Option<&Path>) -> Result<(), CheckpointError> {
        Ok(())
    }
}

/// Records what one call changes.
#[derive(Clone, Debug)]
pub struct Recorder {
    _journal: Journal,
    _turn: TurnId,
    _call: ItemId,
}

impl Recorder {
    /// Keeps what `path` holds, and what it is about to hold. Synced when it returns: then the change may be made. A folder is
    /// kept with all that is in it.
    ///
    /// # Errors
    /// Where it cannot be kept: then the change must not be made.
    pub fn before(&self, _path: &Path, _intent: &Intent) -> Result<Kept, CheckpointError> {
        Ok(Kept::Whole)
    }

    /// The change was made.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn after(&self, _path: &Path) -> Result<(), CheckpointError> {
        Ok(())
    }

    /// Keeps a whole folder before a program runs in it: contents of files that are not kept already. What is too big to keep is
    /// named by the mark.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub fn before_tree(&self, _folder: &Path) -> Result<TreeMark, CheckpointError> {
        Ok(TreeMark::default())
    }

    /// The program ended: what it changed is journalled. The paths, absolute.
    ///
    /// # Errors
    /// Where the folder or the journal cannot be read or written.
    pub fn after_tree(&self, _mark: TreeMark) -> Result<Vec<PathBuf>, CheckpointError> {
        Ok(Vec::new())
    }
}

/// A folder as it was before a program ran.
#[derive(Debug, Default)]
pub struct TreeMark {
    /// Files whose content was not kept, for people: path and why. At most 100.
    pub not_kept: Vec<String>,
}
