//! A confined program, described; and the command that starts it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use crate::{Machine, UNCONFINED};

/// A program and all that it may touch. Whatever is not named is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The program and its arguments; a name without a slash is looked for on the `PATH` of `env`.
    pub argv: Vec<String>,
    /// Where it starts; inside `folder` or `temp`.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// What it may read and write, but for what is protected in it.
    pub folder: Option<PathBuf>,
    /// A private temp folder that it may read and write. Made by the caller, who removes it. On Linux the program sees it as
    /// `/tmp`, too.
    pub temp: PathBuf,
    /// What else it may read besides the system.
    pub readable: Vec<PathBuf>,
    /// Never readable nor writable, wherever they are: the app's own data, keys of the user.
    pub hidden: Vec<PathBuf>,
    /// Whether it may reach the network. Unix sockets outside `temp` stay closed all the same.
    pub network: bool,
    /// How much it may use.
    pub limits: Limits,
    /// What it is for.
    #[serde(default)]
    pub kind: Kind,
}

/// What a confined program is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A tool of the user's: it may run all programs that it can read.
    #[default]
    Tool,
    /// One that reads hostile files and needs nothing but itself, as a model's worker: it sees the system's libraries and not its
    /// programs, and can start none.
    Worker {
        /// Whether it gets the devices of the graphics processor.
        gpu: bool,
    },
}

/// How much a program and its children may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of one process, bytes. All together may use half of the machine's, or this if it is more.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Size of one written file, bytes.
    pub file_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 2 << 30,
            processes: 256,
            open_files: 1024,
            file_size: 256 << 20,
        }
    }
}

/// Why no confined program can be started here; for people, one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Starts confined programs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    launcher: PathBuf,
    machine: Machine,
}

impl Sandbox {
    /// Asks the launcher what this machine can do. Blocks for some milliseconds.
    pub fn probe(launcher: &Path) -> Self {
        Self {
            launcher: launcher.to_path_buf(),
            machine: Machine::probe(launcher),
        }
    }

    /// What this machine can do.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The command that starts the program confined. Standard streams, waiting and killing are the caller's: the launcher is the
    /// leader of a process group of its own, and all that it started ends with it.
    ///
    /// # Errors
    /// [`Unavailable`] where this machine cannot confine it wholly; never a weaker command.
    pub fn command(&self, spec: &Spec) -> Result<Command, Unavailable> {
        self.machine.confines()?;
        Ok(self.launch(&[&text(spec)?]))
    }

    /// The command that starts a program that the user let run although it cannot be confined. It gets its environment, its limits
    /// and a process group of its own, and *nothing else*: it may do all that the user may. Where the system has no limits to set,
    /// it gets none.
    ///
    /// # Errors
    /// [`Unavailable`] where the description cannot be written.
    pub fn unconfined(&self, spec: &Spec) -> Result<Command, Unavailable> {
        Ok(self.launch(&[UNCONFINED, &text(spec)?]))
    }

    fn launch(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.launcher);
        command.args(arguments).env_clear();
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}

fn text(spec: &Spec) -> Result<String, Unavailable> {
    serde_json::to_string(spec).map_err(|error| {
        Unavailable(format!(
            "The sandbox's description cannot be written: {error}."
        ))
    })
}
