//! The error cards of the agent itself, worded in one place.
//!
//! Models' errors word their own.

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

pub(crate) fn tool_limit(detail: impl Into<String>) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::ToolLimit,
        "Stopped after too many tool calls",
        detail,
        ErrorAction::Continue,
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
