//! `shell`: a line of the system's shell, in the working folder and in the sandbox.

use std::time::Duration;

use async_trait::async_trait;
use nexus_protocol::{Capability, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Host, Prepared, Tool, ToolContext, ToolError,
    process::{DEFAULT_TIME_LIMIT_S, MAX_TIME_LIMIT_S, Program, find_program, time_limit},
    tool::{arguments, spec_of},
};

/// Runs a command line with bash in the working folder, confined to it: builds, tests, git, any program. Nobody can answer
/// questions, and each call is a new shell: `cd` and variables do not last. Long output is cut in the middle; the whole is in a file
/// that is named. What it changes in the working folder can be undone. Prefer the other tools for reading, searching and editing
/// files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The command line.
    command: String,
    /// Seconds until it is ended, 1 to 3600; 120 if left out, 3600 in the background.
    #[serde(default)]
    timeout_seconds: Option<u32>,
    /// Whether it goes on in the background, such as a server: returns a job's number at once; `job` reads, writes and stops it.
    #[serde(default)]
    background: bool,
    /// Whether it needs the network, such as a download: the user is asked.
    #[serde(default)]
    network: bool,
}

/// Bytes of a command line.
const MAX_COMMAND: usize = 64 * 1024;
/// How long a job is watched before its first words are given.
const FIRST_WORDS: Duration = Duration::from_millis(700);

/// The tool.
pub(super) struct Shell;

#[async_trait]
impl Tool for Shell {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("shell")
    }

    fn capability(&self) -> Capability {
        Capability::Network
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let input: Input = arguments(value.clone())?;
        check(&input.command)?;
        let default = if input.background {
            MAX_TIME_LIMIT_S
        } else {
            DEFAULT_TIME_LIMIT_S
        };
        let planned = Program {
            language: "shell",
            argv: argv(&ctx.host, &input.command)?,
            code: input.command.clone(),
            network: input.network,
            time_limit_s: time_limit(input.timeout_seconds, default)?,
            temp: None,
        }
        .plan(ctx)?;
        let action = planned.action("shell", &input.command, &value);
        Ok(Prepared::new(action, async move |ctx: ToolContext| {
            if !input.background {
                return Ok(planned.run(&ctx).await?.into_output());
            }
            let job = ctx.session.start_job(planned, &ctx).await?;
            job.read(FIRST_WORDS, &ctx).await
        }))
    }
}

fn check(command: &str) -> Result<(), ToolError> {
    let why = if command.trim().is_empty() {
        "`command` is empty."
    } else if command.len() > MAX_COMMAND {
        "`command` is longer than 64 KiB: write a script and run that."
    } else if command.contains('\0') {
        "`command` holds a NUL character."
    } else {
        return Ok(());
    };
    Err(ToolError::BadArguments(why.to_owned()))
}

/// The shell that runs a line: bash where there is one.
fn argv(host: &Host, command: &str) -> Result<Vec<String>, ToolError> {
    let (names, flags): (&[&str], &[&str]) = if cfg!(windows) {
        (
            &["pwsh", "powershell"],
            &["-NoProfile", "-NonInteractive", "-Command"],
        )
    } else {
        (&["bash", "sh"], &["-c"])
    };
    let shell = find_program(&host.env, names).ok_or_else(|| {
        ToolError::Failed(format!(
            "No shell was found on PATH: looked for {}.",
            names.join(", ")
        ))
    })?;
    let mut argv = vec![shell.to_string_lossy().into_owned()];
    argv.extend(flags.iter().map(|flag| (*flag).to_owned()));
    argv.push(command.to_owned());
    Ok(argv)
}

#[cfg(test)]
mod tests;
