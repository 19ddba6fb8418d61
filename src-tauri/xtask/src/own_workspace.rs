//! Programs whose sources are a workspace of their own, with its own lock file: built once in release, and kept in the cache under a
//! key of all that goes in.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    command,
    fingerprint::{self, Fingerprint, place_file},
    kept,
    place::{self, executable},
    progress::Outcome,
    work::Work,
};

/// One such workspace.
pub struct OwnWorkspace {
    /// Where it lies in the checkout.
    pub folder: &'static str,
    /// Its name in the cache.
    pub name: &'static str,
    /// The programs and the variables that name them to the app.
    pub programs: &'static [(&'static str, &'static str)],
    /// What else of the checkout goes in.
    pub beside: &'static [&'static str],
    /// Flags for the compiler.
    pub flags: &'static str,
}

impl OwnWorkspace {
    /// Cargo in it, with its own build folder.
    pub fn cargo<const N: usize>(&self, work: &Work, args: [&str; N]) -> Command {
        let mut cargo = command::cargo();
        cargo
            .args(args)
            .current_dir(work.place.file(self.folder))
            .env("CARGO_TARGET_DIR", self.target(work))
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", self.flags);
        cargo
    }

    /// Has its programs, in their order.
    ///
    /// # Errors
    /// When they do not build or the cache cannot be written.
    pub fn build(&self, work: &Work) -> Result<(Vec<PathBuf>, Outcome)> {
        let folder = work.place.cache.join(self.name).join(self.key(work)?);
        let all: Vec<_> = self
            .programs
            .iter()
            .map(|(program, _)| folder.join(executable(program)))
            .collect();
        if all.iter().all(|program| program.is_file()) {
            return Ok((all, Outcome::UpToDate));
        }
        command::run(&mut self.cargo(work, ["build", "--release", "--locked"]))
            .with_context(|| format!("{} did not build. Cargo's words are above", self.folder))?;
        let built = self.target(work).join("release");
        for program in &all {
            let name = program.file_name().unwrap_or_default();
            kept::keep(&built.join(name), program)?;
        }
        Ok((all, Outcome::Done))
    }

    /// Names its programs to an app or a test.
    pub fn give(&self, programs: &[PathBuf], command: &mut Command) {
        for ((_, variable), program) in self.programs.iter().zip(programs) {
            command.env(variable, program);
        }
    }

    fn target(&self, work: &Work) -> PathBuf {
        work.place.cache.join(format!("{}-target", self.name))
    }

    /// Its sources, the crates below them in their versions, the compiler and its flags.
    fn key(&self, work: &Work) -> Result<String> {
        let mut key = Fingerprint::default();
        key.files(&work.place.root, self.folder)?;
        for folder in self.beside {
            key.files(&work.place.root, folder)?;
        }
        key.text("rustc", &place::rustc(&["-vV"])?);
        if !self.flags.is_empty() {
            let mut question = vec!["--print", "cfg"];
            question.extend(self.flags.split(' '));
            key.text("flags", self.flags)
                .text("cpu", &place::rustc(&question)?);
        }
        Ok(key.finish())
    }
}

/// Copies programs beside the app; whether they were there already.
///
/// # Errors
/// When a file cannot be written.
pub fn place_beside(work: &Work, programs: &[PathBuf]) -> Result<bool> {
    let mut same = true;
    for program in programs {
        let beside = work
            .place
            .target
            .join("release")
            .join(program.file_name().unwrap_or_default());
        if !beside.is_file() || fingerprint::glance(&beside) != fingerprint::glance(program) {
            place_file(program, &beside)?;
            same = false;
        }
    }
    Ok(same)
}
