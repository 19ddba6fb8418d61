//! What this machine can do to confine a program.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Unavailable;

/// What this machine can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The layers of this system's sandbox, each with what was found out about it.
    pub layers: Vec<Layer>,
}

/// One layer of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// For people: `Landlock`, `seccomp`, `namespaces`.
    pub name: String,
    /// Whether it works here.
    pub works: bool,
    /// Whether programs are not run confined without it.
    pub required: bool,
    /// For people: a version, or why it does not work.
    pub detail: String,
}

impl Machine {
    /// Asks the launcher.
    pub fn probe(_launcher: &Path) -> Self {
        Self::default()
    }

    /// Whether programs can be confined wholly.
    ///
    /// # Errors
    /// The layer that is missing and what to do, for people.
    pub fn confines(&self) -> Result<(), Unavailable> {
        Err(Unavailable(
            "This system has no sandbox that Nexus can use.".to_owned(),
        ))
    }
}
