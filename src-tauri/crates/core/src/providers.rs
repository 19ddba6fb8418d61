//! Who serves remote models: the built-in vendors with the user's entries on top, and the key of each.
//!
//! Owns the rule that a key is only sent to the address it was saved for. Refuses to show a key.

use std::{collections::BTreeMap, sync::Arc};

use nexus_hub::PUBLIC_HUB;
use nexus_llm::{ProviderLabel, ProviderSpec, RemoteProvider, Timeouts, Vendor, vendors};
use nexus_protocol::{
    ErrorAction, ErrorCard, ErrorCode, KeySource, KeyStatus, ModelPlace, ModelsPlace,
    ProviderEntry, ProviderKind, ProviderView, Settings,
};
use nexus_store::Store;
use secrecy::SecretString;

use crate::{
    cards,
    egress::Egress,
    logging::Redactor,
    secrets::{Found, Keys},
    settings::{self, SettingsStore},
};

/// A provider as it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// How it speaks.
    pub kind: ProviderKind,
    /// Its address.
    pub base_url: String,
    /// Where to get a key.
    pub key_url: Option<String>,
    /// Whether it answers nothing without a key.
    pub needs_key: bool,
    /// Whether the user's settings hold it.
    pub custom: bool,
    /// Where its key may be.
    pub key: KeyPlace,
}

/// Where a provider's key may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// It takes none.
    None,
    /// In one variable that the settings name.
    Variable(String),
    /// In one of the vendor's usual variables, else in the keychain.
    Keychain {
        /// The variables; none where the address is not the vendor's own.
        variables: Vec<String>,
    },
}

impl Provider {
    /// As errors carry it.
    pub fn label(&self) -> ProviderLabel {
        ProviderLabel {
            id: self.id.clone(),
            name: self.name.clone(),
        }
    }

    /// Whether it is on this machine.
    pub fn place(&self) -> ModelPlace {
        if settings::on_this_machine(&self.base_url) {
            ModelPlace::ThisMachine
        } else {
            ModelPlace::Cloud
        }
    }

    fn of_vendor(vendor: &Vendor) -> Self {
        Self {
            id: vendor.id.clone(),
            name: vendor.name.clone(),
            kind: vendor.kind,
            base_url: vendor.base_url.clone(),
            key_url: vendor.key_url.clone(),
            needs_key: vendor.needs_key,
            custom: false,
            key: KeyPlace::Keychain {
                variables: vendor.key_env.clone(),
            },
        }
    }

    fn of_entry(entry: &ProviderEntry, vendor: Option<&Vendor>) -> Self {
        let here = settings::on_this_machine(&entry.base_url);
        // A vendor's usual variable holds a key for that vendor: another address does not get it, but this machine does,
        // where nothing is further than the variable itself.
        let variables = vendor
            .filter(|v| here || settings::origin(&entry.base_url) == settings::origin(&v.base_url))
            .map(|vendor| vendor.key_env.clone())
            .unwrap_or_default();
        let key = match entry.key.strip_prefix("env:") {
            Some(name) => KeyPlace::Variable(name.to_owned()),
            None if entry.key == "none" => KeyPlace::None,
            None => KeyPlace::Keychain { variables },
        };
        Self {
            id: entry.id.clone(),
            name: match (entry.name.as_str(), vendor) {
                ("", Some(vendor)) => vendor.name.clone(),
                ("", None) => entry.id.clone(),
                (name, _) => name.to_owned(),
            },
            kind: entry.kind,
            base_url: entry.base_url.trim_end_matches('/').to_owned(),
            key_url: vendor.and_then(|vendor| vendor.key_url.clone()),
            needs_key: match &key {
                KeyPlace::None => false,
                KeyPlace::Variable(_) => true,
                // A server on this machine that the user runs himself mostly wants none.
                KeyPlace::Keychain { .. } => vendor.map_or(!here, |vendor| vendor.needs_key),
            },
            custom: true,
            key,
        }
    }
}

/// All providers: the vendors in their order, then the user's own.
pub fn all(settings: &Settings) -> Vec<Provider> {
    let entry = |id: &str| settings.providers.iter().find(|entry| entry.id == id);
    let built_in = vendors().iter().map(|vendor| match entry(&vendor.id) {
        Some(entry) => Provider::of_entry(entry, Some(vendor)),
        None => Provider::of_vendor(vendor),
    });
    let own = settings
        .providers
        .iter()
        .filter(|entry| vendor(&entry.id).is_none())
        .map(|entry| Provider::of_entry(entry, None));
    built_in.chain(own).collect()
}

