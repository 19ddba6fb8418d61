//! Models to choose from, and the model behind a name.
//!
//! Owns the catalogue of local files and of providers' lists, the import of files, and the resolver that a turn asks. Refuses
//! to run a model.

pub mod files;
mod local;
mod remote;
mod tuned;

use std::{path::PathBuf, sync::Arc};

use futures::future::{BoxFuture, FutureExt};
use nexus_agent_loop::ModelResolver;
use nexus_llm::{Model, ModelError, vendor_at};
use nexus_protocol::{
    ErrorCard, ModelCatalog, ModelInfo, ModelPlace, ModelRef, ProviderFailure, StarterStatus,
};
use nexus_worker_client::{LocalEngine, starter::STARTER};

use crate::{
    cards,
    providers::{Provider, Providers},
};

pub use tuned::TunedModels;

use local::LocalModels;
use remote::RemoteLists;

/// All models.
#[derive(Clone)]
pub struct Models {
    providers: Providers,
    local: LocalModels,
    remote: RemoteLists,
    engine: LocalEngine,
}

impl Models {
    /// Composes. `folder` is the one with a subfolder for each local model.
    pub fn new(
        providers: Providers,
        folder: PathBuf,
        starter: Vec<PathBuf>,
        engine: LocalEngine,
    ) -> Self {
        Self {
            remote: RemoteLists::new(providers.clone()),
            providers,
            local: LocalModels::new(folder, starter),
            engine,
        }
    }

    /// What there is on this machine and elsewhere. `refresh` asks the providers again; else lists of the last ten minutes do.
    pub async fn catalog(&self, refresh: bool) -> ModelCatalog {
        let (local, remote) = futures::join!(self.local.scan(), self.remote.all(refresh));
        let mut catalog = ModelCatalog::default();
        for entry in local {
            match entry {
                Ok(found) => catalog.local.push(found.info),
                Err(error) => catalog.failures.push(ProviderFailure {
                    provider: ModelRef::LOCAL.into(),
                    error,
                }),
            }
        }
        for (provider, list) in remote {
            match list {
                Ok(models) => {
                    for info in models {
                        match info.place {
                            ModelPlace::ThisMachine => catalog.local.push(info),
                            ModelPlace::Cloud => catalog.cloud.push(info),
                        }
                    }
                }
                Err(error) => catalog.failures.push(ProviderFailure { provider, error }),
            }
        }
        catalog
    }

    /// Refuses names that cannot lead to a model. Asks no network.
    pub async fn check(&self, model: &ModelRef) -> Result<(), ErrorCard> {
        crate::settings::check_model(model)
            .map_err(|reason| cards::bad_input("This is no model", format!("{reason}.")))?;
        if !model.is_local() {
            return self.providers.find(model.provider()).map(|_| ());
        }
        match self.local.find(model).await? {
            Some(_) => Ok(()),
            None if is_starter(model) && self.local.starter_file().is_some() => Ok(()),
            None => Err(missing(model)),
        }
    }

    /// The starter model.
    pub async fn starter(&self) -> StarterStatus {
        let model = starter_ref();
        match self.local.find(&model).await {
            Ok(Some(_)) => StarterStatus::Installed { model },
            _ if self.local.starter_file().is_some() => StarterStatus::Available {
                bytes: STARTER.bytes,
            },
            _ => StarterStatus::Missing {
                reason: format!(
                    "The file {} did not come with this build. `cargo xtask setup` fetches it; or choose a GGUF file of your own.",
                    STARTER.file_name
                ),
            },
        }
    }

    /// The file that the starter model is installed from.
    pub fn starter_file(&self) -> Option<PathBuf> {
        self.local.starter_file().map(std::path::Path::to_path_buf)
    }

    /// The file of a local model.
    pub async fn path(&self, model: &ModelRef) -> Result<Option<PathBuf>, ErrorCard> {
        Ok(self.local.find(model).await?.map(|found| found.path))
    }

