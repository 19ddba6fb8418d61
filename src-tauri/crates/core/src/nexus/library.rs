//! Models: the catalogue, the choice, the files.

use std::path::PathBuf;

use nexus_protocol::{ErrorCard, ModelCatalog, ModelInfo, ModelRef, SessionId};
use serde_json::Value;

use super::Nexus;
use crate::{cards, settings::SettingsError};

impl Nexus {
    /// All models to choose from. `refresh` asks providers again whose list is known.
    pub async fn models(&self, refresh: bool) -> Result<ModelCatalog, ErrorCard> {
        Ok(self.inner.models.catalog(refresh).await)
    }

    /// Chooses a model: for a session, where one is named, and for all new ones.
    pub async fn model_select(
        &self,
        session: Option<SessionId>,
        model: ModelRef,
    ) -> Result<(), ErrorCard> {
        self.inner.models.check(&model).await?;
        if let Some(id) = session {
            let handle = self.session(id).await?;
            let changed = self
                .inner
                .store
                .set_model(id, &model)
                .await
                .map_err(|error| error.card())?;
            if let Some(summary) = changed {
                handle.changed(summary).await;
            }
        }
        match self.set_default(Value::String(model.0)) {
            Ok(()) => Ok(()),
            // The session has its model; what cannot be written is said by a banner already.
            Err(error) if session.is_some() => {
                tracing::warn!(%error, "the default model was not saved");
                Ok(())
            }
            Err(error) => Err(cards::settings(&error)),
        }
    }

    /// Puts the starter model in place. Nothing happens where it is.
    pub async fn starter_install(&self) -> Result<ModelInfo, ErrorCard> {
        self.inner.models.install_starter().await
    }

    /// Takes a GGUF file into the models folder; its header is checked first.
    pub async fn model_import(&self, path: PathBuf) -> Result<ModelInfo, ErrorCard> {
        self.inner.models.import(path).await
    }

    /// How a local model would be run now and how it did on this machine, in sentences; none for a model of the cloud.
    pub async fn model_outlook(&self, model: &ModelRef) -> Result<Vec<String>, ErrorCard> {
        self.inner.models.outlook(model).await
    }

    /// Tries a local model again that was given up because its worker died of it.
    pub async fn model_try_again(&self, model: &ModelRef) -> Result<(), ErrorCard> {
        self.inner.models.try_again(model).await
    }

    /// Deletes a local model's file.
    pub async fn model_remove(&self, model: ModelRef) -> Result<(), ErrorCard> {
        self.inner.models.remove(&model).await?;
        if self.inner.settings.current().settings.default_model == Some(model)
            && let Err(error) = self.set_default(Value::Null)
        {
            tracing::warn!(%error, "the default model still names the one that was removed");
        }
        Ok(())
    }

    /// Where the environment names the default model, the choice stays with it.
    fn set_default(&self, model: Value) -> Result<(), SettingsError> {
        let current = self.inner.settings.current();
        if current
            .from_environment
            .iter()
            .any(|name| name == "default_model")
        {
            return Ok(());
        }
        self.inner.settings.set("default_model", &model).map(|_| ())
    }
}
