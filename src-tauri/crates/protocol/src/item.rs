//! Items: what a session's history is made of.

use serde::{Deserialize, Serialize};

use crate::{
    Approval, ApprovalAnswer, CloudOffer, ErrorCard, FinishReason, ImageData, ItemId, ModelRef,
    ResultPart, SessionId, ToolLabel, TurnId, UnixMillis, Usage,
};

/// Files that [`ItemBody::Undo`] names, at most.
pub const UNDO_NAMES: usize = 20;

/// One entry of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// Where it belongs.
    pub session: SessionId,
    /// The turn that made it.
    pub turn: TurnId,
    /// Which model call of the turn made it, from 0; items of one step form one assistant message.
    pub step: u32,
    /// Place within the session, from 0, without gaps only where nothing was deleted.
    pub position: u32,
    /// When it was begun.
    pub created_at: UnixMillis,
    /// Whether it is whole.
    pub status: ItemStatus,
    /// What it is.
    pub body: ItemBody,
}

/// Whether an item is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Still growing. Never seen after a restart: the core turns it into `Interrupted`.
    InProgress,
    /// A tool call that is whole and waits for those before it. Never on disk: nothing is lost with it.
    Queued,
    /// Whole, and on disk.
    Complete,
    /// Broken off by the user, a lost connection or a crash; what there was is kept.
    Interrupted,
    /// Ended by an error.
    Failed,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ItemBody {
    /// What the user wrote.
    User {
        /// The message.
        text: String,
        /// What came with it.
        #[serde(default)]
        attachments: Vec<Attachment>,
    },
    /// What the model answered: Markdown.
    Assistant {
        /// So far.
        text: String,
        /// The model that answers.
        model: ModelRef,
        /// Known when it ends.
        #[serde(default)]
        meta: Option<AnswerMeta>,
    },
    /// What the model thought aloud: plain text.
    Thinking {
        /// So far.
        text: String,
        /// Known when it ends.
        #[serde(default)]
        duration_ms: Option<u64>,
    },
    /// A tool call with its result.
    ToolCall {
        /// The model's id of the call.
        call_id: String,
        /// The tool's name as the model wrote it.
        name: String,
        /// JSON text as the model wrote it.
        arguments: String,
        /// What it does, from its arguments; known once they are whole and make sense.
        #[serde(default)]
        label: Option<ToolLabel>,
        /// What the user was asked about it, and the answer.
        #[serde(default)]
        approval: Option<Box<Approval>>,
        /// What it printed so far, at most 256 KiB; empty once there is a result.
        #[serde(default)]
        output: String,
        /// Present when it ended, however it ended.
        #[serde(default)]
        result: Option<ToolResult>,
    },
    /// Everything up to a place in the session, in few words: stands for it in what goes to a model from then on.
    Compaction {
        /// The summary, as the model reads it.
        text: String,
        /// The position of the last item that it stands for.
        through: u32,
        /// Tokens of what it stands for, estimated.
        tokens_before: u64,
        /// Tokens of the summary, estimated.
        tokens_after: u64,
        /// The user took it back: it stands for nothing.
        #[serde(default)]
        undone: bool,
    },
    /// The user took the agent's file changes back, or did them again. The model reads it where it stands.
    Undo {
        /// They were done again.
        redone: bool,
        /// Files that were put back, as shown to people: at most [`UNDO_NAMES`](crate::UNDO_NAMES), each in one line.
        files: Vec<String>,
        /// Further ones that are not named.
        #[serde(default)]
        more: u32,
    },
    /// The question whether the turn may go on in the cloud, and the answer. Never sent to a model.
    Offer {
        /// The question.
        offer: Box<CloudOffer>,
    },
    /// A word of the core to the user; never sent to a model.
    Notice {
        /// How grave.
        level: NoticeLevel,
        /// One line.
        text: String,
        /// What to do, where it is an error.
        #[serde(default)]
        error: Option<ErrorCard>,
    },
}

impl ItemBody {
    /// The words in it that a search should find and a title can be made of.
    pub fn text(&self) -> &str {
        match self {
            Self::User { text, .. }
            | Self::Assistant { text, .. }
            | Self::Thinking { text, .. }
            | Self::Compaction { text, .. }
            | Self::Notice { text, .. } => text,
            Self::ToolCall { result, .. } => result.as_ref().map_or("", |r| r.output.as_str()),
            // Names of files are in the calls that changed them.
            Self::Undo { .. } | Self::Offer { .. } => "",
        }
    }

    /// Whether it is a tool call that waits for the user.
    pub fn awaits_approval(&self) -> bool {
        matches!(self, Self::ToolCall { approval: Some(approval), result: None, .. } if approval.answer.is_none())
    }

    /// Whether it is anything that waits for the user's word.
    pub fn awaits_answer(&self) -> bool {
        self.awaits_approval() || matches!(self, Self::Offer { offer } if offer.answer.is_none())
    }

    /// Whether it is a tool call that the user let run.
    pub fn is_approved(&self) -> bool {
        matches!(self, Self::ToolCall { approval: Some(approval), .. }
            if approval.answer.as_ref().is_some_and(ApprovalAnswer::allows))
    }
}

impl ToolResult {
    /// A call that did not do what was asked: `output` for the model, `summary` for the card.
    pub fn failed(output: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            ok: false,
            output: output.into(),
            summary: summary.into(),
            duration_ms: 0,
            parts: Vec::new(),
        }
    }
}

/// What came with a user message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name, for people.
    pub name: String,
    /// The image.
    pub image: ImageData,
}

/// How a tool call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// Whether it did what was asked.
    pub ok: bool,
    /// What the model reads: the output or the reason of the failure. At most 64 KiB.
    pub output: String,
    /// The result in a few words, for the one-line card.
    pub summary: String,
    /// From start to end, milliseconds; what the user was asked meanwhile is not in it.
    pub duration_ms: u64,
    /// What people see of it, where that is more than `output`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ResultPart>,
}

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

/// What is known of an answer once it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerMeta {
    /// Tokens and cost, where the provider said.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// From the request to the first visible token, milliseconds.
    #[serde(default)]
    pub time_to_first_token_ms: Option<u64>,
    /// From the request to the end, milliseconds.
    pub duration_ms: u64,
    /// Output tokens a second, after the first token.
    #[serde(default)]
    pub tokens_per_second: Option<f64>,
    /// Why it stopped; `None` where it was broken off.
    #[serde(default)]
    pub finish: Option<FinishReason>,
}
