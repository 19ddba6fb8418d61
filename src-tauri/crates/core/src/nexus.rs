//! The composition: one [`Nexus`] is one running core.
//!
//! Owns the order in which things start and stop, and the sessions that run. Each call checks what it is given: front ends are
//! not trusted to.

mod agent;
mod chats;
mod json_answer;
mod keys;
mod library;
mod preferences;
mod routing;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nexus_agent_loop::{AgentDeps, ModelResolver, RuleBook, SessionHandle, TurnSettings};
use nexus_checkpoints::Checkpoints;
use nexus_protocol::{
    AppEvent, Banner, BannerKind, Bootstrap, Clock, ErrorCard, Event, HighlightSpan, ImageData,
    LocalBackend, SessionId, Settings, SettingsView, UnixMillis,
};
use nexus_store::Store;
use nexus_tools::{
    Registry,
    policy::{Rule, Verdict},
};
use nexus_worker_client::{Backend, Confinement, LocalEngine, WorkerOptions};
use tokio::sync::{Mutex, mpsc::UnboundedReceiver};

use crate::{
    CoreOptions, StartError,
    egress::Egress,
    events::Broadcast,
    fetch_image::{ImageFetcher, SystemResolver},
    highlight,
    host::MachineHost,
    leftovers,
    logging::{self, LogHandle, Redactor},
    models::{Models, ModelsFolder, Parts, TunedModels, files},
    paths::{DataDir, RunLock},
    providers::Providers,
    rules::SettingsRules,
    secrets::Keys,
    settings::{Loaded, SettingsStore},
};

/// How long a deleted chat can be restored.
const RESTORABLE: Duration = Duration::from_secs(3600);
/// How long a stop waits for turns to end before it goes on without them; what is on disk is valid in any case.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A running core. Cheap to clone.
#[derive(Clone)]
pub struct Nexus {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) data: DataDir,
    pub(crate) settings: SettingsStore,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) providers: Providers,
    pub(crate) models: Models,
    pub(crate) engine: LocalEngine,
    pub(crate) worker: PathBuf,
    pub(crate) confinement: Confinement,
    pub(crate) host: MachineHost,
    checkpoints: Checkpoints,
    rules: Arc<SettingsRules>,
    tools: Registry,
    images: ImageFetcher,
    egress: Egress,
    events: Arc<Broadcast>,
    app_events: Arc<Broadcast<AppEvent>>,
    sessions: Mutex<HashMap<SessionId, SessionHandle>>,
    log: Option<LogHandle>,
    /// Held until the shutdown: see `RunLock`.
    running: Mutex<Option<RunLock>>,
}

