//! Error cards that belong to no other crate's error.

use nexus_hub::HubError;
use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode, ModelRef, ModelsPlace};

use crate::{secrets::SecretError, settings::SettingsError};

/// What was asked makes no sense.
pub fn bad_input(title: &str, detail: impl Into<String>) -> ErrorCard {
    ErrorCard::new(ErrorCode::BadInput, title, detail, ErrorAction::None)
}

/// A session that is not there.
pub fn no_session() -> ErrorCard {
    bad_input(
        "This chat does not exist",
        "It was deleted, or belongs to another data folder. Choose another one, or start a new one.",
    )
}

/// A model that is not there.
pub fn no_model(model: &ModelRef, why: &str) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::ModelMissing,
        format!("{model} is not there"),
        format!("{why} Choose another model."),
        ErrorAction::ChooseModel,
    )
}

/// A provider that is not there.
pub fn no_provider(id: &str) -> ErrorCard {
    bad_input(
        "There is no such provider",
        format!("“{id}” is not among the providers. Add it in Settings."),
    )
}

/// A fault of ours: a task that panicked.
pub fn internal(reason: impl std::fmt::Display) -> ErrorCard {
    tracing::error!(%reason, "internal fault");
    ErrorCard::new(
        ErrorCode::Internal,
        "Something went wrong in the app",
        format!("{reason}. Try again; the log in the data folder says more."),
        ErrorAction::None,
    )
}

/// The disk.
pub fn storage(what: &str, error: &std::io::Error) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Storage,
        what,
        format!("{error}. Check the disk and its free space, then try again."),
        ErrorAction::None,
    )
}

/// The settings file.
pub fn settings(error: &SettingsError) -> ErrorCard {
    match error {
        SettingsError::Broken(problem) => ErrorCard::new(
            ErrorCode::Settings,
            "The settings file is broken",
            format!("{problem}. It is not changed until you have mended it."),
            ErrorAction::None,
        ),
        SettingsError::Io { verb, .. } => ErrorCard::new(
            ErrorCode::Settings,
            format!("The settings file could not be {verb}"),
            format!("{error}."),
            ErrorAction::None,
        ),
        SettingsError::Bad(reason) => bad_input("This setting cannot be changed so", reason),
    }
}

/// The keychain.
pub fn keychain(error: &SecretError) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Keychain,
        "The keychain could not be used",
        format!("{error}. Unlock it and try again, or set the key in an environment variable."),
        ErrorAction::Retry,
    )
}

/// The hub, or the way of a file from there to the disk.
pub fn hub(title: &str, error: &HubError) -> ErrorCard {
    let retry = ErrorAction::Retry;
    let (code, action) = match error {
        HubError::Unreachable(_) => (ErrorCode::Unreachable, retry),
        HubError::Silent(_) => (ErrorCode::TimedOut, retry),
        HubError::GaveUp { .. } => (ErrorCode::ConnectionLost, retry),
        HubError::Busy { .. } => (ErrorCode::RateLimited, retry),
        HubError::Status(_) | HubError::WebPage => (ErrorCode::ProviderDown, retry),
        HubError::NotFound(_) => (ErrorCode::NotFound, ErrorAction::None),
        HubError::Gated { .. } => (ErrorCode::Forbidden, token_place()),
        HubError::TokenRefused { .. } => (ErrorCode::KeyRefused, token_place()),
        HubError::BadAnswer(_) | HubError::TooLarge { .. } | HubError::Redirect(_) => {
            (ErrorCode::BadAnswer, ErrorAction::None)
        }
        HubError::Changed(_) | HubError::WrongSize { .. } | HubError::WrongHash { .. } => {
            (ErrorCode::BadAnswer, retry)
        }
        HubError::OutOfSpace { .. } | HubError::DiskFull { .. } => (ErrorCode::Storage, retry),
        HubError::Taken { .. } | HubError::Disk { .. } => (ErrorCode::Storage, ErrorAction::None),
        HubError::Address { .. }
        | HubError::Base(_)
        | HubError::Name { .. }
        | HubError::NoHash(_) => (ErrorCode::BadInput, ErrorAction::None),
        HubError::Cancelled => (ErrorCode::Cancelled, ErrorAction::None),
    };
    ErrorCard::new(code, title, error.to_string(), action)
}

/// Where the hub's token is entered.
fn token_place() -> ErrorAction {
    ErrorAction::OpenProvider {
        provider: ModelsPlace::TOKEN.into(),
    }
}

/// Something else must end first.
pub fn busy(title: &str, detail: impl Into<String>) -> ErrorCard {
    ErrorCard::new(ErrorCode::Busy, title, detail, ErrorAction::Retry)
}
