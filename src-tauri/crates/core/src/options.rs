//! What the core is started with. The only place that reads the process's environment and its own path.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use nexus_hub::Limits as DownloadLimits;
use nexus_llm::Timeouts;
use nexus_protocol::{Clock, ErrorAction, ErrorCard, ErrorCode};
use nexus_store::StoreError;
use nexus_tools::Interpreters;
use nexus_worker_client::starter::STARTER;

use crate::{
    clock::SystemClock,
    secrets::{SecretStore, SystemKeychain},
};

/// What the core is started with.
#[derive(Clone)]
pub struct CoreOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The settings file; `settings.toml` in the data folder where there is none.
    pub config_file: Option<PathBuf>,
    /// The environment: settings and keys may come from it.
    pub env: BTreeMap<String, String>,
    /// The program that runs local models.
    pub worker: Option<PathBuf>,
    /// The one that runs them on llama.cpp, which is quicker on a processor; local models run without it too.
    pub llama_worker: Option<PathBuf>,
    /// The program that confines what tools start; without it each start is asked for as not confined.
    pub sandbox: Option<PathBuf>,
    /// What runs code on a machine without Python or Node.
    pub interpreters: Interpreters,
    /// Rules that allow, for this run alone.
    pub allow: Vec<String>,
    /// Where the starter model's file may lie, the best first.
    pub starter: Vec<PathBuf>,
    /// Where keys are kept.
    pub keychain: Arc<dyn SecretStore>,
    /// A program that calls [`crate::secrets::probe_child`] first: the second process in the proof of the keychain. Without one
    /// the keychain is proven within this process only.
    pub probe_program: Option<PathBuf>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// How long to wait for providers.
    pub timeouts: Timeouts,
    /// How hard downloads try.
    pub downloads: DownloadLimits,
    /// Where the log goes; `None` leaves the process's logging alone.
    pub log: Option<LogOptions>,
}

/// Where the log goes, besides its file.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// What goes to standard error where `NEXUS_LOG` does not say; `None` for what the setting says.
    pub stderr: Option<String>,
}

impl CoreOptions {
    /// In this folder, with nothing from the environment: no worker, no starter model, no logging.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            config_file: None,
            env: BTreeMap::new(),
            worker: None,
            llama_worker: None,
            sandbox: None,
            interpreters: Interpreters::default(),
            allow: Vec::new(),
            starter: Vec::new(),
            keychain: Arc::new(SystemKeychain),
            probe_program: None,
            clock: Arc::new(SystemClock),
            timeouts: Timeouts::default(),
            downloads: DownloadLimits::default(),
            log: None,
        }
    }

    /// As the environment and the place of the program say: `NEXUS_DATA_DIR`, `NEXUS_CONFIG`, `NEXUS_WORKER`, `NEXUS_WORKER_LLAMA`,
    /// `NEXUS_SANDBOX`, `NEXUS_PYTHON`, `NEXUS_JAVASCRIPT`, `NEXUS_STARTER_MODEL`, else the system's data folder and what lies beside the program.
    ///
    /// # Errors
    /// [`StartError::NoDataDir`] where the system names no folder for a user's data.
    pub fn from_environment() -> Result<Self, StartError> {
        // Variables that are no UTF-8 are none of ours.
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let path = |name: &str| {
            env.get(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let data_dir = path("NEXUS_DATA_DIR")
            .or_else(|| {
                directories::ProjectDirs::from("", "", "nexus-agent")
                    .map(|dirs| dirs.data_dir().to_path_buf())
            })
            .ok_or(StartError::NoDataDir)?;
        let program = std::env::current_exe().ok();
        let beside = program.as_deref().and_then(Path::parent);
        let worker = path("NEXUS_WORKER")
            .or_else(|| beside.and_then(|at| program_beside(at, "nexus-worker")));
        let sandbox = path("NEXUS_SANDBOX")
            .or_else(|| beside.and_then(|at| program_beside(at, "nexus-sandbox")));
        // What the app can do without: named only where it is there.
        let optional = |variable: &str, name: &str| {
            path(variable).or_else(|| {
                beside
                    .and_then(|at| program_beside(at, name))
                    .filter(|program| program.is_file())
            })
        };
        let llama_worker = optional("NEXUS_WORKER_LLAMA", "nexus-worker-llama");
        let interpreters = Interpreters {
            python: optional("NEXUS_PYTHON", "nexus-python"),
            javascript: optional("NEXUS_JAVASCRIPT", "nexus-javascript"),
        };
        let starter = path("NEXUS_STARTER_MODEL")
            .into_iter()
            .chain(beside.map(starters_beside).unwrap_or_default())
            .collect();
        Ok(Self {
            config_file: path("NEXUS_CONFIG"),
            worker,
            llama_worker,
            sandbox,
            interpreters,
            starter,
            probe_program: program.clone(),
            log: Some(LogOptions::default()),
            env,
            ..Self::new(data_dir)
        })
    }
}

/// Where bundles put what is not a program: Linux packages, macOS apps, a folder.
const RESOURCES: &[&str] = &[
    "",
    "resources",
    "../lib/nexus-agent",
    "../lib/nexus-agent/resources",
    "../lib/Nexus Agent",
    "../Resources",
    // A checkout: the worker is built in release only, the app also in debug.
    "../release",
    "../nexus",
];

fn program_beside(folder: &Path, name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let candidates = RESOURCES.iter().map(|place| folder.join(place).join(&name));
    candidates
        .clone()
        .find(|path| path.is_file())
        // Where it should be: what an error names.
        .or_else(|| candidates.into_iter().next())
}

fn starters_beside(folder: &Path) -> Vec<PathBuf> {
    RESOURCES
        .iter()
        .flat_map(|place| {
            let place = folder.join(place);
            [
                place.join(STARTER.file_name),
                place.join("models").join(STARTER.file_name),
            ]
        })
        .collect()
}

/// Why the core did not start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system names no folder for a user's data.
    #[error("this system names no folder for a user's data")]
    NoDataDir,
    /// The data folder cannot be made or written.
    #[error("the data folder {} cannot be used: {source}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A rule for this run is none.
    #[error("{0}")]
    Rule(String),
    /// The HTTP client.
    #[error("the network client could not be made: {0}")]
    Network(String),
}

impl StartError {
    /// For a window that can show nothing else.
    pub fn card(&self) -> ErrorCard {
        match self {
            Self::NoDataDir => ErrorCard::new(
                ErrorCode::Storage,
                "No place to keep anything",
                "This system names no folder for your data. Set NEXUS_DATA_DIR to a folder and start again.",
                ErrorAction::None,
            ),
            Self::DataDir { path, source } => ErrorCard::new(
                ErrorCode::Storage,
                "The data folder cannot be used",
                format!(
                    "{}: {source}. Make it writable, or set NEXUS_DATA_DIR to another folder, and start again.",
                    path.display()
                ),
                ErrorAction::None,
            ),
            Self::Store(error) => error.card(),
            Self::Rule(reason) => ErrorCard::new(
                ErrorCode::BadInput,
                "A rule cannot be understood",
                reason,
                ErrorAction::None,
            ),
            Self::Network(reason) => ErrorCard::new(
                ErrorCode::Internal,
                "The network client could not be made",
                format!("{reason}. The system's certificates may be missing."),
                ErrorAction::None,
            ),
        }
    }
}
