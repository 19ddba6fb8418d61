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
}

impl Host {
    /// A machine without a sandbox, for tests: no program runs unasked.
    pub fn bare(scratch: impl Into<PathBuf>) -> Self {
        Self {
            sandbox: None,
            env: BTreeMap::new(),
            hidden: Vec::new(),
            scratch: scratch.into(),
        }
    }
}
