//! Providers and their keys. No call returns a key.

use nexus_protocol::{ErrorCard, KeyStatus, KeyTest, ProviderEntry, ProviderView};
use secrecy::SecretString;

use super::Nexus;
use crate::{cards, providers};

impl Nexus {
    /// All providers.
    pub async fn providers(&self) -> Result<Vec<ProviderView>, ErrorCard> {
        self.inner.settings.reload();
        Ok(self.inner.providers.views().await)
    }

    /// Adds a provider, or changes the one with this id. A key that was saved for another address is not sent to the new one.
    pub async fn provider_save(
        &self,
        entry: ProviderEntry,
    ) -> Result<Vec<ProviderView>, ErrorCard> {
        let id = entry.id.clone();
        self.inner
            .settings
            .save_provider(&entry)
            .map_err(|error| cards::settings(&error))?;
        self.inner.models.forget(&id);
        self.providers().await
    }

    /// Takes the user's entry of a provider out. A built-in one is then as it was built in; of others the key goes too.
    pub async fn provider_remove(&self, id: String) -> Result<Vec<ProviderView>, ErrorCard> {
        let loaded = self.inner.settings.current();
        if !loaded.settings.providers.iter().any(|entry| entry.id == id) {
            return Err(cards::no_provider(&id));
        }
        self.inner
            .settings
            .remove_provider(&id)
            .map_err(|error| cards::settings(&error))?;
        self.inner.models.forget(&id);
        if providers::vendor(&id).is_none() {
            self.inner.providers.delete_key(&id).await?;
        }
        self.providers().await
    }

    /// Keeps a key: in the keychain, or for this run where there is none; the answer says which.
    pub async fn key_set(
        &self,
        provider: String,
        key: SecretString,
    ) -> Result<KeyStatus, ErrorCard> {
        self.inner.models.forget(&provider);
        self.inner.providers.save_key(&provider, key).await
    }

    /// Forgets a key.
    pub async fn key_delete(&self, provider: String) -> Result<KeyStatus, ErrorCard> {
        let found = self.inner.providers.find(&provider)?;
        self.inner.models.forget(&provider);
        self.inner.providers.delete_key(&provider).await?;
        Ok(self.inner.providers.status(&found).await)
    }

    /// Asks the provider whether it takes the key.
    pub async fn key_test(&self, provider: String) -> Result<KeyTest, ErrorCard> {
        let found = self.inner.providers.find(&provider)?;
        Ok(match self.inner.models.test(&found).await {
            Ok(models) => KeyTest::Works { models },
            Err(error) => KeyTest::Failed { error },
        })
    }
}
