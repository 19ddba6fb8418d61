//! The launcher: takes rights away from itself, then becomes the program.
//!
//! Owns: the command line, and the exit code of a program that was not started. What confines is the system's own module.

#![expect(
    clippy::print_stdout,
    reason = "the answer to --probe goes to standard output"
)]

use std::process::ExitCode;

use anyhow::Context as _;
use nexus_sandbox::{FAILED_PREFIX, PROBE, Spec, UNCONFINED};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
use other as system;

#[cfg(unix)]
mod become_program;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{FAILED_PREFIX}{error:#}");
            ExitCode::from(125)
        }
    }
}

fn run() -> anyhow::Result<u8> {
    let mut arguments = std::env::args_os().skip(1).map(|argument| {
        argument
            .into_string()
            .map_err(|_| anyhow::anyhow!("an argument is not Unicode"))
    });
    let first = arguments
        .next()
        .context("a description of the program is missing")??;
    let second = arguments.next().transpose()?;
    match (first.as_str(), second) {
        (PROBE, None) => {
            println!("{}", serde_json::to_string(&system::probe())?);
            Ok(0)
        }
        (UNCONFINED, Some(text)) => system::unconfined(&spec(&text)?),
        (text, None) if !text.starts_with("--") => system::confined(&spec(text)?, text),
        (stage, second) => system::stage(stage, second.as_deref()),
    }
}

/// The description; refused where it could not be carried out to the letter.
fn spec(text: &str) -> anyhow::Result<Spec> {
    let spec: Spec = serde_json::from_str(text).context("the description cannot be read")?;
    anyhow::ensure!(!spec.argv.is_empty(), "no program is named");
    let strings = spec
        .argv
        .iter()
        .chain(spec.env.keys())
        .chain(spec.env.values());
    for string in strings {
        anyhow::ensure!(
            !string.contains('\0'),
            "an argument or variable holds a NUL"
        );
    }
    for name in spec.env.keys() {
        anyhow::ensure!(
            !name.is_empty() && !name.contains('='),
            "{name:?} is no variable's name"
        );
    }
    Ok(spec)
}
