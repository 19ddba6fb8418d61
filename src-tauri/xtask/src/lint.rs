//! The steps that judge what the tests do not run: the worker's and the UI's other builds, and all dependencies.

use std::{env, fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    command,
    date::Date,
    interpreters::INTERPRETERS,
    llama::LLAMA,
    progress::Outcome,
    tools::{CARGO_AUDIT, CARGO_DENY},
    waivers::Waivers,
    wasm::{TRIPLE, WasmCompiler},
    work::Work,
    worker,
};

/// A copy of the RustSec advisory database; without it cargo-audit fetches one.
const DATABASE: &str = "NEXUS_ADVISORY_DB";

/// Step: clippy on the worker, in its own build folder.
pub fn worker_clippy(work: &mut Work) -> Result<Outcome> {
    let mut cargo = worker::cargo(
        work,
        [
            "clippy",
            "--release",
            "-p",
            worker::PROGRAM,
            "--all-targets",
        ],
    );
    command::run(cargo.args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Done)
}

/// Step: clippy on the built-in interpreters, in their own build folder.
pub fn interpreters_clippy(work: &mut Work) -> Result<Outcome> {
    let mut cargo = INTERPRETERS.cargo(work, ["clippy", "--release", "--locked", "--all-targets"]);
    command::run(cargo.args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Done)
}

/// Step: clippy on the worker on llama.cpp, in its own build folder.
pub fn llama_clippy(work: &mut Work) -> Result<Outcome> {
    let mut cargo = LLAMA.cargo(work, ["clippy", "--release", "--locked", "--all-targets"]);
    command::run(cargo.args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Done)
}

/// Step: clippy on the UI as it is compiled for the window.
pub fn ui_clippy(work: &mut Work) -> Result<Outcome> {
    if let WasmCompiler::Second { .. } = work.wasm()? {
        return Ok(Outcome::NotChecked(format!(
            "the second compiler has no clippy; `rustup target add {TRIPLE}` brings the target to the first"
        )));
    }
    let mut cargo = work.cargo(["clippy", "-p", "nexus-ui", "--target", TRIPLE]);
    cargo
        .env("CARGO_TARGET_DIR", work.place.ui_target())
        .env_remove("RUSTFLAGS");
    command::run(cargo.args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Done)
}

/// Step: licences, bans and sources of all dependencies.
pub fn dependencies(work: &mut Work) -> Result<Outcome> {
    // Three lock files: the app's, and two of workspaces with a deny.toml of their own.
    for folder in ["", INTERPRETERS.folder, LLAMA.folder] {
        let mut deny = command::clean(CARGO_DENY.path(&work.place)?);
        deny.current_dir(work.place.file(folder)).args([
            "--workspace",
            "check",
            "--hide-inclusion-graph",
        ]);
        command::run(deny.args(["licenses", "bans", "sources"]))
            .context("change the dependency, or deny.toml with a reason")?;
    }
    Ok(Outcome::Done)
}

/// Step: known advisories against Cargo.lock. Never says that all is well without a database.
pub fn advisories(work: &mut Work) -> Result<Outcome> {
    let waivers = Waivers::read(&fs::read_to_string(work.place.file("deny.toml"))?)?;
    let passed: Vec<_> = waivers
        .passed(Date::today())
        .into_iter()
        .map(|w| format!("{} ({})", w.id, w.reason))
        .collect();
    if !passed.is_empty() {
        bail!(
            "waivers whose time has passed: {}. Look at each again",
            passed.join("; ")
        );
    }
    for folder in ["", INTERPRETERS.folder, LLAMA.folder] {
        let outcome = audit(work, folder, &waivers)?;
        if !matches!(outcome, Outcome::Done) {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Done)
}

/// The lock file in one folder.
fn audit(work: &Work, folder: &str, waivers: &Waivers) -> Result<Outcome> {
    let mut audit = command::clean(CARGO_AUDIT.path(&work.place)?);
    audit
        .current_dir(work.place.file(folder))
        .args(["audit", "--deny", "unsound"]);
    for waiver in &waivers.advisories {
        audit.args(["--ignore", &waiver.id]);
    }
    let given = env::var_os(DATABASE).map(PathBuf::from);
    if let Some(path) = &given {
        if !path.join("crates").is_dir() {
            bail!(
                "{DATABASE} names {}, which is no advisory database",
                path.display()
            );
        }
        audit.arg("--db").arg(path).args(["--no-fetch", "--stale"]);
    }
    let output = audit
        .output()
        .with_context(|| format!("cannot start `{}`", command::describe(&audit)))?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    println!("{}", said.trim_end());
    if output.status.success() {
        return Ok(Outcome::Done);
    }
    // It compared the lock file with a database only if it says how many advisories that held.
    if said.contains("Scanning Cargo.lock") {
        bail!(
            "dependencies with known faults: update them, or bear them in deny.toml with a reason and an end"
        );
    }
    let reason = "no advisory database could be had";
    if work.offline_ok {
        return Ok(Outcome::NotChecked(reason.to_owned()));
    }
    bail!(
        "advisories: not checked, {reason}. Set {DATABASE} to a copy of the RustSec database, or bear it with --offline-ok"
    )
}
