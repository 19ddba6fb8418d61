//! What a worker is allowed: its program, its model's file or folder to read, a folder of its own to write, memory, and nothing else.
//!
//! Owns the description; the sandbox's launcher carries it out. A worker runs only code of ours, but on files of strangers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nexus_llm::LocalError;
use nexus_sandbox::{Kind, Limits, Sandbox, Spec};
use tokio::process::Command;

use crate::gguf;

/// How workers are confined.
#[derive(Clone, Debug)]
pub enum Confinement {
    /// By the system's sandbox. Where this machine lacks a part of it, no worker is started.
    Full(Sandbox),
    /// Not at all, for this reason: the system has no sandbox, or the user allows it.
    None(String),
}

impl Confinement {
    /// As this machine can: `allowed` is the user's word that workers may run unconfined where the sandbox does not work. Where a
    /// system has none at all, or the launcher is not installed, there is nothing to refuse for.
    pub fn of(sandbox: Option<&Sandbox>, allowed: bool) -> Self {
        let Some(sandbox) = sandbox else {
            return Self::None("The sandbox's launcher is not there.".to_owned());
        };
        match sandbox.machine().confines() {
            Err(reason) if allowed || sandbox.machine().layers.is_empty() => {
                Self::None(reason.to_string())
            }
            _ => Self::Full(sandbox.clone()),
        }
    }

    /// Whether a launcher reports how the worker ended.
    pub(super) fn launches(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// The command that starts a worker.
    ///
    /// # Errors
    /// [`LocalError::Unconfined`].
    pub(super) fn command(&self, start: &Start) -> Result<Command, LocalError> {
        match self {
            Self::None(_) => {
                let mut command = Command::new(&start.program);
                command
                    .env_clear()
                    .envs(&start.env)
                    .current_dir(&start.folder);
                #[cfg(unix)]
                command.process_group(0);
                Ok(command)
            }
            Self::Full(sandbox) => {
                let command = start
                    .spec()
                    .and_then(|spec| sandbox.command(&spec).map_err(|error| error.to_string()));
                match command {
                    Ok(command) => Ok(command.into()),
                    Err(reason) => Err(LocalError::Unconfined { reason }),
                }
            }
        }
    }
}

/// A worker that is to be started.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    /// Its home and working folder.
    pub(super) folder: PathBuf,
    /// The model's file or folder.
    pub(super) model: PathBuf,
    /// Where links in that folder lead, each as the link names it.
    pub(super) linked: Vec<PathBuf>,
    /// Bytes.
    pub(super) memory: Option<u64>,
    pub(super) gpu: bool,
}

impl Start {
    /// What it may read: the model, with its other parts where it was split. Nothing that only lies beside it.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = gguf::parts(&self.model);
        files.retain(|file| *file == self.model || file.is_file());
        files
    }

    fn spec(&self) -> Result<Spec, String> {
        let real = |path: &Path| {
            path.canonicalize()
                .map_err(|error| format!("{} cannot be opened: {error}.", path.display()))
        };
        let program = real(&self.program)?;
        let argv = program
            .to_str()
            .ok_or_else(|| format!("{} is not Unicode.", program.display()))?
            .to_owned();
        Ok(Spec {
            argv: vec![argv],
            cwd: real(&self.folder)?,
            env: self.env.clone(),
            folder: None,
            temp: self.folder.clone(),
            readable: std::iter::once(program)
                .chain(self.files())
                .chain(self.linked.iter().cloned())
                .collect(),
            hidden: Vec::new(),
            network: false,
            limits: Limits {
                memory: self.memory.unwrap_or(u64::MAX),
                // Three pools of threads on a large machine.
                processes: 4096,
                ..Limits::default()
            },
            kind: Kind::Worker { gpu: self.gpu },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_launcher_is_there_the_reason_is_kept() {
        assert!(matches!(
            Confinement::of(None, false),
            Confinement::None(reason) if reason == "The sandbox's launcher is not there."
        ));
    }

    #[test]
    fn the_other_parts_of_a_split_model_are_readable_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let name = |number: u32| {
            let name = format!("m-0000{number}-of-00003.gguf");
            folder.path().join(name)
        };
        for number in 1..=2 {
            std::fs::write(name(number), "").unwrap();
        }
        std::fs::write(folder.path().join("tokenizer.json"), "").unwrap();
        let start = Start {
            program: PathBuf::new(),
            env: BTreeMap::new(),
            folder: PathBuf::new(),
            model: name(1),
            linked: Vec::new(),
            memory: None,
            gpu: false,
        };
        assert_eq!(start.files(), [name(1), name(2)]);
    }

    #[test]
    fn a_sandbox_that_does_not_work_is_refused_unless_the_user_allows_it() {
        let sandbox = Sandbox::probe(Path::new("/nowhere/nexus-sandbox"));
        assert!(matches!(
            Confinement::of(Some(&sandbox), true),
            Confinement::None(_)
        ));
        let closed = Confinement::of(Some(&sandbox), false);
        let folder = tempfile::tempdir().unwrap();
        let start = Start {
            program: std::env::current_exe().unwrap(),
            env: BTreeMap::new(),
            folder: folder.path().to_owned(),
            model: folder.path().join("model.gguf"),
            linked: Vec::new(),
            memory: None,
            gpu: false,
        };
        assert!(matches!(
            closed.command(&start),
            Err(LocalError::Unconfined { reason }) if reason.starts_with("Programs cannot be sandboxed here")
        ));
    }
}
