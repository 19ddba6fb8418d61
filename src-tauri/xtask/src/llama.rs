//! The second worker, on llama.cpp. A workspace of its own with its own lock file; its manifest says why.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{own_workspace::OwnWorkspace, progress::Outcome, work::Work};

/// The program.
pub const PROGRAM: &str = "nexus-worker-llama";
/// Names one that is built already.
pub const VARIABLE: &str = "NEXUS_WORKER_LLAMA";

/// Its sources and program, for this CPU: llama.cpp's kernels are chosen when they are compiled, by cargo's flags.
pub const LLAMA: OwnWorkspace = OwnWorkspace {
    folder: "src-tauri/llama",
    name: "llama",
    programs: &[(PROGRAM, VARIABLE)],
    beside: &[
        "src-tauri/crates/protocol",
        "src-tauri/crates/calls",
        "src-tauri/crates/worker/src/guard.rs",
        "src-tauri/crates/worker/src/input.rs",
        "src-tauri/crates/worker/src/output.rs",
        "src-tauri/crates/worker/src/program.rs",
        "src-tauri/crates/worker/src/template_watch.rs",
    ],
    flags: "-C target-cpu=native",
};

/// Step: have it.
pub fn build(work: &mut Work) -> Result<Outcome> {
    if let Some(path) = env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!(
                "{VARIABLE} names {}, which is not there; unset it",
                path.display()
            );
        }
        work.llama = vec![path];
        return Ok(Outcome::DoneWith(format!("from {VARIABLE}")));
    }
    let (programs, outcome) = LLAMA.build(work)?;
    work.llama = programs;
    Ok(outcome)
}

/// Names it to an app or a test.
///
/// # Errors
/// When its step has not run: a mistake in a plan.
pub fn give(work: &Work, command: &mut Command) -> Result<()> {
    LLAMA.give(work.llama()?, command);
    Ok(())
}
