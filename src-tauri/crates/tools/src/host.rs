//! What this machine offers to all tools: given to them, never looked up.

use std::{collections::BTreeMap, path::PathBuf};

use nexus_sandbox::Sandbox;

/// What this machine offers to all tools.
#[derive(Clone, Debug)]
pub struct Host {
    /// Confines programs; `None` where the launcher is not there.
    pub sandbox: Option<Sandbox>,
    /// The user's environment: programs get what is harmless of it, by name.
    pub env: BTreeMap<String, String>,
    /// Folders that nothing a tool does may read or change: the app's data, keys of the user.
    pub hidden: Vec<PathBuf>,
    /// Where long output is kept for the model to page through, and private temp folders are made. Inside the app's data, but
    /// the folder of this session may be read.
    pub scratch: PathBuf,
    /// What runs code where the machine has no interpreter of its own.
    pub interpreters: Interpreters,
}

/// Interpreters that come with the app; `None` where one is not there.
#[derive(Clone, Debug, Default)]
pub struct Interpreters {
    /// Called like `python3`.
    pub python: Option<PathBuf>,
    /// Answers as the driver of `run_code` for Node does.
    pub javascript: Option<PathBuf>,
}

impl Interpreters {
    /// Those that are there.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> + use<> {
        [self.python.clone(), self.javascript.clone()]
            .into_iter()
            .flatten()
    }
}

impl Host {
    /// A machine without a sandbox, for tests: no program runs unasked.
    pub fn bare(scratch: impl Into<PathBuf>) -> Self {
        Self {
            sandbox: None,
            env: BTreeMap::new(),
            hidden: Vec::new(),
            scratch: scratch.into(),
            interpreters: Interpreters::default(),
        }
    }
}
