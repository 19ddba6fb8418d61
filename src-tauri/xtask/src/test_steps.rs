//! The steps that test: what each runs, in which environment, and how its tests are counted.
//!
//! All cargo calls name the same packages and features, so that nothing is compiled twice: the tests that need more
//! than cargo (a model, a keyring, a window) are built with the others and only run apart.

use std::{env, fs, process::Command, time::Duration};

use anyhow::{Result, bail};

use crate::{
    alone::{self, Trace},
    build::{APP, CLI},
    command::{self, Watched},
    desktop::{Xvfb, run_in_session},
    interpreters::{self, INTERPRETERS},
    llama::{self, LLAMA},
    packages::find_program,
    place::on_path,
    progress::Outcome,
    tally::Tally,
    tools,
    work::Work,
};

/// Features that turn on the tests that need more than cargo.
const FEATURES: &str = "nexus-agent/e2e,nexus-core/real-keyring,nexus-tools/built-in-interpreters,nexus-worker-client/real-model";
/// All but the worker, which only release builds in its own folder are quick enough for.
const ALL: [&str; 3] = ["--workspace", "--exclude", "nexus-worker"];

/// How long one step may take: a hung test must not hang the machine that waits for it.
fn limit(work: &Work) -> Duration {
    Duration::from_secs(if work.full { 4 * 3600 } else { 40 * 60 })
}

/// A group of tests that runs in a step of its own.
struct Apart {
    package: &'static str,
    /// The test binaries.
    binaries: &'static [&'static str],
}

const MODEL: Apart = Apart {
    package: "nexus-worker-client",
    binaries: &["real", "hostile", "fit"],
};
const KEYRING: Apart = Apart {
    package: "nexus-core",
    binaries: &["real_keyring"],
};
const WINDOW: Apart = Apart {
    package: "nexus-agent",
    binaries: &["e2e"],
};
const APART: [&Apart; 3] = [&MODEL, &KEYRING, &WINDOW];

/// Step: formatting.
pub fn format(work: &mut Work) -> Result<Outcome> {
    let mut all = [
        work.cargo(["fmt", "--all", "--check"]),
        INTERPRETERS.cargo(work, ["fmt", "--check"]),
        LLAMA.cargo(work, ["fmt", "--check"]),
    ];
    match all.iter_mut().try_for_each(command::run) {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => bail!("{error:#}; `cargo fmt --all` formats"),
    }
}

/// Step: clippy on all but the worker, warnings denied.
pub fn clippy(work: &mut Work) -> Result<Outcome> {
    let mut cargo = work.cargo(["clippy", "--all-targets", "--features", FEATURES]);
    cargo.args(ALL).args(["--", "-D", "warnings"]);
    command::run(&mut cargo)?;
    Ok(Outcome::Done)
}

/// Step: unit and integration tests, the UI's among them (compiled for this machine).
pub fn unit(work: &mut Work) -> Result<Outcome> {
    let mut cargo = if has_nextest() {
        let filter = nextest_filter();
        work.cargo([
            "nextest",
            "run",
            "--no-fail-fast",
            "--features",
            FEATURES,
            "-E",
            &filter,
        ])
    } else {
        let mut cargo = work.cargo([
            "test",
            "--no-fail-fast",
            "--features",
            FEATURES,
            "--lib",
            "--bins",
        ]);
        cargo.args(
            ordinary_tests(work)
                .iter()
                .flat_map(|name| ["--test", name]),
        );
        cargo
    };
    cargo.args(ALL);
    environment(work, &mut cargo);
    interpreters::give(work, &mut cargo)?;
    count(work, command::watch(&mut cargo, limit(work), false)?)
}

/// Step: the tests of the built-in interpreters themselves.
pub fn interpreters_unit(work: &mut Work) -> Result<Outcome> {
    let mut own = INTERPRETERS.cargo(work, ["test", "--release", "--locked"]);
    count(work, command::watch(&mut own, limit(work), false)?)
}

/// Step: examples in doc comments, which nextest does not run.
pub fn docs(work: &mut Work) -> Result<Outcome> {
    let mut cargo = work.cargo(["test", "--doc", "--no-fail-fast", "--features", FEATURES]);
    cargo.args(ALL);
    environment(work, &mut cargo);
    let watched = command::watch(&mut cargo, limit(work), false)?;
    let tally = Tally::read(&watched.output);
    work.tally.add(tally);
    if !watched.status.success() {
        bail!("{}", failure(tally, &watched));
    }
    // Few comments hold an example; none is no fault.
    Ok(Outcome::DoneWith(told(tally)))
}

