//! `nexus`: the same core as the app, in a terminal.
//!
//! Owns arguments, what goes to standard output and error, signals and exit codes. Refuses to decide anything the core decides.

mod approval;
mod arguments;
mod ask;
mod doctor;
mod failure;
mod models;
mod output;
mod sessions;
mod signals;
mod transcript;

use std::process::ExitCode;

use clap::Parser;
use nexus_core::{CoreOptions, LogOptions, Nexus};

use arguments::{Arguments, Command};
use failure::Failure;
use output::Output;

fn main() -> ExitCode {
    // The second process in the proof of the keychain is this same program.
    if nexus_core::secrets::probe_child() {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(anyhow::Error::from(error)).report(),
    };
    let code = match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    };
    // A keychain that hangs holds a thread; it must not hold the program.
    runtime.shutdown_background();
    code
}

async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let mut options = CoreOptions::from_environment()?;
    // Standard error is for people here: the log's file has the rest, and NEXUS_LOG opens it up.
    options.log = Some(LogOptions {
        stderr: Some("warn".into()),
    });
    if arguments.offline {
        // As the variable would: it stands above the file, and no command of this run can take it back.
        options.env.insert("NEXUS_OFFLINE".into(), "true".into());
    }
    if let Command::Ask(ask) = &arguments.command {
        options.allow.clone_from(&ask.allow);
    }
    let mut output = Output::stdout();
    if let Command::Doctor(command) = arguments.command {
        return doctor::run(command, options, &mut output).await;
    }
    let nexus = Nexus::start(options).await?;
    for problem in nexus.setting_problems() {
        output::warn(&format!(
            "Settings that cannot be used were left out. {problem}."
        ));
    }
    let result = match arguments.command {
        Command::Ask(command) => ask::run(command, &nexus, &mut output).await,
        Command::Models(command) => models::run(command, &nexus, &mut output).await,
        Command::Sessions(command) => sessions::run(command, &nexus, &mut output).await,
        Command::Doctor(_) => Ok(ExitCode::SUCCESS),
    };
    nexus.shutdown().await;
    result
}
