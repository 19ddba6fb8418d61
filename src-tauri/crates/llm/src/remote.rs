//! Remote providers.
//!
//! Owns: calling a provider with its key, and only at its address. Refuses to own: where keys are kept, which providers there are.

mod answer;
mod call;
mod failure;
mod list;

use std::sync::Arc;

use nexus_egress::{Client, header::HeaderValue};
use nexus_protocol::{ChatRequest, Clock, ModelInfo, ModelPlace, ProviderKind};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clean::Cleaner;
use crate::retry::SystemJitter;
use crate::{
    Jitter, Model, ModelError, ModelStream, ProviderLabel, Quirks, Timeouts, address, place_of,
    vendor_at,
};

/// What is needed to call a provider.
#[derive(Clone, Debug)]
pub struct ProviderSpec {
    /// Its id and name.
    pub label: ProviderLabel,
    /// How it speaks.
    pub kind: ProviderKind,
    /// Without `/chat/completions`.
    pub base_url: String,
    /// The key that was saved for this address.
    pub key: Option<SecretString>,
    /// Whether calls without a key make no sense.
    pub needs_key: bool,
}

/// A provider. Cheap to clone.
#[derive(Clone)]
pub struct RemoteProvider {
    inner: Arc<Provider>,
}

/// What its models share.
#[derive(Clone)]
struct Provider {
    label: ProviderLabel,
    kind: ProviderKind,
    place: ModelPlace,
    // The fault of an address shows when it is used: settings may hold one that is being corrected.
    base: Result<Url, String>,
    key: Option<SecretString>,
    needs_key: bool,
    http: Client,
    timeouts: Timeouts,
    quirks: Quirks,
    jitter: Arc<dyn Jitter>,
    clock: Option<Arc<dyn Clock>>,
    cleaner: Cleaner,
}

impl RemoteProvider {
    /// A provider. [`crate::http_client`] makes the client. Nothing is sent yet.
    pub fn new(spec: ProviderSpec, http: Client, timeouts: Timeouts) -> Self {
        let key = spec
            .key
            .filter(|key| !key.expose_secret().trim().is_empty());
        let quirks = vendor_at(&spec.base_url).map(|vendor| vendor.quirks.clone());
        Self {
            inner: Arc::new(Provider {
                place: place_of(&spec.base_url),
                base: address::base(&spec.base_url, key.is_some()),
                label: spec.label,
                kind: spec.kind,
                cleaner: Cleaner::new(key.clone()),
                key,
                needs_key: spec.needs_key,
                http,
                timeouts,
                quirks: quirks.unwrap_or_default(),
                jitter: Arc::new(SystemJitter),
                clock: None,
            }),
        }
    }

    /// Another source of randomness, for tests.
    #[must_use]
    pub fn with_jitter(self, jitter: Arc<dyn Jitter>) -> Self {
        self.changed(|provider| provider.jitter = jitter)
    }

    /// A clock, to read waits given as a date in answers that carry no date themselves.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.changed(|provider| provider.clock = Some(clock))
    }

    /// Other departures from the dialect than those of the known provider at the address.
    #[must_use]
    pub fn with_quirks(self, quirks: Quirks) -> Self {
        self.changed(|provider| provider.quirks = quirks)
    }

    /// Where its models run.
    pub fn place(&self) -> ModelPlace {
        self.inner.place
    }

    /// One of its models.
    pub fn model(&self, info: ModelInfo) -> Arc<dyn Model> {
        Arc::new(RemoteModel {
            provider: Arc::clone(&self.inner),
            info,
        })
    }

    /// The models it offers, by name. One quiet repetition after a passing fault.
    ///
    /// # Errors
    /// As a call of a model.
    pub async fn list_models(&self) -> Result<Vec<ModelInfo>, ModelError> {
        list::models(&self.inner).await
    }

    /// Whether it takes the key: how many models it offers. OpenRouter shows its list to everybody, so its key is asked about first.
    ///
    /// # Errors
    /// As a call of a model; [`ModelError::KeyRefused`] where it does not.
    pub async fn check_key(&self) -> Result<u32, ModelError> {
        list::check_key(&self.inner).await
    }

    fn changed(self, change: impl FnOnce(&mut Provider)) -> Self {
        let mut provider = Arc::unwrap_or_clone(self.inner);
        change(&mut provider);
        Self {
            inner: Arc::new(provider),
        }
    }
}

struct RemoteModel {
    provider: Arc<Provider>,
    info: ModelInfo,
}

impl Model for RemoteModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn stream(&self, request: ChatRequest, cancel: CancellationToken) -> ModelStream {
        call::stream(
            Arc::clone(&self.provider),
            self.info.clone(),
            request,
            cancel,
        )
    }
}

impl Provider {
    fn endpoint(&self, path: &[&str]) -> Result<Url, ModelError> {
        match &self.base {
            Ok(base) => Ok(address::endpoint(base, path)),
            Err(message) => Err(ModelError::BadAddress {
                provider: self.label.clone(),
                message: self.cleaner.message(message),
            }),
        }
    }

    /// The key as a header value, marked so that no log shows it; `None` where there is no key and none is needed.
    fn key_header(&self, scheme: &str) -> Result<Option<HeaderValue>, ModelError> {
        let Some(key) = &self.key else {
            return if self.needs_key {
                Err(ModelError::KeyMissing {
                    provider: self.label.clone(),
                })
            } else {
                Ok(None)
            };
        };
        let mut value = HeaderValue::from_str(&format!("{scheme}{}", key.expose_secret().trim()))
            .map_err(|_| ModelError::KeyRefused {
            provider: self.label.clone(),
            message: "it holds characters that no key has; paste it again".into(),
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
