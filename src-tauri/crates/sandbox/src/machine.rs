//! What this machine can do to confine a program.

use std::{path::Path, process::Command};

use serde::{Deserialize, Serialize};

use crate::{PROBE, Unavailable};

#[cfg(test)]
mod tests;

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
    /// Asks the launcher, which tries each layer for real in a child of its own.
    pub fn probe(launcher: &Path) -> Self {
        Self::ask(launcher).unwrap_or_else(|detail| Self {
            layers: vec![Layer {
                name: "launcher".to_owned(),
                works: false,
                required: true,
                detail,
            }],
        })
    }

    fn ask(launcher: &Path) -> Result<Self, String> {
        let output = Command::new(launcher)
            .arg(PROBE)
            .env_clear()
            .output()
            .map_err(|error| format!("{} cannot be started: {error}", launcher.display()))?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!(
                "{} gave no answer: {error}. {}",
                launcher.display(),
                said.trim()
            )
        })
    }

    /// Whether programs can be confined wholly.
    ///
    /// # Errors
    /// The layer that is missing and what to do, for people.
    pub fn confines(&self) -> Result<(), Unavailable> {
        if self.layers.is_empty() {
            return Err(Unavailable(
                "This system has no sandbox that Nexus can use: each program needs your approval and runs not sandboxed."
                    .to_owned(),
            ));
        }
        match self
            .layers
            .iter()
            .find(|layer| layer.required && !layer.works)
        {
            None => Ok(()),
            Some(layer) => Err(Unavailable(format!(
                "Programs cannot be sandboxed here: {} does not work ({}).",
                layer.name, layer.detail
            ))),
        }
    }

    /// What confines programs here, in a sentence for people.
    pub fn summary(&self) -> String {
        if let Err(Unavailable(reason)) = self.confines() {
            return reason;
        }
        let layers: Vec<String> = self
            .layers
            .iter()
            .filter(|layer| layer.works)
            .map(|layer| match layer.detail.as_str() {
                "" => layer.name.clone(),
                detail => format!("{} ({detail})", layer.name),
            })
            .collect();
        format!("Programs are sandboxed by {}.", layers.join(", "))
    }
}
