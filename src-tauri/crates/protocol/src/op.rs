//! What a front end asks of a session.

use serde::{Deserialize, Serialize};

use crate::{ApprovalAnswer, Attachment, ItemId, ModelRef, Nonce, SessionId, SubmissionId};

/// One request, addressed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// Made by the front end.
    pub id: SubmissionId,
    /// The session it is for; it must exist.
    pub session: SessionId,
    /// What is asked.
    pub op: Op,
}

/// What is asked of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Op {
    /// A message from the user: starts a turn. Refused while one runs.
    UserTurn {
        /// The message; not empty unless there is an attachment.
        text: String,
        /// Images and the like.
        #[serde(default)]
        attachments: Vec<Attachment>,
        /// The model for this and the following turns; `None` keeps the session's.
        #[serde(default)]
        model: Option<ModelRef>,
    },
    /// Stop the running turn. Nothing happens where none runs.
    Interrupt,
    /// Go on with an interrupted answer, from where it broke off.
    Continue,
    /// The answer to a tool call that waits for one. Each is taken once; a wrong or used nonce, or another fingerprint, is refused.
    Approve {
        /// The tool call.
        item: ItemId,
        /// Of the approval.
        nonce: Nonce,
        /// Of the action that the user saw.
        fingerprint: String,
        /// The answer.
        answer: ApprovalAnswer,
    },
    /// Put what was said so far into few words, to make room. Refused while a turn runs.
    Compact,
    /// Take a compaction back: what it stood for goes to the model again, as far as it fits.
    UndoCompaction {
        /// The compaction's item.
        item: ItemId,
    },
    /// Offer the cloud for the last message, in a session that asks this machine first: what was answered here is replaced where
    /// the user says yes. Refused while a turn runs.
    AskCloud,
    /// Run the last turn again after a failure: the user's message stays, what failed goes.
    Retry,
}