/// Step: the tests of the worker on llama.cpp itself; they need no model.
pub fn llama_unit(work: &mut Work) -> Result<Outcome> {
    let mut own = LLAMA.cargo(work, ["test", "--release", "--locked"]);
    count(work, command::watch(&mut own, limit(work), false)?)
}

/// Step: the real workers with the real model.
pub fn model(work: &mut Work) -> Result<Outcome> {
    let mut cargo = apart(work, &MODEL)?;
    give_model(work, &mut cargo)?;
    count(work, command::watch(&mut cargo, limit(work), false)?)
}

/// Step: keys in a real Secret Service.
pub fn keyring(work: &mut Work) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotOnThisSystem(
            "the tests would write to your own keychain".to_owned(),
        ));
    }
    let cargo = apart(work, &KEYRING)?;
    let watched = run_in_session(&cargo, limit(work))?;
    // It is its own second process, so it has no harness that counts: the program is one test.
    let passed = u64::from(watched.status.success());
    let tally = Tally {
        passed,
        failed: 1 - passed,
        ignored: 0,
    };
    record(work, tally, &watched)
}

/// Step: the app in a real window, as far as the step [`alone`] does not see to it.
pub fn window(work: &mut Work) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotOnThisSystem(
            "the window tests drive WebKitGTK".to_owned(),
        ));
    }
    let display = Xvfb::start()?;
    let mut cargo = window_tests(work, &display)?;
    cargo.args(NOT_ALONE);
    count(work, run_in_session(&cargo, limit(work))?)
}

/// Step: the app in a real window, with nothing but loopback and a trace of who would leave it.
pub fn alone(work: &mut Work) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotOnThisSystem(
            "namespaces and strace are Linux's".to_owned(),
        ));
    }
    let folder = work.place.target.join("e2e");
    fs::create_dir_all(&folder)?;
    let file = folder.join("alone.trace");
    alone::control(&file)?;
    let display = Xvfb::start()?;
    let mut cargo = window_tests(work, &display)?;
    cargo.args(NOT_ALONE.iter().flat_map(|test| ["--skip", test]));
    let watched = run_in_session(&alone::alone(&cargo, &file)?, limit(work))?;
    let tally = Tally::read(&watched.output);
    let told = record(work, tally, &watched)?;
    let trace = Trace::of(&file)?;
    let connects = format!("{} connects, {} leave", trace.connects, trace.leaves.len());
    println!("{connects}");
    if let Some(missing) = PROGRAMS.iter().find(|program| !trace.ran(program)) {
        bail!("the trace has no {missing}, so it proves nothing of it");
    }
    if !trace.leaves.is_empty() {
        bail!("{connects}:\n{}", trace.leaves.join("\n"));
    }
    match told {
        Outcome::DoneWith(words) => Ok(Outcome::DoneWith(format!("{words}, {connects}"))),
        other => Ok(other),
    }
}

/// Tests of the window that do not run alone and traced: what is timed, which a trace would slow, and what is online beside a
/// provider elsewhere, whose name is looked up then, as it should be. All others do.
const NOT_ALONE: [&str; 4] = [
    "perf::",
    "reaction::",
    "offline::the_switch_is_seen_holds_and_goes_with_a_click",
    "offline::the_cloud_is_offered_and_nothing_is_sent_without_a_word",
];

/// Who must have been watched, by the beginning of its program's name.
const PROGRAMS: [&str; 5] = [
    "nexus-agent",
    "nexus-worker",
    "WebKitWebProcess",
    "WebKitNetworkProcess",
    "nexus",
];

/// The tests of the window, with all that they need.
fn window_tests(work: &Work, display: &Xvfb) -> Result<Command> {
    let Some(native) = find_program("WebKitWebDriver") else {
        bail!("WebKitWebDriver is missing; `cargo xtask setup --tests` installs it or says how");
    };
    let mut cargo = apart(work, &WINDOW)?;
    give_model(work, &mut cargo)?;
    cargo
        .env("DISPLAY", &display.name)
        .env("NEXUS_E2E_DRIVER", tools::TAURI_DRIVER.path(&work.place)?)
        .env("NEXUS_E2E_NATIVE_DRIVER", native)
        .env("NEXUS_E2E_APP", work.place.release(APP))
        .env("NEXUS_E2E_CLI", work.place.release(CLI))
        .env("NEXUS_E2E_ARTIFACTS", work.place.target.join("e2e"));
    Ok(cargo)
}

