//! Errors as people see them: what failed, why, what to do.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;

/// An error a person can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCard {
    /// For programs and tests.
    pub code: ErrorCode,
    /// What failed, in a few words, sentence case, no full stop.
    pub title: String,
    /// Why, and what to do: one or two sentences.
    pub detail: String,
    /// The button.
    pub action: ErrorAction,
}

impl ErrorCard {
    /// A card.
    pub fn new(
        code: ErrorCode,
        title: impl Into<String>,
        detail: impl Into<String>,
        action: ErrorAction,
    ) -> Self {
        Self {
            code,
            title: title.into(),
            detail: detail.into(),
            action,
        }
    }
}

impl ErrorCard {
    /// What everything that would leave this machine gets while the offline switch is on.
    pub fn offline(detail: impl Into<String>) -> Self {
        Self::new(
            ErrorCode::Offline,
            "You are offline by your own choice",
            detail,
            ErrorAction::GoOnline,
        )
    }
}

/// What the button on an error card does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ErrorAction {
    /// Nothing to press.
    None,
    /// Run the turn again.
    Retry,
    /// Run the turn again, not before this time.
    RetryAt {
        /// When.
        at: UnixMillis,
    },
    /// Go on from where the answer broke off.
    Continue,
    /// Open Settings at a provider.
    OpenProvider {
        /// The provider's id.
        provider: String,
    },
    /// Open the model picker.
    ChooseModel,
    /// Start a new chat.
    NewChat,
    /// Turn the offline switch off, then run the turn again or on.
    GoOnline,
}

/// What kind of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No key is set for the provider.
    KeyMissing,
    /// The provider refused the key (401).
    KeyRefused,
    /// Out of credit (402).
    PaymentRequired,
    /// Not allowed (403).
    Forbidden,
    /// No such model or address (404).
    NotFound,
    /// The provider cannot read the request (400, 422).
    RequestRefused,
    /// Too many requests (429), after all tries.
    RateLimited,
    /// The provider failed (408, 5xx), after all tries.
    ProviderDown,
    /// No connection, after all tries.
    Unreachable,
    /// The user chose to be offline.
    Offline,
    /// The provider went silent.
    TimedOut,
    /// The connection broke while the answer was coming.
    ConnectionLost,
    /// The provider said something that is no valid answer.
    BadAnswer,
    /// The conversation does not fit the model.
    ContextOverflow,
    /// A message longer than the model can take.
    MessageTooLong,
    /// No model is chosen, or the chosen one is not there.
    ModelMissing,
    /// The model file is not there.
    FileMissing,
    /// The file is no GGUF file, or damaged.
    NotGguf,
    /// The file's architecture is not supported.
    UnsupportedArchitecture,
    /// The file's quantization is not supported.
    UnsupportedQuantization,
    /// The model needs more memory than there is.
    TooBig,
    /// The model's process died.
    WorkerDied,
    /// The program that runs local models is not there.
    WorkerMissing,
    /// Stopped by the user.
    Cancelled,
    /// A turn runs already.
    Busy,
    /// What was asked makes no sense.
    BadInput,
    /// The turn called too many tools.
    ToolLimit,
    /// The database or the disk failed.
    Storage,
    /// The keychain failed or is not there.
    Keychain,
    /// The settings file could not be read or written.
    Settings,
    /// A fault of the app itself.
    Internal,
}
