//! Why a request came to nothing.

use std::io;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The switch is on, and the address is on another machine. Nothing was sent, or nothing more.
    #[error("you are offline by your own choice")]
    Offline,
    /// HTTP, TLS, or the connection.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// The name has no address.
    #[error(transparent)]
    Name(#[from] io::Error),
}

impl EgressError {
    /// Whether the switch is why.
    pub fn is_offline(&self) -> bool {
        matches!(self, Self::Offline)
    }

    /// Whether it took too long.
    pub fn is_timeout(&self) -> bool {
        self.http().is_some_and(reqwest::Error::is_timeout)
    }

    /// Whether there was no connection.
    pub fn is_connect(&self) -> bool {
        self.http().is_some_and(reqwest::Error::is_connect)
    }

    /// Whether the request could not even be written down.
    pub fn is_builder(&self) -> bool {
        self.http().is_some_and(reqwest::Error::is_builder)
    }

    /// The same without the address, which may hold what is secret.
    #[must_use]
    pub fn without_url(self) -> Self {
        match self {
            Self::Http(error) => Self::Http(error.without_url()),
            other => other,
        }
    }

    fn http(&self) -> Option<&reqwest::Error> {
        match self {
            Self::Http(error) => Some(error),
            Self::Offline | Self::Name(_) => None,
        }
    }
}
