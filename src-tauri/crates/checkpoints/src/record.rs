//! The words of the journal. A newer version may add fields, which are passed over, but no meaning that an older one may miss:
//! a record of an unknown type is an error, since an undo that did not know of it could be wrong.

use nexus_protocol::{ItemId, TurnId};
use serde::{Deserialize, Serialize};

use crate::{key::Key, state::State};

/// What this version writes, and the newest it reads.
pub(crate) const VERSION: u32 = 1;

/// What a call is about to do to a path: what it will hold then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "sha256", rename_all = "snake_case")]
pub enum Intent {
    /// A file with this content: SHA-256, hexadecimal.
    Content(String),
    /// Nothing.
    Absent,
    /// A folder.
    Folder,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Record {
    /// The first.
    Opened { version: u32 },
    /// A call is about to change a path.
    Before {
        change: u64,
        call: ItemId,
        turn: TurnId,
        /// What the call named: this path, or one above or below it.
        root: Key,
        path: Key,
        state: State,
        /// `None` where it is not known.
        #[serde(default)]
        intent: Option<Intent>,
    },
    /// It did.
    After { change: u64, state: State },
    /// A change that was seen after it was made.
    Changed {
        change: u64,
        call: ItemId,
        turn: TurnId,
        root: Key,
        path: Key,
        before: State,
        after: State,
    },
    /// A program is about to run.
    TreeBegun {
        tree: u64,
        call: ItemId,
        turn: TurnId,
        folder: Key,
        /// The snapshot's SHA-256.
        snapshot: String,
    },
    /// It ended, and what it changed stands above.
    TreeEnded {
        tree: u64,
        /// The folder as it is now, for the next one to compare with.
        #[serde(default)]
        snapshot: Option<String>,
    },
    /// These steps, and only these, are about to be taken.
    UndoBegun {
        undo: u64,
        /// The undo that this does again the other way round.
        #[serde(default)]
        redo: Option<u64>,
        steps: Vec<Step>,
    },
    /// They were.
    UndoEnded {
        undo: u64,
        #[serde(default)]
        rolled_back: bool,
        /// Steps that were not taken, by index.
        #[serde(default)]
        skipped: Vec<usize>,
    },
    /// The user has looked at a file, or at all.
    Kept {
        #[serde(default)]
        path: Option<Key>,
    },
}

/// One path that an undo puts back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) path: Key,
    /// What it held when the undo began; kept.
    pub(crate) from: State,
    pub(crate) to: State,
    /// The changes that are taken back so.
    pub(crate) changes: Vec<u64>,
}

impl Step {
    /// The way back.
    pub(crate) fn reversed(&self) -> Self {
        Self {
            path: self.path.clone(),
            from: self.to.clone(),
            to: self.from.clone(),
            changes: self.changes.clone(),
        }
    }
}
