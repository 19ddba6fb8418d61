//! `cargo xtask`: set up, build, run, test, lint, measure and bundle the app with one command each.
//!
//! Owns the order of the steps and nothing of the app. Few and light dependencies: a bare machine compiles this first.
#![expect(
    clippy::print_stdout,
    reason = "a command-line tool talks to its user on standard output"
)]

mod alone;
mod bench;
mod build;
mod bundle;
mod command;
mod date;
mod desktop;
mod fingerprint;
mod fuzz;
mod interpreters;
mod kept;
mod lint;
mod llama;
mod own_workspace;
mod packages;
mod place;
mod progress;
mod start;
mod starter;
mod tally;
mod test_steps;
mod tools;
mod waivers;
mod wasm;
mod work;
mod worker;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::{
    progress::{OnFailure, Step, run_all, select},
    work::Work,
};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Set up, build, run, test, lint, measure and bundle Nexus Agent"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get all that a build needs: system packages, compiler for WASM, tools, starter model, worker
    Setup {
        /// Also what the tests need
        #[arg(long)]
        tests: bool,
    },
    /// Set up, build in release and open the window
    Run {
        /// On a display that nobody sees (Linux)
        #[arg(long)]
        headless: bool,
        /// For the app
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Set up and open the window with hot reload
    Dev {
        /// On a display that nobody sees (Linux)
        #[arg(long)]
        headless: bool,
    },
    /// Set up, build and run every test
    Test {
        /// Run the long tests in full
        #[arg(long)]
        full: bool,
        /// Only this step and what it needs; may be given more than once
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
    },
    /// Check formatting, lints, licences and advisories
    Lint {
        /// Only this step and what it needs; may be given more than once
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
        /// Where no advisory database can be had, say so and go on
        #[arg(long)]
        offline_ok: bool,
    },
    /// Measure: window, memory, local model, searches, sandbox, checkpoints, policy; to target/bench
    Bench {
        /// How often each is measured
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
        runs: u32,
        /// Only this measurement; may be given more than once
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// The same, without a word before it
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Fuzz the checker of model files
    Fuzz {
        /// For how long
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        minutes: u32,
    },
    /// Make the installers of this system
    Bundle,
    /// Build the worker for graphics processors, and put it beside the app
    #[command(group = clap::ArgGroup::new("kind").required(true))]
    Worker {
        /// For NVIDIA's, with the CUDA toolkit
        #[arg(long, group = "kind")]
        cuda: bool,
        /// For Apple's, with Xcode
        #[arg(long, group = "kind")]
        metal: bool,
    },
    /// Measure one app's window from within a session: what `bench` starts
    #[command(hide = true)]
    WindowProbe(bench::WindowProbe),
}

macro_rules! step {
    ($name:literal, $about:literal, [$($need:literal),*], $act:path) => {
        Step { name: $name, about: $about, needs: &[$($need),*], act: $act }
    };
}

const PACKAGES: Step<Work> = step!("packages", "system packages", [], packages::install);
const CRATES: Step<Work> = step!(
    "crates",
    "fetch crates, and begin the starter model's download",
    ["packages"],
    build::fetch
);
const WASM: Step<Work> = step!("wasm", "find a compiler for WASM", ["packages"], wasm::find);
const TOOLS: Step<Work> = step!(
    "tools",
    "trunk and wasm-bindgen",
    ["packages"],
    tools::build_tools
);
const UI: Step<Work> = step!(
    "ui",
    "build the UI for the window",
    ["crates", "wasm", "tools"],
    build::ui
);
const STARTER: Step<Work> = step!("starter", "the starter model", ["packages"], starter::have);
const WORKER: Step<Work> = step!(
    "worker",
    "build the local model's worker in release for this CPU",
    ["crates"],
    worker::build
);
const INTERPRETERS: Step<Work> = step!(
    "interpreters",
    "build Python and JavaScript for machines that have neither",
    ["packages"],
    interpreters::build
);
const LLAMA: Step<Work> = step!(
    "llama",
    "build the local model's second worker, on llama.cpp, in release for this CPU",
    ["packages"],
    llama::build
);
const APP: Step<Work> = step!(
    "app",
    "build the app and the command line in release",
    ["ui", "worker", "llama", "interpreters"],
    build::app
);
const FORMAT: Step<Work> = step!("format", "check formatting", [], test_steps::format);
const CLIPPY: Step<Work> = step!(
    "clippy",
    "clippy, warnings denied",
    ["crates"],
    test_steps::clippy
);
const TEST_TOOLS: Step<Work> = step!(
    "test-tools",
    "tauri-driver",
    ["packages"],
    tools::test_tools
);

/// Cheap and telling first; then what takes long; what needs all at the end.
const TEST: &[Step<Work>] = &[
    PACKAGES,
    CRATES,
    FORMAT,
    CLIPPY,
    INTERPRETERS,
    step!(
        "unit",
        "unit and integration tests",
        ["crates", "interpreters"],
        test_steps::unit
    ),
    step!(
        "interpreters-unit",
        "tests of the built-in interpreters",
        ["interpreters"],
        test_steps::interpreters_unit
    ),
    step!(
        "docs",
        "examples in doc comments",
        ["crates"],
        test_steps::docs
    ),
    step!(
        "keyring",
        "keys in a real Secret Service",
        ["crates"],
        test_steps::keyring
    ),
    WASM,
    TOOLS,
    TEST_TOOLS,
    UI,
    STARTER,
    WORKER,
    LLAMA,
    step!(
        "llama-unit",
        "tests of the worker on llama.cpp",
        ["llama"],
        test_steps::llama_unit
    ),
    APP,
    step!(
        "model",
        "the real workers with the real model",
        ["worker", "llama", "starter"],
        test_steps::model
    ),
    step!(
        "e2e",
        "the app in a real window: what is timed or online",
        ["app", "starter", "test-tools"],
        test_steps::window
    ),
    step!(
        "alone",
        "the app in a real window, with no network but loopback",
        ["app", "starter", "test-tools"],
        test_steps::alone
    ),
];

const SETUP: &[Step<Work>] = &[
    PACKAGES,
    CRATES,
    WASM,
    TOOLS,
    STARTER,
    WORKER,
    LLAMA,
    INTERPRETERS,
];
const RUN: &[Step<Work>] = &[
    PACKAGES,
    CRATES,
    WASM,
    TOOLS,
    UI,
    STARTER,
    WORKER,
    LLAMA,
    INTERPRETERS,
    APP,
];
const LINT: &[Step<Work>] = &[
    PACKAGES,
    CRATES,
    FORMAT,
    CLIPPY,
    WASM,
    step!(
        "ui-clippy",
        "clippy on the UI for WASM",
        ["crates", "wasm"],
        lint::ui_clippy
    ),
    step!(
        "worker-clippy",
        "clippy on the worker",
        ["crates"],
        lint::worker_clippy
    ),
    step!(
        "interpreters-clippy",
        "clippy on the built-in interpreters",
        ["packages"],
        lint::interpreters_clippy
    ),
    step!(
        "llama-clippy",
        "clippy on the worker on llama.cpp",
        ["packages"],
        lint::llama_clippy
    ),
    step!(
        "lint-tools",
        "cargo-deny and cargo-audit",
        [],
        tools::lint_tools
    ),
    step!(
        "dependencies",
        "licences, bans and sources",
        ["lint-tools"],
        lint::dependencies
    ),
    step!(
        "advisories",
        "known advisories",
        ["lint-tools"],
        lint::advisories
    ),
];
const BENCH: &[Step<Work>] = &[
    PACKAGES,
    CRATES,
    WASM,
    TOOLS,
    TEST_TOOLS,
    UI,
    STARTER,
    WORKER,
    LLAMA,
    INTERPRETERS,
    APP,
];
const BENCH_WORKERS: &[Step<Work>] = &[PACKAGES, CRATES, STARTER, WORKER, LLAMA];
const BUNDLE: &[Step<Work>] = &[
    PACKAGES,
    CRATES,
    WASM,
    TOOLS,
    UI,
    step!(
        "portable-worker",
        "build the workers for other machines than this",
        ["crates"],
        bundle::workers
    ),
    INTERPRETERS,
    step!(
        "bundle",
        "installers",
        ["ui", "portable-worker", "interpreters"],
        bundle::bundle
    ),
];

fn main() -> ExitCode {
    match act(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(command: Command) -> Result<()> {
    if let Command::WindowProbe(probe) = command {
        return probe.run();
    }
    let mut work = Work::new()?;
    match command {
        Command::Setup { tests } => {
            work.tests = tests;
            let mut steps = SETUP.to_vec();
            if tests {
                steps.push(TEST_TOOLS);
            }
            run_all(&steps, OnFailure::Stop, &mut work)
        }
        Command::Run {
            headless,
            arguments,
        } => {
            start::check_display(headless)?;
            work.tests = headless;
            run_all(RUN, OnFailure::Stop, &mut work)?;
            start::run(&mut work, headless, &arguments)
        }
        Command::Dev { headless } => {
            start::check_display(headless)?;
            work.tests = headless;
            run_all(SETUP, OnFailure::Stop, &mut work)?;
            start::dev(&mut work, headless)
        }
        Command::Test { full, only } => {
            (work.tests, work.full) = (true, full);
            let result = run_all(&select(TEST, &only)?, OnFailure::GoOn, &mut work);
            println!("{}", work.tally.line());
            result
        }
        Command::Lint { only, offline_ok } => {
            work.offline_ok = offline_ok;
            run_all(&select(LINT, &only)?, OnFailure::GoOn, &mut work)
        }
        Command::Bench {
            runs,
            mut only,
            names,
        } => {
            only.extend(names);
            let workers_suffice =
                !only.is_empty() && only.iter().all(|name| name == bench::INFERENCE);
            let plan = if workers_suffice {
                BENCH_WORKERS
            } else {
                (work.tests, work.bench) = (true, true);
                BENCH
            };
            run_all(plan, OnFailure::Stop, &mut work)?;
            bench::run(&work, runs, &only)
        }
        Command::Fuzz { minutes } => fuzz::run(&work, minutes),
        Command::Bundle => run_all(BUNDLE, OnFailure::Stop, &mut work),
        Command::Worker { cuda, .. } => {
            let feature = if cuda { "cuda" } else { "metal" };
            println!("{}", worker::graphics(&work, feature)?.display());
            Ok(())
        }
        Command::WindowProbe(_) => bail!("handled above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_every_plan_names_are_unique_and_needs_come_first() {
        for plan in [TEST, SETUP, RUN, LINT, BENCH, BENCH_WORKERS, BUNDLE] {
            for (index, step) in plan.iter().enumerate() {
                assert!(
                    plan[..index]
                        .iter()
                        .all(|earlier| earlier.name != step.name),
                    "{}",
                    step.name
                );
                for need in step.needs {
                    assert!(
                        plan[..index].iter().any(|earlier| earlier.name == *need),
                        "{} needs {need}, which does not come before it",
                        step.name
                    );
                }
            }
        }
    }

    #[test]
    fn the_command_line_holds_together() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
