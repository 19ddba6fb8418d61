//! Models to choose from, and the model behind a name.
//!
//! Owns the catalogue of local files and of providers' lists, the import of files, the way to the hub, downloads, and the resolver that
//! a turn asks. Refuses to run a model.

mod catalogue;
mod downloads;
mod engines;
pub mod files;
mod fit;
mod folder;
mod found;
mod hub;
mod library;
mod listing;
mod local;
mod moving;
mod origin;
mod original;
mod outlook;
mod remote;
mod removal;
mod shape;
mod shelf;
mod split;
mod tuned;
mod watch;

#[cfg(test)]
#[expect(
    dead_code,
    reason = "the builder is shared with the crate that checks such files"
)]
#[path = "../../gguf/tests/support/gguf_builder.rs"]
pub(crate) mod gguf_builder;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures::future::{BoxFuture, FutureExt};
use nexus_agent_loop::ModelResolver;
use nexus_hub::Limits;
use nexus_llm::{Model, ModelError, vendor_at};
use nexus_protocol::{
    AppEvent, ErrorCard, ModelCatalog, ModelInfo, ModelPlace, ModelRef, ModelsPlace,
    ProviderFailure, StarterStatus,
};
use nexus_worker_client::{LocalEngine, starter::STARTER};

use crate::{
    cards,
    egress::Egress,
    events::Broadcast,
    providers::{Provider, Providers},
    settings::SettingsStore,
};

use downloads::Downloads;
pub use folder::ModelsFolder;
use hub::HubAccess;
pub use tuned::TunedModels;

use local::LocalModels;
use remote::RemoteLists;
use watch::FolderWatch;

/// All models.
#[derive(Clone)]
pub struct Models {
    providers: Providers,
    settings: SettingsStore,
    env: Arc<BTreeMap<String, String>>,
    folder: ModelsFolder,
    local: LocalModels,
    remote: RemoteLists,
    hub: HubAccess,
    downloads: Downloads,
    limits: Limits,
    watch: FolderWatch,
    events: Arc<Broadcast<AppEvent>>,
    engine: LocalEngine,
    /// Whether the engine maps the weights instead of unpacking some of them.
    maps: bool,
}

/// What [`Models`] are composed of.
pub struct Parts {
    /// Keys and lists of cloud models.
    pub providers: Providers,
    /// The hub's address, the models folder.
    pub settings: SettingsStore,
    /// Where other apps keep their models.
    pub env: BTreeMap<String, String>,
    /// The way out.
    pub egress: Egress,
    /// With a subfolder for each local model.
    pub folder: ModelsFolder,
    /// Where the starter model's file may lie.
    pub starter: Vec<PathBuf>,
    /// How hard downloads try.
    pub limits: Limits,
    /// Who hears of downloads and of changes in the folder.
    pub events: Arc<Broadcast<AppEvent>>,
    /// What runs local models.
    pub engine: LocalEngine,
    /// Whether it maps the weights instead of unpacking some of them.
    pub maps: bool,
}

impl Models {
    /// Composes, within a tokio runtime. Neither the disk nor the network is asked.
    pub fn new(parts: Parts) -> Self {
        let local = LocalModels::new(parts.folder.clone(), parts.starter);
        let hub = HubAccess::new(
            parts.settings.clone(),
            parts.providers.clone(),
            parts.egress,
        );
        let downloads = Downloads::new(
            hub.clone(),
            local.clone(),
            parts.folder.clone(),
            parts.limits.clone(),
            parts.maps,
            Arc::clone(&parts.events),
        );
        let listeners = Arc::clone(&parts.events);
        Self {
            remote: RemoteLists::new(parts.providers.clone()),
            providers: parts.providers,
            settings: parts.settings,
            env: Arc::new(parts.env),
            folder: parts.folder,
            local,
            hub,
            downloads,
            limits: parts.limits,
            watch: FolderWatch::new(move || listeners.tell(AppEvent::LocalModelsChanged)),
            events: parts.events,
            engine: parts.engine,
            maps: parts.maps,
        }
    }

    /// What there is on this machine and elsewhere. `refresh` asks the providers again; else lists of the last ten minutes do.
    pub async fn catalog(&self, refresh: bool) -> ModelCatalog {
        let (local, remote) = futures::join!(self.local.scan(), self.remote.all(refresh));
        let mut catalog = ModelCatalog::default();
        for entry in local {
            match entry {
                Ok(found) if found.file.is_embedding() => catalog.embedding.push(found.info),
                Ok(found) => catalog.local.push(found.info),
                Err(broken) => catalog.failures.push(ProviderFailure {
                    provider: ModelRef::LOCAL.into(),
                    error: broken.error,
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
            Some(found) if found.file.is_embedding() => Err(cards::bad_input(
                "This model cannot chat",
                format!(
                    "{model} makes vectors of texts, for searches, and writes none. Choose another model for chats."
                ),
            )),
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

    /// Any model of this app's own on this machine that chats: the first in the folder, else the starter that came with the app.
    pub async fn any_local(&self) -> Option<ModelRef> {
        let found = self.local.scan().await.into_iter().flatten();
        match found.into_iter().find(|found| !found.file.is_embedding()) {
            Some(found) => Some(found.info.model),
            None => self.local.starter_file().map(|_| starter_ref()),
        }
    }

    /// The file or folder of a local model.
    pub async fn path(&self, model: &ModelRef) -> Result<Option<PathBuf>, ErrorCard> {
        Ok(self.local.find(model).await?.map(|found| found.path))
    }

    /// Puts the starter model in place, after checking every byte of it.
    pub async fn install_starter(&self) -> Result<ModelInfo, ErrorCard> {
        self.local.install_starter().await.map(|found| found.info)
    }

    /// How a local model would be run now, and how it did, in sentences for people; none for a model of the cloud.
    pub async fn outlook(&self, model: &ModelRef) -> Result<Vec<String>, ErrorCard> {
        let Some(found) = self.local.find(model).await? else {
            return Ok(Vec::new());
        };
        let outlook = self.engine.outlook(&found.path, &found.info).await;
        outlook
            .map(|outlook| outlook::sentences(&outlook))
            .map_err(|error| error.card())
    }

    /// Tries a local model again that was given up.
    pub async fn try_again(&self, model: &ModelRef) -> Result<(), ErrorCard> {
        let found = self.local.find(model).await?;
        let found = found.ok_or_else(|| missing(model))?;
        let done = self.engine.try_again(&found.path).await;
        done.map_err(|error| error.card())
    }

    /// Asks a provider for something that needs its key; how many models it offers.
    pub async fn test(&self, provider: &Provider) -> Result<u32, ErrorCard> {
        if provider.id == ModelsPlace::TOKEN {
            return self.hub.test().await;
        }
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
            return Ok(self.engine.model(library::real(&found.path), found.info));
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
        "There is no such model in the models folder; import it, or install the starter model.",
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
