//! API keys: the system's keychain, or this run's memory where there is none. Never a file.
//!
//! Owns reading, saving, deleting keys and the proof that the keychain keeps them. Refuses to hand a key to anything but
//! the model resolver: no type here can be serialized or printed.

mod keychain;
mod keys;
mod proof;

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

pub use keychain::SystemKeychain;
pub use keys::{Found, Keys};
pub use proof::{PROBE_ARGUMENT, probe_child};

/// A place that keeps secrets. Calls may block, or never return: [`Keys`] gives each a thread and a time limit.
pub trait SecretStore: Send + Sync {
    /// Whether there is such a place at all; asks the user nothing.
    fn available(&self) -> Result<(), SecretError>;
    /// The secret of an account.
    fn get(&self, account: &str) -> Result<Option<SecretString>, SecretError>;
    /// Keeps a secret, in the place of an older one.
    fn set(&self, account: &str, secret: &SecretString) -> Result<(), SecretError>;
    /// Forgets a secret; `false` where there was none.
    fn delete(&self, account: &str) -> Result<bool, SecretError>;
}

/// Why a secret could not be kept or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no store on this system.
    #[error("there is no keychain here: {0}")]
    NoStore(String),
    /// It did not answer in time; perhaps it waits for its password.
    #[error("the keychain did not answer within {0} s; it may be locked")]
    Hangs(u64),
    /// It said no.
    #[error("the keychain refused: {0}")]
    Refused(String),
    /// It says that it keeps secrets, and does not.
    #[error("the keychain does not keep what it is given: {0}")]
    Forgets(String),
}

/// How long one step of a keychain may take.
pub const STEP_LIMIT: Duration = Duration::from_secs(3);

/// Runs a blocking call on a thread of its own. Where it does not come back in time the thread is left behind: there is no way
/// to end it, and a pool of threads would fill up with such ones.
pub(crate) async fn bounded<T: Send + 'static>(
    store: &Arc<dyn SecretStore>,
    limit: Duration,
    call: impl FnOnce(&dyn SecretStore) -> Result<T, SecretError> + Send + 'static,
) -> Result<T, SecretError> {
    let store = Arc::clone(store);
    let (done, answer) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("keychain".into())
        .spawn(move || {
            // Nobody listens any more where the limit has passed.
            let _ = done.send(call(store.as_ref()));
        })
        .map_err(|error| SecretError::Refused(error.to_string()))?;
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(SecretError::Refused("its driver panicked".into())),
        Err(_) => Err(SecretError::Hangs(limit.as_secs().max(1))),
    }
}

#[cfg(test)]
mod tests;
