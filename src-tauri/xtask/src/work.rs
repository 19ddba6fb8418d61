//! What the steps of one run share: where things are, what was asked, and what earlier steps found.

use std::{env, ffi::OsString, path::PathBuf, process::Command, thread::JoinHandle};

use anyhow::{Context as _, Result, bail};

use crate::{command, desktop::Xvfb, place::Place, tally::Tally, tools, wasm::WasmCompiler};

/// One run of `cargo xtask`.
pub struct Work {
    /// Where things lie.
    pub place: Place,
    /// Whether the packages that only tests use are wanted too.
    pub tests: bool,
    /// Whether what is measured beside ours is wanted too.
    pub bench: bool,
    /// Whether the long tests run in full.
    pub full: bool,
    /// Whether a check that cannot get its data may be left undone.
    pub offline_ok: bool,
    /// What compiles for WASM, once the step `wasm` found it.
    pub wasm: Option<WasmCompiler>,
    /// The starter model, once the step `starter` has it.
    pub starter: Option<PathBuf>,
    /// The local model's worker, once the step `worker` has it.
    pub worker: Option<PathBuf>,
    /// The built-in interpreters, once the step `interpreters` has them.
    pub interpreters: Vec<PathBuf>,
    /// The worker on llama.cpp, once the step `llama` has it: one program.
    pub llama: Vec<PathBuf>,
    /// The download of the starter model that runs beside the compilers.
    pub download: Option<JoinHandle<Result<PathBuf>>>,
    /// Tests counted so far.
    pub tally: Tally,
    /// A display of xtask's own, while one is up.
    pub display: Option<Xvfb>,
}

impl Work {
    /// A run that has done nothing yet.
    ///
    /// # Errors
    /// When the checkout or the cache folder cannot be found.
    pub fn new() -> Result<Self> {
        Ok(Self {
            place: Place::find()?,
            tests: false,
            bench: false,
            full: false,
            offline_ok: false,
            wasm: None,
            starter: None,
            worker: None,
            interpreters: Vec::new(),
            llama: Vec::new(),
            download: None,
            tally: Tally::default(),
            display: None,
        })
    }

    /// Cargo in the checkout.
    pub fn cargo<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut cargo = command::cargo();
        cargo.args(args).current_dir(&self.place.root);
        cargo
    }

    /// `PATH` with the pinned tools before all else.
    ///
    /// # Errors
    /// When a folder's name cannot stand in `PATH`.
    pub fn path(&self) -> Result<OsString> {
        let old = env::var_os("PATH").unwrap_or_default();
        let tools = tools::folders(&self.place)?;
        env::join_paths(tools.into_iter().chain(env::split_paths(&old)))
            .context("a folder's name cannot stand in PATH")
    }

    /// The starter model's file.
    ///
    /// # Errors
    /// When its step has not run: a mistake in a plan.
    pub fn starter(&self) -> Result<&PathBuf> {
        self.starter
            .as_ref()
            .context("the step `starter` has not run")
    }

    /// The worker's binary.
    ///
    /// # Errors
    /// When its step has not run: a mistake in a plan.
    pub fn worker(&self) -> Result<&PathBuf> {
        self.worker
            .as_ref()
            .context("the step `worker` has not run")
    }

    /// The built-in interpreters.
    ///
    /// # Errors
    /// When their step has not run: a mistake in a plan.
    pub fn interpreters(&self) -> Result<&[PathBuf]> {
        if self.interpreters.is_empty() {
            bail!("the step `interpreters` has not run");
        }
        Ok(&self.interpreters)
    }

    /// The worker on llama.cpp.
    ///
    /// # Errors
    /// When its step has not run: a mistake in a plan.
    pub fn llama(&self) -> Result<&[PathBuf]> {
        if self.llama.is_empty() {
            bail!("the step `llama` has not run");
        }
        Ok(&self.llama)
    }

    /// What compiles for WASM.
    ///
    /// # Errors
    /// When its step has not run: a mistake in a plan.
    pub fn wasm(&self) -> Result<&WasmCompiler> {
        self.wasm.as_ref().context("the step `wasm` has not run")
    }
}
