//! Systems without a sandbox that Nexus can use, Windows among them: nothing is confined, and so nothing is started as if it were.

use std::process::Command;

use anyhow::Context as _;
use nexus_sandbox::{Machine, Spec};

/// No layers: not sandboxed.
pub fn probe() -> Machine {
    Machine::default()
}

/// Refuses.
pub fn confined(_spec: &Spec, _text: &str) -> anyhow::Result<u8> {
    anyhow::bail!("this system has no sandbox")
}

/// Starts the program with its environment and hands on its exit code.
pub fn unconfined(spec: &Spec) -> anyhow::Result<u8> {
    let (program, arguments) = spec.argv.split_first().context("no program is named")?;
    let status = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&spec.env)
        .current_dir(&spec.cwd)
        .status()
        .with_context(|| format!("{program:?} cannot be started"))?;
    // Where a code does not fit into a byte, it is still a failure.
    Ok(status
        .code()
        .map_or(1, |code| u8::try_from(code).unwrap_or(1)))
}

/// There are no stages here.
pub fn stage(name: &str, _argument: Option<&str>) -> anyhow::Result<u8> {
    anyhow::bail!("{name:?} is not known")
}
