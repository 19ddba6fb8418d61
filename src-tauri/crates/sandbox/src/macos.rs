//! macOS: the launcher sets the limits and becomes `sandbox-exec` with a profile made for the program.

use std::{path::Path, process::Command};

use anyhow::Context as _;
use nexus_sandbox::{Layer, Machine, Spec, seatbelt};

pub use crate::become_program::unconfined;
use crate::become_program::{become_program, limit};

/// Never looked for on the `PATH`, where a program could put another.
const SANDBOX_EXEC: &str = "/usr/bin/sandbox-exec";

/// Runs `true` in the smallest profile.
pub fn probe() -> Machine {
    let result = Command::new(SANDBOX_EXEC)
        .args(["-p", "(version 1)(allow default)", "/usr/bin/true"])
        .output();
    let works = result.as_ref().is_ok_and(|output| output.status.success());
    let detail = match result {
        Err(error) => format!("{SANDBOX_EXEC} cannot be started: {error}"),
        Ok(output) if !works => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Ok(_) => String::new(),
    };
    Machine {
        layers: vec![Layer {
            name: "Seatbelt".to_owned(),
            works,
            required: true,
            detail,
        }],
    }
}

/// Becomes the confined program.
pub fn confined(spec: &Spec, _text: &str) -> anyhow::Result<u8> {
    anyhow::ensure!(
        Path::new(SANDBOX_EXEC).exists(),
        "{SANDBOX_EXEC} is missing"
    );
    let profile = seatbelt::profile(spec).context("no profile can be written")?;
    limit(spec)?;
    let mut argv: Vec<String> = [SANDBOX_EXEC, "-p", &profile, "--"]
        .map(str::to_owned)
        .into();
    argv.extend(spec.argv.iter().cloned());
    match become_program(spec, &argv)? {}
}

/// There are no stages here.
pub fn stage(name: &str, _argument: Option<&str>) -> anyhow::Result<u8> {
    anyhow::bail!("{name:?} is not known")
}
