//! What commands returned: settings, providers, models. Written by [`crate::actions`] only.

use leptos::prelude::{Get, GetUntracked, RwSignal, Set, Update, With};
use nexus_protocol::{
    Banner, Bootstrap, ErrorCard, ModelCatalog, ModelInfo, ModelPlace, ModelRef, ProviderView,
    SandboxView, SettingsView, StarterStatus,
};

/// Something that is read from the core.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Loaded<T> {
    /// Nobody asked yet.
    #[default]
    Unasked,
    /// On the way, for the first time.
    Loading,
    /// Here; `refreshing` while a newer one is on the way.
    Ready {
        /// What it is.
        value: T,
        /// Whether a newer one is on the way.
        refreshing: bool,
    },
    /// It could not be read.
    Failed(ErrorCard),
}

impl<T> Loaded<T> {
    /// What is here, if anything.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Ready { value, .. } => Some(value),
            _ => None,
        }
    }
}

/// What commands returned. Copying it copies handles.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The first answer of the core, without its lists: `Unasked` and `Loading` until it came.
    pub start: RwSignal<Loaded<()>>,
    /// The app's version.
    pub version: RwSignal<String>,
    /// Settings and where they are.
    pub settings: RwSignal<Option<SettingsView>>,
    /// All known providers.
    pub providers: RwSignal<Vec<ProviderView>>,
    /// Things to say at the top.
    pub banners: RwSignal<Vec<Banner>>,
    /// The starter model.
    pub starter: RwSignal<Option<StarterStatus>>,
    /// What confines the programs that tools start.
    pub sandbox: RwSignal<SandboxView>,
    /// Models to choose from.
    pub catalog: RwSignal<Loaded<ModelCatalog>>,
}

impl Facts {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self {
            start: RwSignal::new(Loaded::Unasked),
            version: RwSignal::new(String::new()),
            settings: RwSignal::new(None),
            providers: RwSignal::new(Vec::new()),
            banners: RwSignal::new(Vec::new()),
            starter: RwSignal::new(None),
            sandbox: RwSignal::new(SandboxView::default()),
            catalog: RwSignal::new(Loaded::Unasked),
        }
    }

    /// Takes the first answer in, but for its sessions.
    pub fn begin(&self, bootstrap: &Bootstrap) {
        self.version.set(bootstrap.version.clone());
        self.settings.set(Some(bootstrap.settings.clone()));
        self.providers.set(bootstrap.providers.clone());
        self.banners.set(bootstrap.banners.clone());
        self.starter.set(Some(bootstrap.starter.clone()));
        self.sandbox.set(bootstrap.sandbox.clone());
        self.start.set(Loaded::Ready {
            value: (),
            refreshing: false,
        });
    }

    /// Whether the user chose to be offline.
    pub fn offline(&self) -> bool {
        self.settings
            .with(|view| view.as_ref().is_some_and(|view| view.settings.offline))
    }

    /// Where an answer of a model is made, in words: this machine, or whose.
    pub fn made_at(&self, model: &ModelRef) -> String {
        match self.model_place(model) {
            ModelPlace::ThisMachine => "On this machine".to_owned(),
            ModelPlace::Cloud => self.provider_name(model.provider()),
        }
    }

    /// The model for new chats.
    pub fn default_model(&self) -> Option<ModelRef> {
        self.settings
            .with(|view| view.as_ref()?.settings.default_model.clone())
    }

    /// Remembers a choice at once; the core's own answer follows with the next settings.
    pub fn choose_default(&self, model: &ModelRef) {
        self.settings.update(|view| {
            if let Some(view) = view {
                view.settings.default_model = Some(model.clone());
            }
        });
    }

    /// What the catalogue knows of a model.
    pub fn model(&self, model: &ModelRef) -> Option<ModelInfo> {
        self.catalog.with(|catalog| {
            let catalog = catalog.value()?;
            catalog
                .local
                .iter()
                .chain(&catalog.cloud)
                .find(|info| info.model == *model)
                .cloned()
        })
    }

    /// A model's name for people, known or not.
    pub fn model_name(&self, model: &ModelRef) -> String {
        self.model(model).map_or_else(
            || crate::format::model_name(model),
            |info| info.display_name,
        )
    }

    /// Where a model runs, known or not. What is not known to be here is taken to be elsewhere.
    pub fn model_place(&self, model: &ModelRef) -> ModelPlace {
        if model.is_local() {
            return ModelPlace::ThisMachine;
        }
        if let Some(info) = self.model(model) {
            return info.place;
        }
        self.providers.with(|providers| {
            providers
                .iter()
                .find(|provider| provider.id == model.provider())
                .map_or(ModelPlace::Cloud, |provider| provider.place)
        })
    }

    /// A provider's name for people; its id where it is not known.
    pub fn provider_name(&self, id: &str) -> String {
        self.providers.with(|providers| {
            providers
                .iter()
                .find(|provider| provider.id == id)
                .map_or_else(|| id.to_owned(), |provider| provider.name.clone())
        })
    }

    /// Whether an answer can be had without any network: a model of our own is in place.
    pub fn offline_ready(&self) -> bool {
        let listed = self.catalog.with(|catalog| {
            catalog
                .value()
                .is_some_and(|c| c.local.iter().any(|m| m.model.is_local()))
        });
        listed || matches!(self.starter.get(), Some(StarterStatus::Installed { .. }))
    }

    /// Whether the environment fixes a setting, so that the window cannot change it.
    pub fn is_fixed(&self, name: &str) -> bool {
        self.settings.with(|view| {
            view.as_ref().is_some_and(|view| {
                view.from_environment.iter().any(|fixed| {
                    fixed == name
                        || fixed
                            .strip_prefix("NEXUS_")
                            .is_some_and(|n| n.eq_ignore_ascii_case(name))
                })
            })
        })
    }

    /// Whether the first answer of the core came.
    pub fn is_started(&self) -> bool {
        self.start.get_untracked().value().is_some()
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self::new()
    }
}
