//! The steps that build what ships: crates fetched, the UI by Trunk, the app and the command line by cargo.

use std::{env, process::Command, time::SystemTime};

use anyhow::{Context as _, Result, bail};

use crate::{
    command,
    fingerprint::{self, Fingerprint, place_file},
    own_workspace,
    place::{self, executable},
    progress::Outcome,
    starter, tools,
    wasm::TRIPLE,
    work::Work,
    worker,
};

/// The app's program.
pub const APP: &str = "nexus-agent";
/// The command line's program.
pub const CLI: &str = "nexus";

/// The program that confines what tools start.
pub const SANDBOX: &str = "nexus-sandbox";

/// Step: all crates, and the starter model's download begun beside it.
pub fn fetch(work: &mut Work) -> Result<Outcome> {
    starter::begin(work);
    let version = place::rustc(&["-vV"])?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    let mut fetch = work.cargo(["fetch", "--target", host, "--target", TRIPLE]);
    // A machine that checks a change must not change Cargo.lock; a developer's edit of a manifest does.
    if env::var_os("CI").is_some() {
        fetch.arg("--locked");
    }
    let before = fingerprint::of_file(&work.place.file("Cargo.lock")).unwrap_or_default();
    command::run(&mut fetch)
        .context("look at the network; with `--locked` in cargo's words, commit Cargo.lock")?;
    let after = fingerprint::of_file(&work.place.file("Cargo.lock"))?;
    Ok(if before == after {
        Outcome::Done
    } else {
        Outcome::DoneWith("Cargo.lock changed".to_owned())
    })
}

/// Step: the UI to `ui/dist`.
pub fn ui(work: &mut Work) -> Result<Outcome> {
    let dist = work.place.file("ui/dist");
    let stamp = work.place.ui_target().join("built");
    let mut inputs = Fingerprint::default();
    inputs.files(&work.place.root, "ui")?;
    inputs.files(&work.place.root, "src-tauri/crates/protocol")?;
    inputs.files(&work.place.root, "Cargo.lock")?;
    inputs.files(&work.place.root, "Cargo.toml")?;
    inputs.files(&work.place.root, ".cargo")?;
    inputs.text("compiler", &work.wasm()?.identity()?);
    inputs.text("trunk", &tools::TRUNK.path(&work.place)?.to_string_lossy());
    let inputs = inputs.finish();
    // The result counts too: someone may have built a debug UI over it.
    let result = || -> Result<String> { Ok(Fingerprint::default().files(&dist, "")?.finish()) };
    if dist.join("index.html").is_file()
        && fingerprint::is_stamped(&stamp, &format!("{inputs} {}", result()?))
    {
        return Ok(Outcome::UpToDate);
    }
    // All was fetched before; without `--offline` Trunk would look for its tools' versions by itself.
    command::run(trunk(work)?.args(["build", "--release", "--offline"]))
        .context("the UI did not build; the compiler's words are above")?;
    if !dist.join("index.html").is_file() {
        bail!(
            "Trunk ended well but {} is not there",
            dist.join("index.html").display()
        );
    }
    fingerprint::stamp(&stamp, &format!("{inputs} {}", result()?))?;
    Ok(Outcome::Done)
}

/// Trunk in the UI's folder, with the tools and the compiler that were found.
///
/// # Errors
/// When a tool's version or the compiler is not known.
pub fn trunk(work: &Work) -> Result<Command> {
    let mut trunk = command::clean(tools::TRUNK.path(&work.place)?);
    trunk
        .current_dir(work.place.file("ui"))
        .env("PATH", work.path()?)
        .env("CARGO_TARGET_DIR", work.place.ui_target())
        .env_remove("RUSTFLAGS");
    if env::var_os("NO_COLOR").is_some() {
        // Trunk reads it as an option that wants this word, and stops at the usual `1`.
        trunk.env("NO_COLOR", "true");
    }
    work.wasm()?.apply(&mut trunk);
    Ok(trunk)
}

/// Step: app, command line and sandbox launcher in release, the workers and the interpreters beside them.
pub fn app(work: &mut Work) -> Result<Outcome> {
    let binaries = [APP, CLI, SANDBOX].map(|name| work.place.release(name));
    let ages = || {
        binaries
            .clone()
            .map(|file| file.metadata().and_then(|about| about.modified()).ok())
    };
    let before: [Option<SystemTime>; 3] = ages();
    // In one call, so that all use the same build of what they share.
    let mut cargo = work.cargo(["build", "--release"]);
    cargo.args(["-p", "nexus-agent", "-p", "nexus-cli", "-p", SANDBOX]);
    cargo.args(["--bin", APP, "--bin", CLI, "--bin", SANDBOX]);
    command::run(cargo.args(["--features", "nexus-agent/custom-protocol"]))
        .context("the app did not build; the compiler's words are above")?;
    for file in &binaries {
        if !file.is_file() {
            bail!("cargo ended well but {} is not there", file.display());
        }
    }
    let beside = work
        .place
        .target
        .join("release")
        .join(executable(worker::PROGRAM));
    let worker = work.worker()?;
    let same = fingerprint::glance(&beside) == fingerprint::glance(worker);
    if !same || !beside.is_file() {
        place_file(worker, &beside)?;
    }
    let same = own_workspace::place_beside(work, work.interpreters()?)? && same;
    let same = own_workspace::place_beside(work, work.llama()?)? && same;
    Ok(if before == ages() && same {
        Outcome::UpToDate
    } else {
        Outcome::Done
    })
}
