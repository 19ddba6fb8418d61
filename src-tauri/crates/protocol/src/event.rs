//! What the core says happened.

use serde::{Deserialize, Serialize};

use crate::{
    ContextUse, ErrorCard, Item, ItemId, ModelRef, SessionId, SessionSummary, TurnId, Usage,
};

/// One thing that happened in one session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Where.
    pub session: SessionId,
    /// Grows by one with each event of the session since the core started. A snapshot names the last it contains: drop
    /// events up to it. The bridge to a window merges deltas of one item and keeps the last number, so a window may see
    /// numbers jump: that is no gap. What tells a gap or an overlap is [`EventMsg::ItemDelta`]'s `offset`.
    pub seq: u64,
    /// What.
    pub msg: EventMsg,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventMsg {
    /// A turn began. Its user item comes next.
    TurnStarted {
        /// The turn.
        turn: TurnId,
        /// The model that will answer.
        model: ModelRef,
    },
    /// A new item: a whole one is on disk already, a growing one starts here.
    ItemAdded {
        /// As it stands.
        item: Item,
    },
    /// A growing item grew.
    ItemDelta {
        /// Which.
        item: ItemId,
        /// Bytes of the text (or of the arguments) that stood before this delta. Shorter than what a reader holds: it
        /// has that part already and appends the rest. Longer: it missed something and takes a new snapshot.
        offset: u64,
        /// By what.
        delta: Delta,
    },
    /// A tool call got its label, a question to the user, or the answer: it is on disk, and still grows. Or it begins to wait
    /// its turn, or is no longer waiting: that is in memory only.
    ItemChanged {
        /// As it stands.
        item: Item,
    },
    /// Files changed, or a change was undone or kept: how many files differ from what they were before the session.
    FilesChanged {
        /// Files of the Changes panel that are not kept yet.
        open: u32,
    },
    /// An item took its last form, and is on disk.
    ItemCompleted {
        /// As it stays.
        item: Item,
    },
    /// An item went: a failed answer that is run again.
    ItemRemoved {
        /// Which.
        item: ItemId,
    },
    /// A model is about to be called: what fills its context.
    ContextUsed {
        /// What.
        context: ContextUse,
    },
    /// What the model is at before its first word.
    ModelActivity {
        /// What.
        activity: ModelActivity,
    },
    /// The turn ended well.
    TurnCompleted {
        /// The turn.
        turn: TurnId,
        /// Of all its model calls.
        usage: Usage,
    },
    /// The turn ended in an error. A notice item with the same card was added before.
    TurnFailed {
        /// The turn.
        turn: TurnId,
        /// What happened and what to do.
        error: ErrorCard,
    },
    /// The turn was broken off: by the user, or by a connection lost after something was shown.
    TurnInterrupted {
        /// The turn.
        turn: TurnId,
        /// Why, where it was not the user; a card that offers Continue.
        #[serde(default)]
        error: Option<ErrorCard>,
    },
    /// The session's title, model or time changed, or it was made or restored.
    SessionChanged {
        /// As it stands.
        summary: SessionSummary,
    },
    /// The session is gone from the list; it can be restored for a while.
    SessionDeleted,
}

/// By what an item grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Delta {
    /// Text to append to an assistant, thinking item or to a tool call's output.
    Text {
        /// To append.
        text: String,
    },
    /// Text to append to a tool call's arguments.
    Arguments {
        /// To append.
        text: String,
    },
}

/// What a model is at before its first word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ModelActivity {
    /// A local model is read into memory.
    Loading,
    /// The request is on its way, or the model reads the prompt.
    Waiting,
    /// A passing fault; the request will be sent again.
    Retrying {
        /// From 1.
        attempt: u32,
        /// Until the next try, milliseconds.
        wait_ms: u64,
        /// What went wrong, one line.
        reason: String,
    },
}
