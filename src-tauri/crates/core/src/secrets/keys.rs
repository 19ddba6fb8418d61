//! The keys of one run: where each comes from, which address it may be sent to, and what is kept where.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::Mutex as AsyncMutex;

use super::{STEP_LIMIT, SecretError, SecretStore, bounded, proof};
use crate::logging::Redactor;

/// A key and where it was.
#[derive(Clone, Debug)]
pub enum Found {
    /// In the system's keychain.
    Keychain(SecretString),
    /// In this run's memory.
    ThisRun(SecretString),
}

impl Found {
    /// The key.
    pub fn secret(&self) -> &SecretString {
        match self {
            Self::Keychain(secret) | Self::ThisRun(secret) => secret,
        }
    }
}

/// A key in memory and the origin that it may be sent to.
#[derive(Clone)]
struct Remembered {
    found: Found,
    origin: String,
}

/// Whether the keychain was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    NotYet,
    Works,
    Fails(SecretError),
}

/// Keys of providers by id.
#[derive(Clone)]
pub struct Keys {
    store: Arc<dyn SecretStore>,
    program: Option<PathBuf>,
    limit: Duration,
    redactor: Redactor,
    proof: Arc<AsyncMutex<Proof>>,
    memory: Arc<Mutex<HashMap<String, Remembered>>>,
}

impl Keys {
    /// `program` calls [`super::probe_child`]; without one the store proves itself within this process.
    pub fn new(store: Arc<dyn SecretStore>, program: Option<PathBuf>, redactor: Redactor) -> Self {
        Self {
            store,
            program,
            limit: STEP_LIMIT,
            redactor,
            proof: Arc::new(AsyncMutex::new(Proof::NotYet)),
            memory: Arc::default(),
        }
    }

    /// With another time limit for each step of the keychain.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Proves the keychain, once a run. A keychain that did not answer may have been locked: it is asked again the next time.
    pub async fn proven(&self) -> Result<(), SecretError> {
        let mut proof = self.proof.lock().await;
        match &*proof {
            Proof::Works => Ok(()),
            Proof::Fails(error) => Err(error.clone()),
            Proof::NotYet => {
                let result = proof::prove(&self.store, self.program.as_deref(), self.limit).await;
                match &result {
                    Ok(()) => *proof = Proof::Works,
                    Err(SecretError::Hangs(_)) => {}
                    Err(error) => *proof = Proof::Fails(error.clone()),
                }
                if let Err(error) = &result {
                    tracing::info!(%error, "the keychain is not used");
                }
                result
            }
        }
    }

    /// Whether there is a keychain; asks the user nothing and proves nothing.
    pub async fn available(&self) -> Result<(), SecretError> {
        // A running proof may take its time; a window does not wait for it.
        if let Ok(proof) = self.proof.try_lock() {
            match &*proof {
                Proof::Works => return Ok(()),
                Proof::Fails(error) => return Err(error.clone()),
                Proof::NotYet => {}
            }
        }
        bounded(&self.store, self.limit, |store| store.available()).await
    }

    /// The key of a provider that was saved for `origin`. After the first look the keychain is not asked again in this run.
    pub async fn get(&self, provider: &str, origin: &str) -> Result<Option<Found>, SecretError> {
        if let Some((found, _)) = self.remembered(provider) {
            return Ok(Some(found));
        }
        let account = provider.to_owned();
        let found = bounded(&self.store, self.limit, move |store| store.get(&account)).await?;
        Ok(found.map(|secret| self.remember(provider, origin, Found::Keychain(secret))))
    }

    /// Keeps a key for `origin`: in the keychain where that works, else for this run.
    pub async fn set(&self, provider: &str, origin: &str, key: SecretString) -> Found {
        let stored = match self.proven().await {
            Ok(()) => {
                let (account, secret) = (provider.to_owned(), key.clone());
                bounded(&self.store, self.limit, move |store| {
                    store.set(&account, &secret)
                })
                .await
            }
            Err(error) => Err(error),
        };
        let found = match stored {
            Ok(()) => Found::Keychain(key),
            Err(error) => {
                tracing::warn!(provider, %error, "the key is kept for this run only");
                Found::ThisRun(key)
            }
        };
        self.remember(provider, origin, found)
    }

    /// Forgets a key, here and in the keychain. An error means that the keychain may still hold it.
    pub async fn delete(&self, provider: &str) -> Result<(), SecretError> {
        let remembered = self
            .memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(provider);
        let account = provider.to_owned();
        match bounded(&self.store, self.limit, move |store| store.delete(&account)).await {
            Ok(_) => Ok(()),
            // It never was there.
            Err(SecretError::NoStore(_)) => Ok(()),
            Err(_)
                if matches!(
                    remembered,
                    Some(Remembered {
                        found: Found::ThisRun(_),
                        ..
                    })
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The key in memory, and the origin it was saved for.
    pub fn remembered(&self, provider: &str) -> Option<(Found, String)> {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(provider)
            .map(|remembered| (remembered.found.clone(), remembered.origin.clone()))
    }

    /// Every key that this process ever held is unknown to its logs.
    fn remember(&self, provider: &str, origin: &str, found: Found) -> Found {
        self.redactor.register(found.secret());
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(
                provider.to_owned(),
                Remembered {
                    found: found.clone(),
                    origin: origin.to_owned(),
                },
            );
        found
    }
}
