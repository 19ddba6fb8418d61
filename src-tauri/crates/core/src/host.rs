//! What this machine offers to tools: gathered once, at the start.

use std::path::{Path, PathBuf};

use nexus_protocol::SessionId;
use nexus_sandbox::Sandbox;
use nexus_tools::Host;

use crate::{CoreOptions, paths::DataDir};

/// What no tool may read or change, below the user's home: keys and the passwords of other programs.
const PRIVATE: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".config/gcloud",
    ".config/gh",
    ".docker",
    ".kube",
    ".netrc",
    ".git-credentials",
    ".npmrc",
    ".pypirc",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".password-store",
    ".local/share/keyrings",
    ".mozilla",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    "Library/Keychains",
    "Library/Application Support/Google/Chrome",
    "Library/Application Support/Firefox",
    "AppData/Roaming/Microsoft/Credentials",
    "AppData/Local/Google/Chrome/User Data",
];

/// What this machine offers, to all sessions.
pub(crate) struct MachineHost(Host);

impl MachineHost {
    /// Asks the launcher what it can do here; beside other work, since it takes some milliseconds.
    pub(crate) async fn find(options: &CoreOptions, data: &DataDir, settings: &Path) -> Self {
        let sandbox = match options.sandbox.clone().filter(|path| path.is_file()) {
            Some(launcher) => tokio::task::spawn_blocking(move || Sandbox::probe(&launcher))
                .await
                .ok(),
            None => None,
        };
        Self(Host {
            sandbox,
            env: options.env.clone(),
            hidden: hidden(options, data, settings),
            scratch: data.tool_scratch(),
            interpreters: options.interpreters.clone(),
        })
    }

    /// What confines programs.
    pub(crate) fn sandbox(&self) -> Option<&Sandbox> {
        self.0.sandbox.as_ref()
    }

    /// What one session's tools are given: long output and temp folders of its own, which no other session's can read. `models` may
    /// have been moved out of the data folder.
    pub(crate) fn of_session(&self, data: &DataDir, models: &Path, session: SessionId) -> Host {
        let mut hidden = self.0.hidden.clone();
        if !hidden.iter().any(|path| path == models) {
            hidden.push(models.to_path_buf());
        }
        Host {
            hidden,
            scratch: data.tool_scratch().join(session.to_string()),
            ..self.0.clone()
        }
    }
}

/// The app's own data, but for what tools themselves keep in it, and the user's keys.
fn hidden(options: &CoreOptions, data: &DataDir, settings: &Path) -> Vec<PathBuf> {
    let database = data.database();
    let beside = |suffix: &str| {
        let mut name = database.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut hidden = vec![
        database.clone(),
        beside("-wal"),
        beside("-shm"),
        settings.to_path_buf(),
        data.settings(),
        data.logs(),
        data.models(),
        data.checkpoints(),
        data.scratch(),
    ];
    let home = ["HOME", "USERPROFILE"]
        .iter()
        .find_map(|name| options.env.get(*name))
        .map(PathBuf::from);
    if let Some(home) = home.filter(|home| home.is_absolute()) {
        hidden.extend(PRIVATE.iter().map(|path| home.join(path)));
    }
    hidden
}
