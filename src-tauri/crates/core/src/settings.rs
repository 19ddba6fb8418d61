//! The settings: one TOML file that the user may edit, with the environment on top.
//!
//! Owns reading, checking and editing the file. Refuses to touch a file that it cannot read: then the defaults apply,
//! a [`SettingsProblem`] says where and why, and every write is refused until the user has mended it.

mod describe;
mod edit;
mod environment;
mod file;
mod validate;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use nexus_egress::Switch;
use nexus_protocol::{ProviderEntry, Settings};
use serde_json::Value;

pub(crate) use file::sync_folder;
pub use validate::{check_model, check_provider, on_this_machine, origin, rule_lists};

/// Why the settings could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file is broken, so it is not written.
    #[error("{0}")]
    Broken(SettingsProblem),
    /// The disk.
    #[error("{path} could not be {verb}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// `read` or `written`.
        verb: &'static str,
        /// What the system says.
        reason: String,
    },
    /// What was asked makes no sense.
    #[error("{0}")]
    Bad(String),
}

/// What is wrong with a settings file or a variable that overrides one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// The file, or the variable.
    pub source: String,
    /// Line and column, from 1; `None` for variables and unreadable files.
    pub place: Option<(usize, usize)>,
    /// What is wrong, one line.
    pub reason: String,
}

impl std::fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Some((line, column)) => write!(
                f,
                "{}, line {line}, column {column}: {}",
                self.source, self.reason
            ),
            None => write!(f, "{}: {}", self.source, self.reason),
        }
    }
}

/// Settings as they apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Defaults, then the file, then the environment.
    pub settings: Settings,
    /// Names that the environment overrides, in the order of [`names`].
    pub from_environment: Vec<String>,
    /// What could not be used.
    pub problems: Vec<SettingsProblem>,
}

/// The settings of one run.
#[derive(Clone)]
pub struct SettingsStore {
    file: PathBuf,
    environment: Arc<BTreeMap<String, String>>,
    current: Arc<Mutex<Loaded>>,
    /// Follows the setting `offline`, however that came to change.
    switch: Switch,
}

impl SettingsStore {
    /// Reads `file`, which need not exist, and turns the offline switch as it says.
    pub fn open(file: PathBuf, environment: BTreeMap<String, String>, switch: Switch) -> Self {
        let loaded = load(&file, &environment);
        switch.set(loaded.settings.offline);
        Self {
            file,
            environment: Arc::new(environment),
            current: Arc::new(Mutex::new(loaded)),
            switch,
        }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// As last read.
    pub fn current(&self) -> Loaded {
        self.lock().clone()
    }

    /// Reads the file again: the user may have edited it.
    pub fn reload(&self) -> Loaded {
        let mut current = self.lock();
        self.take(&mut current);
        current.clone()
    }

    /// Sets one value; `null` takes it out, so that the default applies. Providers have calls of their own.
    pub fn set(&self, name: &str, value: &Value) -> Result<Loaded, SettingsError> {
        if name == environment::PROVIDERS {
            return Err(SettingsError::Bad(
                "Providers are changed one at a time.".into(),
            ));
        }
        if !names().iter().any(|known| known == name) {
            return Err(SettingsError::Bad(format!(
                "There is no setting “{name}”. There are: {}.",
                names().join(", ")
            )));
        }
        self.refuse_fixed(name)?;
        self.edit(|document| edit::set(document, name, value))
    }

    /// Adds a text to a list, once.
    pub fn add_to_list(&self, name: &str, text: &str) -> Result<Loaded, SettingsError> {
        self.refuse_fixed(name)?;
        self.edit(|document| edit::add_to_list(document, name, text))
    }

    /// Adds a provider, or replaces the one with its id.
    pub fn save_provider(&self, entry: &ProviderEntry) -> Result<Loaded, SettingsError> {
        check_provider(entry).map_err(SettingsError::Bad)?;
        self.refuse_fixed(environment::PROVIDERS)?;
        self.edit(|document| edit::save_provider(document, entry))
    }

    /// Takes a provider out. Nothing happens where there is none.
    pub fn remove_provider(&self, id: &str) -> Result<Loaded, SettingsError> {
        self.refuse_fixed(environment::PROVIDERS)?;
        self.edit(|document| edit::remove_provider(document, id))
    }

    fn refuse_fixed(&self, name: &str) -> Result<(), SettingsError> {
        let variable = environment::variable(name);
        if self.environment.contains_key(&variable) {
            return Err(SettingsError::Bad(format!(
                "The environment variable {variable} sets it. Unset it and start the app again to choose here."
            )));
        }
        Ok(())
    }

    /// Reads the file afresh, so that an edit made meanwhile is kept, changes it, checks the whole and writes it.
    fn edit(
        &self,
        change: impl FnOnce(&mut toml_edit::DocumentMut) -> Result<(), SettingsError>,
    ) -> Result<Loaded, SettingsError> {
        let mut current = self.lock();
        let text = match file::read(&self.file)? {
            Some(text) => {
                file::parse(&self.file, &text).map_err(SettingsError::Broken)?;
                text
            }
            None => describe::template(),
        };
        let mut document: toml_edit::DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| SettingsError::Bad(error.to_string()))?;
        change(&mut document)?;
        let text = document.to_string();
        // The checks of reading are the checks of writing: what would not be read again is never written.
        file::parse(&self.file, &text).map_err(|problem| SettingsError::Bad(problem.reason))?;
        file::write(&self.file, &text)?;
        self.take(&mut current);
        Ok(current.clone())
    }

    /// What the file and the environment say now.
    fn take(&self, current: &mut Loaded) {
        *current = load(&self.file, &self.environment);
        self.switch.set(current.settings.offline);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Loaded> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(path: &Path, variables: &BTreeMap<String, String>) -> Loaded {
    let mut problems = Vec::new();
    let from_file = match file::read(path) {
        Ok(None) => Settings::default(),
        Ok(Some(text)) => file::parse(path, &text).unwrap_or_else(|problem| {
            problems.push(problem);
            Settings {
                // A slip elsewhere in the file must not put online who wants to be offline.
                offline: file::says_offline(&text),
                ..Settings::default()
            }
        }),
        Err(error) => {
            problems.push(SettingsProblem {
                source: path.display().to_string(),
                place: None,
                reason: error.to_string(),
            });
            Settings::default()
        }
    };
    let applied = environment::apply(from_file, variables);
    problems.extend(applied.problems);
    Loaded {
        settings: applied.settings,
        from_environment: applied.names,
        problems,
    }
}

/// The names of all settings, as in the file.
pub fn names() -> Vec<String> {
    environment::defaults().keys().cloned().collect()
}

#[cfg(test)]
mod tests;