/// One of the groups that run apart: one test at a time, since each wants a model, a keyring or a window for itself.
fn apart(work: &Work, group: &Apart) -> Result<Command> {
    let mut cargo = work.cargo(["test", "--features", FEATURES]);
    for binary in group.binaries {
        if !work.place.has_target(group.package, "test", binary) {
            bail!("{} has no test binary {binary}", group.package);
        }
        cargo.args(["--test", binary]);
    }
    cargo.args(ALL).args(["--", "--test-threads=1"]);
    environment(work, &mut cargo);
    Ok(cargo)
}

/// Names the worker and the model to the tests.
fn give_model(work: &Work, command: &mut Command) -> Result<()> {
    command
        .env("NEXUS_WORKER", work.worker()?)
        .env("NEXUS_STARTER_MODEL", work.starter()?);
    llama::give(work, command)
}

/// Takes out what would make a test depend on who runs it: the user's keys and the app's own variables.
fn environment(work: &Work, command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_personal) {
            command.env_remove(name);
        }
    }
    if work.full {
        command.env("NEXUS_TEST_FULL", "1");
    }
}

fn is_personal(name: &str) -> bool {
    name.ends_with("_API_KEY") || (name.starts_with("NEXUS_") && name != "NEXUS_TEST_FULL")
}

fn has_nextest() -> bool {
    on_path("cargo-nextest").is_some()
}

fn nextest_filter() -> String {
    let groups: Vec<_> = APART
        .iter()
        .flat_map(|group| {
            group
                .binaries
                .iter()
                .map(move |binary| (group.package, binary))
        })
        .map(|(package, binary)| format!("(package({package}) & binary({binary}))"))
        .collect();
    format!("not ({})", groups.join(" | "))
}

/// Names of the integration tests that need no more than cargo.
fn ordinary_tests(work: &Work) -> Vec<&str> {
    let mut names: Vec<&str> = work
        .place
        .packages
        .iter()
        .filter(|package| package.name != "nexus-worker")
        .flat_map(|package| package.targets.iter().map(move |target| (package, target)))
        .filter(|(package, target)| {
            target.kind.iter().any(|kind| kind == "test")
                && !APART.iter().any(|group| {
                    group.package == package.name && group.binaries.contains(&target.name.as_str())
                })
        })
        .map(|(_, target)| target.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn count(work: &mut Work, watched: Watched) -> Result<Outcome> {
    record(work, Tally::read(&watched.output), &watched)
}

fn record(work: &mut Work, tally: Tally, watched: &Watched) -> Result<Outcome> {
    work.tally.add(tally);
    if !watched.status.success() {
        bail!("{}", failure(tally, watched));
    }
    if tally.passed == 0 {
        bail!("it ran no test: nothing was proven");
    }
    Ok(Outcome::DoneWith(told(tally)))
}

fn told(tally: Tally) -> String {
    if tally.ignored == 0 {
        tally.line()
    } else {
        format!(
            "{}, {} marked as ignored in their source",
            tally.line(),
            tally.ignored
        )
    }
}

fn failure(tally: Tally, watched: &Watched) -> String {
    if tally.failed == 0 {
        format!(
            "ended with {} before it counted a failed test; its words are above",
            watched.status
        )
    } else {
        format!("{}; their output is above", tally.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_testers_keys_and_settings_stay_out() {
        let personal: Vec<bool> = [
            "OPENROUTER_API_KEY",
            "NEXUS_DATA_DIR",
            "NEXUS_TEST_FULL",
            "PATH",
            "DISPLAY",
        ]
        .map(is_personal)
        .into();
        assert_eq!(personal, [true, true, false, false, false]);
    }

    #[test]
    fn what_runs_apart_is_left_out_of_the_rest() {
        assert_eq!(
            nextest_filter(),
            "not ((package(nexus-worker-client) & binary(real)) | (package(nexus-worker-client) & binary(hostile)) | (package(nexus-worker-client) & binary(fit)) | (package(nexus-core) & binary(real_keyring)) | (package(nexus-agent) & binary(e2e)))"
        );
    }
}