impl Nexus {
    /// Starts a core: the folder, the settings, the log, the database, then everything that uses them. No key is read, no
    /// network asked, no model loaded.
    ///
    /// # Errors
    /// What keeps the core from working at all; [`StartError::card`] says it to people. A broken settings file does not.
    pub async fn start(options: CoreOptions) -> Result<Self, StartError> {
        let data = DataDir::prepare(&options.data_dir).map_err(|source| StartError::DataDir {
            path: options.data_dir.clone(),
            source,
        })?;
        let file = options
            .config_file
            .clone()
            .unwrap_or_else(|| data.settings());
        let egress = Egress::new(&options.timeouts)?;
        let settings = SettingsStore::open(file, options.env.clone(), egress.switch().clone());
        let loaded = settings.current();
        let redactor = Redactor::of_process();
        let log = start_log(&options, &data, &loaded, &redactor)?;
        for problem in &loaded.problems {
            tracing::warn!(%problem, "settings");
        }
        let checkpoints =
            Checkpoints::open(&data.checkpoints()).map_err(|error| StartError::DataDir {
                path: data.checkpoints(),
                source: std::io::Error::other(error),
            })?;
        let folder = ModelsFolder::chosen(&loaded.settings, &data.models());
        if let Err(error) = std::fs::create_dir_all(&folder) {
            // A disk that is not plugged in must not keep the chats closed; a banner says it.
            tracing::warn!(folder = %folder.display(), %error, "the models folder cannot be made");
        }
        let (opened, host) = futures::join!(
            open_store(&data, &folder, options.clock.as_ref()),
            MachineHost::find(&options, &data, settings.file()),
        );
        let (store, running) = opened?;
        let tools = Registry::builtin();
        let allowed = options.allow.iter().map(|text| {
            Rule::for_verdict(Verdict::Allow, text)
                .map_err(|error| StartError::Rule(error.to_string()))
        });
        let rules =
            SettingsRules::new(settings.clone(), allowed.collect::<Result<_, _>>()?, &tools);
        let keys = Keys::new(
            options.keychain.clone(),
            options.probe_program.clone(),
            redactor.clone(),
        );
        let providers = Providers::new(
            settings.clone(),
            options.env.clone(),
            keys.clone(),
            store.clone(),
            egress.clone(),
            options.timeouts.clone(),
            redactor,
        );
        let worker = options
            .worker
            .clone()
            .unwrap_or_else(|| PathBuf::from("nexus-worker"));
        let confinement = Confinement::of(host.sandbox(), loaded.settings.unsandboxed_models);
        if let Confinement::None(reason) = &confinement {
            tracing::warn!(%reason, "local models run not sandboxed");
        }
        let engine = LocalEngine::new(WorkerOptions {
            llama_program: options.llama_worker.clone(),
            idle_unload: idle_unload(&loaded.settings),
            confinement: confinement.clone(),
            records_dir: Some(data.measured()),
            ..WorkerOptions::new(worker.clone(), data.scratch())
        });
        engine.set_backends(pins(&loaded.settings));
        let app_events = Arc::new(Broadcast::default());
        let models = Models::new(Parts {
            providers: providers.clone(),
            settings: settings.clone(),
            env: options.env.clone(),
            egress: egress.clone(),
            folder: ModelsFolder::new(folder),
            starter: options.starter.clone(),
            limits: options.downloads.clone(),
            events: Arc::clone(&app_events),
            engine: engine.clone(),
            // Where there is a worker on llama.cpp, it runs the models that it knows.
            maps: options.llama_worker.is_some(),
        });
        tracing::info!(version = env!("CARGO_PKG_VERSION"), data = %data.root().display(), "started");
        Ok(Self {
            inner: Arc::new(Inner {
                clock: options.clock,
                data,
                settings,
                store,
                keys,
                providers,
                models,
                engine,
                worker,
                confinement,
                host,
                checkpoints,
                rules: Arc::new(rules),
                tools,
                images: ImageFetcher::new(
                    Arc::new(SystemResolver(egress.switch().clone())),
                    egress.clone(),
                ),
                egress,
                events: Arc::default(),
                app_events,
                sessions: Mutex::default(),
                log,
                running: Mutex::new(Some(running)),
            }),
        })
    }

    /// The events of all sessions, from now on. The receiver must be read: what it does not read stays in memory.
    pub fn subscribe(&self) -> UnboundedReceiver<Event> {
        self.inner.events.subscribe()
    }

    /// What happens outside all sessions, from now on: downloads, and what comes into the models folder or leaves it, which is watched
    /// once somebody listens. The receiver must be read, as that of [`Self::subscribe`].
    pub fn subscribe_app(&self) -> UnboundedReceiver<AppEvent> {
        self.inner.models.watch();
        self.inner.app_events.subscribe()
    }

    /// Begins what [`Self::bootstrap`] would wait for: connecting to the keychain takes as long as the window takes to load.
    pub fn warm_up(&self) {
        let nexus = self.clone();
        tokio::spawn(async move {
            // Only for its effect; the window asks again.
            let _banner = nexus.keychain_banner().await;
        });
    }

    /// All that a window needs to draw itself first.
    pub async fn bootstrap(&self) -> Result<Bootstrap, ErrorCard> {
        let inner = &self.inner;
        let loaded = inner.settings.reload();
        let (sessions, providers, starter, keychain) = futures::join!(
            inner.store.sessions(),
            inner.providers.views(),
            inner.models.starter(),
            self.keychain_banner(),
        );
        let sessions = sessions.map_err(|error| error.card())?;
        let mut banners: Vec<Banner> = loaded
            .problems
            .iter()
            .map(|problem| Banner {
                kind: BannerKind::SettingsBroken,
                text: format!("Settings that cannot be used were left out. {problem}."),
            })
            .collect();
        banners.extend(keychain);
        banners.extend(self.models_banner());
        let chosen = loaded.settings.default_model.is_some()
            || sessions.iter().any(|session| session.model.is_some());
        Ok(Bootstrap {
            version: env!("CARGO_PKG_VERSION").into(),
            settings: self.view(loaded),
            onboarding: !chosen,
            sessions,
            providers,
            banners,
            starter,
            states: self.states().await?,
            sandbox: self.sandbox_view(),
        })
    }