    /// Puts the starter model in place, after checking every byte of it.
    pub async fn install_starter(&self) -> Result<ModelInfo, ErrorCard> {
        self.local.install_starter().await.map(|found| found.info)
    }

    /// Takes a file of the user's own into the models folder.
    pub async fn import(&self, path: PathBuf) -> Result<ModelInfo, ErrorCard> {
        self.local.import(path).await.map(|found| found.info)
    }

    /// Deletes a local model's file. The model leaves the memory first.
    pub async fn remove(&self, model: &ModelRef) -> Result<(), ErrorCard> {
        if !model.is_local() {
            return Err(cards::bad_input(
                "Only models on this machine can be removed",
                format!("{model} is a provider's. Remove its provider in Settings instead."),
            ));
        }
        let found = self
            .local
            .find(model)
            .await?
            .ok_or_else(|| missing(model))?;
        if self.engine.loaded().is_some_and(|path| path == found.path) {
            self.engine.unload().await;
        }
        self.local.remove(&found).await
    }

    /// Asks a provider for something that needs its key; how many models it offers.
    pub async fn test(&self, provider: &Provider) -> Result<u32, ErrorCard> {
        self.require_key(provider).await?;
        let connection = self.providers.connect(provider).await?;
        connection
            .check_key()
            .await
            .map_err(|error| error.card(&crate::SystemClock))
    }

    /// Forgets the list of a provider whose entry or key changed.
    pub fn forget(&self, provider: &str) {
        self.remote.forget(provider);
    }

    async fn find(&self, model: &ModelRef) -> Result<Arc<dyn Model>, ErrorCard> {
        self.check(model).await?;
        if model.is_local() {
            let found = match self.local.find(model).await? {
                Some(found) => found,
                None => self.local.install_starter().await?,
            };
            return Ok(self.engine.model(found.path, found.info));
        }
        let provider = self.providers.find(model.provider())?;
        self.require_key(&provider).await?;
        let connection = self.providers.connect(&provider).await?;
        let info = self
            .remote
            .known(model)
            .unwrap_or_else(|| unknown(model, &provider));
        Ok(connection.model(info))
    }

    /// Said before the network is asked.
    async fn require_key(&self, provider: &Provider) -> Result<(), ErrorCard> {
        if provider.needs_key && self.providers.key(provider).await?.is_none() {
            let error = ModelError::KeyMissing {
                provider: provider.label(),
            };
            return Err(error.card(&crate::SystemClock));
        }
        Ok(())
    }
}

impl ModelResolver for Models {
    fn resolve(&self, model: &ModelRef) -> BoxFuture<'_, Result<Arc<dyn Model>, ErrorCard>> {
        let model = model.clone();
        async move { self.find(&model).await }.boxed()
    }
}

/// The name of the starter model.
pub fn starter_ref() -> ModelRef {
    ModelRef::new(ModelRef::LOCAL, STARTER.id)
}

fn is_starter(model: &ModelRef) -> bool {
    *model == starter_ref()
}

fn missing(model: &ModelRef) -> ErrorCard {
    cards::no_model(
        model,
        "There is no such model in the models folder; import its file, or install the starter model.",
    )
}

/// A model of which no list was read yet: it is believed to do what the provider's models mostly do, and the provider refuses
/// what it cannot.
fn unknown(model: &ModelRef, provider: &Provider) -> ModelInfo {
    let quirks = vendor_at(&provider.base_url).map(|vendor| vendor.quirks.clone());
    let quirks = quirks.unwrap_or_default();
    ModelInfo {
        model: model.clone(),
        display_name: model.model().to_owned(),
        place: provider.place(),
        context_tokens: None,
        max_output_tokens: None,
        tools: quirks.assume_tools,
        images: quirks.assume_images,
        pricing: None,
        file_bytes: None,
        quantization: None,
    }
}
