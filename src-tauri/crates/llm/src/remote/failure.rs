//! Faults of the connection to errors.
//!
//! Owns: telling what broke and whether another try may help. Refuses to own: faults that a provider tells (`fault`).

use std::error::Error as _;
use std::time::Duration;

use nexus_egress::EgressError;

use super::Provider;
use crate::{ModelError, Phase};

/// A try that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: ModelError,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether another try may help.
    pub again: bool,
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self {
            again: error.is_transient(),
            error,
            retry_after: None,
        }
    }
}

impl Failure {
    /// For good, whatever the error's kind.
    pub(super) fn for_good(error: ModelError) -> Self {
        Self {
            again: false,
            ..error.into()
        }
    }
}

impl Provider {
    pub(super) fn timed_out(&self, phase: Phase) -> ModelError {
        ModelError::TimedOut {
            provider: self.label.clone(),
            phase,
        }
    }

    /// The user's own choice: nothing that passes by itself.
    pub(super) fn offline(&self) -> Failure {
        Failure::for_good(ModelError::Offline {
            provider: self.label.clone(),
        })
    }

    /// A request that got no answer.
    pub(super) fn no_answer(&self, error: &EgressError) -> Failure {
        if error.is_offline() {
            return self.offline();
        }
        if error.is_timeout() {
            return self.timed_out(Phase::Connecting).into();
        }
        let message = self.cleaner.message(&root_cause(error));
        let provider = self.label.clone();
        if error.is_connect() {
            let error_is_tls = is_tls(error);
            let failure = ModelError::Unreachable { provider, message };
            // A certificate does not get better by asking again.
            return if error_is_tls {
                Failure::for_good(failure)
            } else {
                failure.into()
            };
        }
        if error.is_builder() {
            return ModelError::BadAddress { provider, message }.into();
        }
        ModelError::ConnectionLost { provider, message }.into()
    }
}

/// The innermost reason. The layers above it repeat the address, which may hold what people typed.
pub(super) fn root_cause(error: &EgressError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::eq(
        std::ptr::from_ref(cause).cast::<u8>(),
        std::ptr::from_ref(error).cast::<u8>(),
    ) {
        return "the connection failed".into();
    }
    cause.to_string()
}

fn is_tls(error: &EgressError) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let mut io = inner.downcast_ref::<std::io::Error>();
        while let Some(wrapped) = io {
            // How the TLS library's errors come through the socket layers, themselves wrapped in others of the same type.
            if wrapped.kind() == std::io::ErrorKind::InvalidData {
                return true;
            }
            io = wrapped.get_ref().and_then(|inner| inner.downcast_ref());
        }
        cause = inner.source();
    }
    false
}
