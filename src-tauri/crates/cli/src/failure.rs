//! How a command ends badly, and what people read of it.

use std::{io, process::ExitCode};

use nexus_core::StartError;
use nexus_protocol::{ErrorAction, ErrorCard, ModelsPlace};

use crate::output::{self, clean};

/// The exit code of an interrupted turn, as shells have it for Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// Why a command ended.
#[derive(Debug)]
pub enum Failure {
    /// What the core said.
    Card(Box<ErrorCard>),
    /// Nobody reads standard output any more: `| head` had enough.
    PipeClosed,
    /// Anything else.
    Other(anyhow::Error),
}

impl Failure {
    /// A refusal of the command line itself.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::Other(anyhow::Error::msg(what.into()))
    }

    /// Says it on standard error; the code to exit with.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Card(card) => output::warn(&words(card)),
            Self::PipeClosed => return ExitCode::SUCCESS,
            Self::Other(error) => output::warn(&format!("{error:#}")),
        }
        ExitCode::FAILURE
    }
}

/// A card as text: what failed, why, what to do.
pub fn words(card: &ErrorCard) -> String {
    let hint = match &card.action {
        ErrorAction::OpenProvider { provider } if provider == ModelsPlace::TOKEN => {
            "\nIn a terminal: set HF_TOKEN to a token of that account.".into()
        }
        ErrorAction::OpenProvider { provider } => format!(
            "\nIn a terminal: set the key of {provider} in its environment variable, such as OPENROUTER_API_KEY."
        ),
        ErrorAction::ChooseModel => {
            "\nIn a terminal: `nexus models list` shows the models; choose one with --model.".into()
        }
        ErrorAction::GoOnline => {
            "\nIn a terminal: leave out --offline, unset NEXUS_OFFLINE, or set offline = false in the settings.".into()
        }
        ErrorAction::Retry | ErrorAction::RetryAt { .. } => String::new(),
        ErrorAction::Continue | ErrorAction::NewChat | ErrorAction::None => String::new(),
    };
    clean(&format!("{}\n{}{hint}", card.title, card.detail))
}

impl From<ErrorCard> for Failure {
    fn from(card: ErrorCard) -> Self {
        Self::Card(Box::new(card))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        error.card().into()
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::PipeClosed,
            _ => Self::Other(error.into()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(kind) => io::Error::from(kind).into(),
            None => Self::Other(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::ErrorCode;

    use super::*;

    #[test]
    fn a_terminal_is_told_which_variable_holds_the_token() {
        let card = |provider: &str| {
            let provider = provider.to_owned();
            ErrorCard::new(
                ErrorCode::Forbidden,
                "It was refused",
                "This model is gated.",
                ErrorAction::OpenProvider { provider },
            )
        };
        assert_eq!(
            words(&card(ModelsPlace::TOKEN)),
            "It was refused\nThis model is gated.\nIn a terminal: set HF_TOKEN to a token of that account."
        );
        assert!(words(&card("groq")).contains("the key of groq"));
    }
}