/// The hub of models, as far as its token goes: it is kept, bound to its address and deleted as the key of a provider is. It serves
/// no models to talk to, so it is in no list.
pub fn hub(settings: &Settings) -> Provider {
    let origin = settings::origin(&settings.hub_url);
    // The usual variable holds a token for the public hub: a mirror does not get it, but this machine does.
    let usual =
        origin == settings::origin(PUBLIC_HUB) || settings::on_this_machine(&settings.hub_url);
    Provider {
        id: ModelsPlace::TOKEN.into(),
        name: "Hugging Face".into(),
        kind: ProviderKind::OpenaiCompat,
        base_url: settings.hub_url.trim_end_matches('/').to_owned(),
        key_url: Some(format!("{PUBLIC_HUB}/settings/tokens")),
        needs_key: false,
        custom: false,
        key: KeyPlace::Keychain {
            variables: if usual {
                vec!["HF_TOKEN".into()]
            } else {
                Vec::new()
            },
        },
    }
}

/// A built-in vendor.
pub fn vendor(id: &str) -> Option<&'static Vendor> {
    vendors().iter().find(|vendor| vendor.id == id)
}

/// A key with the place it was found.
pub struct Key {
    /// The key.
    pub secret: SecretString,
    /// Where from.
    pub source: KeySource,
}

/// Providers and their keys.
#[derive(Clone)]
pub struct Providers {
    settings: SettingsStore,
    env: Arc<BTreeMap<String, String>>,
    keys: Keys,
    store: Store,
    egress: Egress,
    timeouts: Timeouts,
    redactor: Redactor,
}

