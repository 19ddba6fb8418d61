//! The error cards of the agent itself, worded in one place.
//!
//! Models' errors word their own.

use nexus_checkpoints::CheckpointError;
use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode};
use nexus_store::StoreError;

pub(crate) fn closed() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Internal,
        "This chat has ended",
        "The app is closing, or the chat met a fault of its own. Open the chat again.",
        ErrorAction::None,
    )
}

pub(crate) fn deleted() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::BadInput,
        "This chat was deleted",
        "Restore it first, or start a new chat.",
        ErrorAction::NewChat,
    )
}

pub(crate) fn busy() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Busy,
        "An answer is still coming",
        "Wait until it ends, or stop it.",
        ErrorAction::None,
    )
}

pub(crate) fn bad_input(title: &str, detail: impl Into<String>) -> ErrorCard {
    ErrorCard::new(ErrorCode::BadInput, title, detail, ErrorAction::None)
}

pub(crate) fn no_model() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::ModelMissing,
        "No model is chosen",
        "Choose a model on this machine or in the cloud.",
        ErrorAction::ChooseModel,
    )
}

pub(crate) fn no_offer() -> ErrorCard {
    bad_input(
        "This chat does not offer the cloud",
        "Set it to “Local first” and choose a model in the cloud for it.",
    )
}

pub(crate) fn cancelled() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Cancelled,
        "Stopped",
        "You stopped this before it began. The message was not sent.",
        ErrorAction::None,
    )
}

pub(crate) fn message_too_long(needed: u64, limit: u64, model: &str) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::MessageTooLong,
        "This message is too long for the model",
        format!(
            "It needs about {needed} tokens with the instructions, and {model} takes {limit}, its answer included. Shorten it, or choose a model with a larger context."
        ),
        ErrorAction::ChooseModel,
    )
}

pub(crate) fn context_overflow(needed: u64, limit: u64) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::ContextOverflow,
        "This chat is too long for the model",
        format!(
            "This turn has about {needed} tokens, the model takes {limit}. Start a new chat, or choose a model with a larger context."
        ),
        ErrorAction::ChooseModel,
    )
}

pub(crate) fn nothing_to_compact() -> ErrorCard {
    bad_input(
        "There is nothing to shorten yet",
        "Little was said so far, or it is in few words already.",
    )
}

pub(crate) fn nothing_to_undo() -> ErrorCard {
    bad_input(
        "There is no such summary",
        "It was taken back already, or belongs to another chat.",
    )
}

pub(crate) fn tool_limit(detail: impl Into<String>) -> ErrorCard {
    tool_limit_titled("Stopped after too many tool calls", detail)
}

fn tool_limit_titled(title: &str, detail: impl Into<String>) -> ErrorCard {
    ErrorCard::new(ErrorCode::ToolLimit, title, detail, ErrorAction::Continue)
}

pub(crate) fn nothing_to_approve() -> ErrorCard {
    bad_input(
        "This was answered already",
        "Nobody waits for this answer any more: it was given, the turn was stopped, or what would be done has changed.",
    )
}

pub(crate) fn unattended(minutes: u64) -> ErrorCard {
    tool_limit_titled(
        "Paused: nobody has been here for a while",
        format!(
            "The agent worked for {minutes} minutes without a word of yours. Continue if it is on the right way."
        ),
    )
}

pub(crate) fn cost_limit(spent: f64, limit: f64) -> ErrorCard {
    tool_limit_titled(
        "Paused: this turn has cost its limit",
        format!(
            "It has cost ${spent:.2}, and the settings allow ${limit:.2} a turn. Continue to spend as much again."
        ),
    )
}

/// The line where *always* could not be kept.
pub(crate) fn rule_not_saved(rule: &str, card: &ErrorCard) -> String {
    format!(
        "“Always” could not be saved as the rule {rule}. {}: {} This call runs all the same; you will be asked again for the next one like it.",
        card.title, card.detail
    )
}

pub(crate) fn tool_fatal(reason: impl Into<String>) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Internal,
        "A tool could not go on",
        reason,
        ErrorAction::Retry,
    )
}

/// A line of what an undo could not do.
pub(crate) fn undo_not_told(error: &StoreError) -> String {
    format!(
        "The files were put back, but the chat could not be told: {error}. Tell the model yourself with your next message."
    )
}

pub(crate) fn checkpoints(error: &CheckpointError) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Storage,
        "The changes could not be read or taken back",
        format!("{error}. Nothing else was touched; try again."),
        ErrorAction::None,
    )
}

pub(crate) fn storage(error: &StoreError) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Storage,
        "The chat could not be saved",
        format!(
            "{error}. Check that the disk has space and the data folder can be written to, then try again."
        ),
        ErrorAction::Retry,
    )
}

pub(crate) fn internal() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Internal,
        "The app met a fault of its own",
        "What was said is kept. Try again; the log has the details.",
        ErrorAction::Retry,
    )
}
