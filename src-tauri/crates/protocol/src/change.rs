//! File changes of a session and taking them back.
//!
//! Owns the DTOs of the Changes panel. Refuses to know how contents are kept.

use serde::{Deserialize, Serialize};

use crate::{FileDiff, ItemId, TurnId};

/// A file that the agent changed in this session, against what it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Absolute.
    pub path: String,
    /// Relative to the working folder where it is inside.
    pub shown: String,
    /// What happened to it, first state against last.
    pub kind: ChangeKind,
    /// Lines added; 0 where it is no text.
    pub added: u32,
    /// Lines removed; 0 where it is no text.
    pub removed: u32,
    /// The calls that changed it, in order.
    pub calls: Vec<ItemId>,
    /// The user has looked at it and keeps it.
    pub kept: bool,
    /// Why it cannot be undone, for people; `None` where it can.
    #[serde(default)]
    pub not_undoable: Option<String>,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// It has another content or mode.
    Modified,
    /// It is gone.
    Deleted,
}

/// How much is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UndoScope {
    /// What one call changed.
    Call {
        /// The tool call's item.
        call: ItemId,
    },
    /// All changes of one file.
    File {
        /// Absolute.
        path: String,
    },
    /// What one turn changed.
    Turn {
        /// The turn.
        turn: TurnId,
    },
    /// What this turn and all later ones changed: back to before its message.
    BackTo {
        /// The turn.
        turn: TurnId,
    },
    /// Everything.
    All,
}

/// What came of an undo or a redo. Either all of it was done or, where there are conflicts, none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoReport {
    /// Files that were put back, as shown to people.
    pub restored: Vec<String>,
    /// Files that somebody changed since: nothing was touched because of them.
    pub conflicts: Vec<UndoConflict>,
    /// What could not be put back and why, a line each.
    pub lost: Vec<String>,
}

/// A file that is not as the agent left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoConflict {
    /// Absolute.
    pub path: String,
    /// Relative to the working folder where it is inside.
    pub shown: String,
    /// From what the agent left to what is there now.
    pub since: FileDiff,
    /// From what is there now to what the undo would put there.
    pub undo: FileDiff,
}