    /// Colours for code; see [`highlight::MAX_BYTES`] for what stays plain.
    pub async fn highlight(
        &self,
        language: String,
        code: String,
    ) -> Result<Vec<HighlightSpan>, ErrorCard> {
        Ok(highlight::highlight(language, code).await)
    }

    /// An image of the web that the user clicked: https, public addresses, 10 MiB, image types only.
    pub async fn fetch_image(&self, url: String) -> Result<ImageData, ErrorCard> {
        self.inner
            .images
            .fetch(&url)
            .await
            .map_err(|error| error.card())
    }

    /// What of the settings could not be used, one line each; a front end says it at its start.
    pub fn setting_problems(&self) -> Vec<String> {
        let problems = self.inner.settings.current().problems;
        problems.iter().map(ToString::to_string).collect()
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.inner.data.root().to_path_buf()
    }

    /// The folder of the logs.
    pub fn log_dir(&self) -> PathBuf {
        self.inner.data.logs()
    }

    /// Interrupts running turns, ends the worker, closes the database. The core is of no use after it.
    pub async fn shutdown(&self) {
        let handles: Vec<SessionHandle> = self
            .inner
            .sessions
            .lock()
            .await
            .drain()
            .map(|(_, h)| h)
            .collect();
        let stopped = futures::future::join_all(handles.iter().map(SessionHandle::stop));
        if tokio::time::timeout(STOP_LIMIT, stopped).await.is_err() {
            tracing::warn!("some turns did not end in time");
        }
        // What came is kept, and the next run finds it.
        let paused = tokio::time::timeout(STOP_LIMIT, self.inner.models.pause_all()).await;
        if paused.is_err() {
            tracing::warn!("some downloads did not stop in time");
        }
        self.inner.engine.shutdown().await;
        self.inner.store.close().await;
        drop(self.inner.running.lock().await.take());
        tracing::info!("stopped");
    }

    /// The handle of a session that exists; its actor starts with the first call.
    pub(crate) async fn session(&self, id: SessionId) -> Result<SessionHandle, ErrorCard> {
        let mut sessions = self.inner.sessions.lock().await;
        let summary = self
            .inner
            .store
            .session(id)
            .await
            .map_err(|error| error.card())?
            .ok_or_else(crate::cards::no_session)?;
        // Kept for the life of the core, also while the session is deleted: its events are numbered on.
        let handle = sessions
            .entry(id)
            .or_insert_with(|| SessionHandle::spawn(summary, self.deps(id)));
        Ok(handle.clone())
    }

    /// The models as the settings have them.
    pub(crate) fn tuned_models(&self) -> TunedModels {
        TunedModels::new(self.inner.models.clone(), self.inner.settings.clone())
    }

    fn deps(&self, id: SessionId) -> AgentDeps {
        let inner = &self.inner;
        let settings = inner.settings.clone();
        AgentDeps {
            store: inner.store.clone(),
            tools: inner.tools.clone(),
            host: Arc::new(
                inner
                    .host
                    .of_session(&inner.data, &inner.models.folder(), id),
            ),
            checkpoints: inner.checkpoints.clone(),
            rules: Arc::clone(&inner.rules) as Arc<dyn RuleBook>,
            models: Arc::new(self.tuned_models()) as Arc<dyn ModelResolver>,
            events: inner.events.clone(),
            clock: inner.clock.clone(),
            offline: inner.egress.switch().clone(),
            settings: Arc::new(move || turn_settings(settings.current().settings)),
        }
    }

    pub(crate) fn view(&self, loaded: Loaded) -> SettingsView {
        SettingsView {
            settings: loaded.settings,
            file: self.inner.settings.file().display().to_string(),
            data_dir: self.inner.data.root().display().to_string(),
            from_environment: loaded.from_environment,
        }
    }

