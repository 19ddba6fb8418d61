//! Python and JavaScript for machines that have neither. They are a workspace of their own with its own lock file; their manifest
//! says why.

use std::process::Command;

use anyhow::Result;

use crate::{own_workspace::OwnWorkspace, progress::Outcome, work::Work};

/// Their sources and programs.
pub const INTERPRETERS: OwnWorkspace = OwnWorkspace {
    folder: "src-tauri/interpreters",
    name: "interpreters",
    programs: &[
        ("nexus-python", "NEXUS_PYTHON"),
        ("nexus-javascript", "NEXUS_JAVASCRIPT"),
    ],
    beside: &["src-tauri/crates/tools/src/dev/run_code"],
    flags: "",
};

/// Step: have them.
pub fn build(work: &mut Work) -> Result<Outcome> {
    let (programs, outcome) = INTERPRETERS.build(work)?;
    work.interpreters = programs;
    Ok(outcome)
}

/// Names them to an app or a test.
///
/// # Errors
/// When their step has not run: a mistake in a plan.
pub fn give(work: &Work, command: &mut Command) -> Result<()> {
    INTERPRETERS.give(work.interpreters()?, command);
    Ok(())
}