impl Providers {
    /// Composes.
    pub fn new(
        settings: SettingsStore,
        env: BTreeMap<String, String>,
        keys: Keys,
        store: Store,
        egress: Egress,
        timeouts: Timeouts,
        redactor: Redactor,
    ) -> Self {
        Self {
            settings,
            env: Arc::new(env),
            keys,
            store,
            egress,
            timeouts,
            redactor,
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<Provider> {
        all(&self.settings.current().settings)
    }

    /// One of them.
    pub fn find(&self, id: &str) -> Result<Provider, ErrorCard> {
        if id == ModelsPlace::TOKEN {
            return Ok(self.hub());
        }
        self.all()
            .into_iter()
            .find(|provider| provider.id == id)
            .ok_or_else(|| cards::no_provider(id))
    }

    /// The hub of models; see [`hub`].
    pub fn hub(&self) -> Provider {
        hub(&self.settings.current().settings)
    }

    /// As a window shows them.
    pub async fn views(&self) -> Vec<ProviderView> {
        let views = self.all().into_iter().map(|provider| async move {
            let key = self.status(&provider).await;
            ProviderView {
                place: provider.place(),
                key,
                id: provider.id,
                name: provider.name,
                base_url: provider.base_url,
                key_url: provider.key_url,
                custom: provider.custom,
            }
        });
        futures::future::join_all(views).await
    }

    /// Whether there is a key. A keychain that fails counts as none: using the model says why.
    pub async fn status(&self, provider: &Provider) -> KeyStatus {
        match self.key(provider).await {
            Ok(Some(key)) => KeyStatus::Set { source: key.source },
            Ok(None) if !provider.needs_key => KeyStatus::NotNeeded,
            Ok(None) | Err(_) => KeyStatus::Missing,
        }
    }

    /// The key, if it may be sent to the provider's present address.
    pub async fn key(&self, provider: &Provider) -> Result<Option<Key>, ErrorCard> {
        let variables = match &provider.key {
            KeyPlace::None => return Ok(None),
            KeyPlace::Variable(name) => return Ok(self.variable_key(name)),
            KeyPlace::Keychain { variables } => variables,
        };
        if let Some(key) = variables.iter().find_map(|name| self.variable_key(name)) {
            return Ok(Some(key));
        }
        let saved_for = match self.keys.remembered(&provider.id) {
            Some((_, origin)) => Some(origin),
            None => self.saved_origin(&provider.id).await?,
        };
        // No record: this data folder never saved a key, so the keychain is not even asked.
        let Some(saved_for) = saved_for else {
            return Ok(None);
        };
        let now = settings::origin(&provider.base_url).unwrap_or_default();
        if saved_for != now {
            return Err(ErrorCard::new(
                ErrorCode::KeyMissing,
                format!("Enter the key for {} again", provider.name),
                format!(
                    "It was saved for {saved_for}, and the provider's address is {now} now. A key is only sent to the address it was saved for."
                ),
                ErrorAction::OpenProvider {
                    provider: provider.id.clone(),
                },
            ));
        }
        let found = self
            .keys
            .get(&provider.id, &saved_for)
            .await
            .map_err(|error| cards::keychain(&error))?;
        Ok(found.map(|found| Key {
            source: source(&found),
            secret: found.secret().clone(),
        }))
    }

    async fn saved_origin(&self, id: &str) -> Result<Option<String>, ErrorCard> {
        let origin = self.store.value(&origin_key(id)).await;
        Ok(origin.map_err(|e| e.card())?.filter(|o| !o.is_empty()))
    }

    fn variable_key(&self, name: &str) -> Option<Key> {
        let value = self.env.get(name)?.trim();
        if value.is_empty() {
            return None;
        }
        let secret = SecretString::from(value);
        self.redactor.register(&secret);
        Some(Key {
            secret,
            source: KeySource::Environment {
                name: name.to_owned(),
            },
        })
    }

    /// The provider, ready to be asked.
    ///
    /// # Errors
    /// `KeyMissing`, without asking the network, where it needs a key and has none.
    pub async fn connect(&self, provider: &Provider) -> Result<RemoteProvider, ErrorCard> {
        let key = self.key(provider).await?.map(|key| key.secret);
        Ok(RemoteProvider::new(
            ProviderSpec {
                label: provider.label(),
                kind: provider.kind,
                base_url: provider.base_url.clone(),
                key,
                needs_key: provider.needs_key,
            },
            self.egress.providers(),
            self.timeouts.clone(),
        ))
    }

    /// Keeps a key for the provider's present address.
    pub async fn save_key(&self, id: &str, key: SecretString) -> Result<KeyStatus, ErrorCard> {
        let provider = self.find(id)?;
        let key = check_key(key)?;
        let fixed = match &provider.key {
            KeyPlace::None => {
                return Err(cards::bad_input(
                    "This provider takes no key",
                    "Its entry in the settings says key = \"none\".",
                ));
            }
            KeyPlace::Variable(name) => Some(name.clone()),
            KeyPlace::Keychain { variables } => variables
                .iter()
                .find(|name| self.variable_key(name).is_some())
                .cloned(),
        };
        if let Some(name) = fixed {
            return Err(cards::bad_input(
                "The key comes from the environment",
                format!(
                    "The variable {name} gives it. Unset it and start the app again to keep a key here."
                ),
            ));
        }
        let origin = settings::origin(&provider.base_url)
            .ok_or_else(|| cards::bad_input("The provider's address cannot be used", ""))?;
        // The address goes first: a key without one is not used, an address without a key does no harm.
        self.store
            .set_value(&origin_key(id), &origin)
            .await
            .map_err(|error| error.card())?;
        let found = self.keys.set(id, &origin, key).await;
        if matches!(found, Found::ThisRun(_)) {
            // The next run must not look for it.
            self.store
                .set_value(&origin_key(id), "")
                .await
                .map_err(|error| error.card())?;
        }
        Ok(KeyStatus::Set {
            source: source(&found),
        })
    }

    /// Forgets a key.
    pub async fn delete_key(&self, id: &str) -> Result<(), ErrorCard> {
        let deleted = self.keys.delete(id).await;
        self.store
            .set_value(&origin_key(id), "")
            .await
            .map_err(|error| error.card())?;
        deleted.map_err(|error| cards::keychain(&error))
    }

    /// Whether a key was ever saved from this data folder: then the keychain matters.
    pub async fn any_saved(&self) -> bool {
        for provider in self.all().into_iter().chain([self.hub()]) {
            if matches!(self.saved_origin(&provider.id).await, Ok(Some(_))) {
                return true;
            }
        }
        false
    }
}

fn origin_key(id: &str) -> String {
    format!("key_origin:{id}")
}

fn source(found: &Found) -> KeySource {
    match found {
        Found::Keychain(_) => KeySource::Keychain,
        Found::ThisRun(_) => KeySource::ThisRun,
    }
}

/// A key travels in a header: one line of visible ASCII. Spaces around it come from copying.
fn check_key(key: SecretString) -> Result<SecretString, ErrorCard> {
    use secrecy::ExposeSecret;
    let text = key.expose_secret().trim();
    let fine = (1..=4096).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !fine {
        return Err(cards::bad_input(
            "This is no key",
            "A key is one line of letters, digits and signs, without spaces, 4096 at most. Copy it again.",
        ));
    }
    Ok(SecretString::from(text))
}