    /// What a change of the settings means for what already runs.
    pub(crate) fn apply(&self, settings: &Settings) {
        self.inner.engine.set_idle_unload(idle_unload(settings));
        let models = &self.inner.models;
        models.follow(settings, &self.inner.data.models());
        self.inner.engine.set_backends(pins(settings));
        if let Some(log) = &self.inner.log {
            log.set_filter(&settings.log);
        }
    }

    fn models_banner(&self) -> Option<Banner> {
        let folder = self.inner.models.folder();
        (!folder.is_dir()).then(|| Banner {
            kind: BannerKind::StorageBroken,
            text: format!(
                "The models folder {} is not there. Plug in its disk, or choose another one in Settings.",
                folder.display()
            ),
        })
    }

    /// Said as soon as it is known. A keychain that is slow to answer does not hold up the window.
    async fn keychain_banner(&self) -> Option<Banner> {
        let check = async {
            if self.inner.providers.any_saved().await {
                self.inner.keys.proven().await
            } else {
                self.inner.keys.available().await
            }
        };
        match tokio::time::timeout(Duration::from_secs(1), check).await {
            Ok(Err(error)) => Some(Banner {
                kind: BannerKind::NoKeychain,
                text: format!("Keys that you enter are kept for this run only: {error}."),
            }),
            Ok(Ok(())) | Err(_) => None,
        }
    }
}

fn turn_settings(settings: Settings) -> TurnSettings {
    TurnSettings {
        default_model: settings.default_model,
        system_prompt: settings.system_prompt,
        max_tool_calls: settings.max_tool_calls,
        max_unattended_ms: u64::from(settings.max_unattended_minutes) * 60_000,
        max_turn_cost_usd: settings.max_turn_cost_usd,
        auto_title: settings.auto_title,
    }
}

fn idle_unload(settings: &Settings) -> Option<Duration> {
    match settings.idle_unload_minutes {
        0 => None,
        minutes => Some(Duration::from_secs(u64::from(minutes) * 60)),
    }
}

/// The engines that the user chose for single models.
fn pins(settings: &Settings) -> HashMap<String, Backend> {
    let pins = settings.models.iter().filter_map(|(name, model)| {
        let backend = match model.backend? {
            LocalBackend::Llama => Backend::Llama,
            LocalBackend::Mistral => Backend::Mistral,
        };
        Some((name.0.clone(), backend))
    });
    pins.collect()
}

fn start_log(
    options: &CoreOptions,
    data: &DataDir,
    loaded: &Loaded,
    redactor: &Redactor,
) -> Result<Option<LogHandle>, StartError> {
    let Some(log) = &options.log else {
        return Ok(None);
    };
    // A variable that the user set for this very run speaks for both sinks.
    let chosen = loaded.from_environment.iter().any(|name| name == "log");
    let stderr = log.stderr.as_deref().filter(|_| !chosen);
    logging::start(&data.logs(), &loaded.settings.log, stderr, redactor.clone()).map_err(|source| {
        StartError::DataDir {
            path: data.logs(),
            source,
        }
    })
}

/// Opens the database. The first core on a data folder also mends what a crash left and erases what was deleted long ago; beside a
/// running one that would break off the turns of the other.
async fn open_store(
    data: &DataDir,
    models: &Path,
    clock: &dyn Clock,
) -> Result<(Store, RunLock), StartError> {
    let (path, folder) = (data.database(), data.clone());
    let failed = |source| StartError::DataDir {
        path: data.root().to_path_buf(),
        source,
    };
    let (store, mut running) = tokio::task::spawn_blocking(move || {
        let running = RunLock::take(&folder)?;
        Ok::<_, std::io::Error>((Store::open(&path), running))
    })
    .await
    .map_err(|error| failed(std::io::Error::other(error)))?
    .map_err(failed)?;
    let store = store?;
    if running.is_first() {
        let mended = store.recover().await?;
        let before = clock.now().0 - i64::try_from(RESTORABLE.as_millis()).unwrap_or(i64::MAX);
        let erased = store.purge_deleted(UnixMillis(before)).await?;
        files::clean(models);
        leftovers::clean(data, &store).await?;
        tracing::info!(mended, erased, "database opened");
        running.share().map_err(failed)?;
    }
    Ok((store, running))
}
