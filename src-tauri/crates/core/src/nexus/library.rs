//! Models: the catalogue, the choice, the files.

use std::path::PathBuf;

use nexus_protocol::{ErrorCard, ModelCatalog, ModelInfo, ModelRef, Routing, SessionId};
use serde_json::Value;

use super::Nexus;
use crate::{cards, settings::SettingsError};

impl Nexus {
    /// All models to choose from. `refresh` asks providers again whose list is known.
    pub async fn models(&self, refresh: bool) -> Result<ModelCatalog, ErrorCard> {
        Ok(self.inner.models.catalog(refresh).await)
    }

    /// Chooses a model: for a session, where one is named, and for all new ones. In a session that asks at both places it takes the
    /// place of the one at its own.
    pub async fn model_select(
        &self,
        session: Option<SessionId>,
        model: ModelRef,
    ) -> Result<(), ErrorCard> {
        self.inner.models.check(&model).await?;
        if let Some(id) = session {
            let handle = self.session(id).await?;
            let before = self.summary(id).await?;
            let place = self.place(&model);
            let store = &self.inner.store;
            let changed = match before.routing {
                Some(routing) if place != Some(routing.first()) => match routing {
                    // It stands beside the one that is asked first; new chats are another matter.
                    Routing::LocalFirst | Routing::CloudFirst => {
                        let first = before.model.as_ref();
                        let set = store.set_routing(id, Some(routing), first, Some(&model));
                        let summary = set.await.map_err(|error| error.card())?;
                        handle.changed(summary.ok_or_else(cards::no_session)?).await;
                        return Ok(());
                    }
                    Routing::LocalOnly => return Err(routing.refusal()),
                    Routing::Cloud => store.set_routing(id, None, Some(&model), None).await,
                },
                _ => store.set_model(id, &model).await,
            };
            if let Some(summary) = changed.map_err(|error| error.card())? {
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
