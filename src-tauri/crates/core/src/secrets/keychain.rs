//! The system's keychain: Secret Service, Keychain or Credential Manager, through the keyring crate.

use keyring::v1::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};

use super::{SecretError, SecretStore};

/// What all entries are filed under; the account is the provider's id.
const SERVICE: &str = "nexus-agent";

/// The system's keychain.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeychain;

impl SecretStore for SystemKeychain {
    fn available(&self) -> Result<(), SecretError> {
        match Entry::store_status() {
            Ok(()) => Ok(()),
            Err(error) => Err(SecretError::NoStore(error.to_string())),
        }
    }

    fn get(&self, account: &str) -> Result<Option<SecretString>, SecretError> {
        match entry(account)?.get_password() {
            Ok(secret) => Ok(Some(SecretString::from(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(plain(&error)),
        }
    }

    fn set(&self, account: &str, secret: &SecretString) -> Result<(), SecretError> {
        entry(account)?
            .set_password(secret.expose_secret())
            .map_err(|error| plain(&error))
    }

    fn delete(&self, account: &str) -> Result<bool, SecretError> {
        match entry(account)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(plain(&error)),
        }
    }
}

fn entry(account: &str) -> Result<Entry, SecretError> {
    Entry::new(SERVICE, account).map_err(|error| match error {
        Error::NoDefaultStore => SecretError::NoStore(match Entry::store_status() {
            Err(reason) => reason.to_string(),
            Ok(()) => error.to_string(),
        }),
        other => plain(&other),
    })
}

/// The reason without data: some errors of the crate carry the bytes they are about.
fn plain(error: &Error) -> SecretError {
    match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            SecretError::Refused("what it holds is no text".into())
        }
        Error::NoDefaultStore => SecretError::NoStore(error.to_string()),
        other => SecretError::Refused(other.to_string()),
    }
}
