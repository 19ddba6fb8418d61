//! Models: the catalogue, the choice, the files, the hub and downloads.

use std::path::PathBuf;

use nexus_protocol::{
    Download, DownloadId, DownloadRequest, ErrorCard, FoundModel, HubDetails, HubPage, ImportMode,
    LocalModels, ModelCatalog, ModelInfo, ModelRef, ModelRemoved, ModelsPlace, Routing, SessionId,
};
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

    /// Takes a file or a folder into the models folder, by link or copy; it is checked first.
    pub async fn model_import(
        &self,
        path: PathBuf,
        mode: ImportMode,
    ) -> Result<ModelInfo, ErrorCard> {
        self.inner.models.import(path, mode).await
    }

    /// How a local model would be run now and how it did on this machine, in sentences; none for a model of the cloud.
    pub async fn model_outlook(&self, model: &ModelRef) -> Result<Vec<String>, ErrorCard> {
        self.inner.models.outlook(model).await
    }

    /// Tries a local model again that was given up because its worker died of it.
    pub async fn model_try_again(&self, model: &ModelRef) -> Result<(), ErrorCard> {
        self.inner.models.try_again(model).await
    }

    /// Deletes a local model, and says what the disk gained.
    pub async fn model_remove(&self, model: ModelRef) -> Result<ModelRemoved, ErrorCard> {
        let removed = self.inner.models.remove(&model).await?;
        if self.inner.settings.current().settings.default_model == Some(model)
            && let Err(error) = self.set_default(Value::Null)
        {
            tracing::warn!(%error, "the default model still names the one that was removed");
        }
        Ok(removed)
    }

    /// Models to be had, by words, by `author/name` or by address; without words those of the built-in catalogue, which works
    /// offline. `cursor` is [`HubPage::next`] of the page before.
    pub async fn models_search(
        &self,
        query: String,
        cursor: Option<String>,
    ) -> Result<HubPage, ErrorCard> {
        self.inner.models.search(&query, cursor.as_deref()).await
    }

    /// One of them with its files, and whether each runs here with a context of so many tokens.
    pub async fn models_details(
        &self,
        id: String,
        context: Option<u32>,
    ) -> Result<HubDetails, ErrorCard> {
        self.inner.models.details(&id, context).await
    }

    /// What is in the models folder.
    pub async fn models_local(&self) -> Result<LocalModels, ErrorCard> {
        Ok(self.inner.models.library().await)
    }

    /// Models of other apps on this disk.
    pub async fn models_found(&self) -> Result<Vec<FoundModel>, ErrorCard> {
        self.inner.models.found().await
    }

    /// Takes one of those in, by a link: nothing is copied.
    pub async fn model_take(&self, path: PathBuf) -> Result<ModelInfo, ErrorCard> {
        self.inner.models.take(path).await
    }

    /// Where models are kept and come from.
    pub async fn models_place(&self) -> Result<ModelsPlace, ErrorCard> {
        self.inner.models.place().await
    }

    /// Moves the models folder; [`nexus_protocol::AppEvent::ModelsMoving`] says how far it is.
    pub async fn models_move(&self, to: PathBuf) -> Result<ModelsPlace, ErrorCard> {
        self.inner.models.relocate(to).await
    }

    /// All downloads, those of earlier runs among them.
    pub async fn downloads(&self) -> Result<Vec<Download>, ErrorCard> {
        self.inner.models.downloads().await
    }

    /// Fetches a choice, or goes on with it; [`nexus_protocol::AppEvent::DownloadChanged`] says how far it is.
    pub async fn download_start(&self, request: DownloadRequest) -> Result<Download, ErrorCard> {
        self.inner.models.download(request).await
    }

    /// Stops a download and keeps what came.
    pub async fn download_pause(&self, id: DownloadId) -> Result<Download, ErrorCard> {
        self.inner.models.pause(id).await
    }

    /// Goes on with a download.
    pub async fn download_resume(&self, id: DownloadId) -> Result<Download, ErrorCard> {
        self.inner.models.resume(id).await
    }

    /// Stops a download and removes what came; one that is done goes off the list, and its model stays.
    pub async fn download_cancel(&self, id: DownloadId) -> Result<(), ErrorCard> {
        self.inner.models.cancel(id).await
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
