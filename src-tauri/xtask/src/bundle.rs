//! Installers: Tauri's own command line, from npm, with the workers, the sandbox's launcher and the interpreters beside the app.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::{
    build::SANDBOX, command, fingerprint::place_file, interpreters::INTERPRETERS, llama,
    llama::LLAMA, place, progress::Outcome, work::Work, worker,
};

/// Tauri's command line: the major version of the app's Tauri.
const TAURI_CLI: &str = "@tauri-apps/cli@2";

/// Builds of the workers for other people's machines: the end of the program's name, which the app chooses by, and flags.
fn portable() -> &'static [(&'static str, &'static str)] {
    if cfg!(target_arch = "x86_64") {
        // The plain one runs everywhere; the other on processors of the last ten years, several times quicker.
        &[("", ""), ("-v3", "-C target-cpu=x86-64-v3")]
    } else {
        &[("", "")]
    }
}

/// Step: the workers for other machines than this, where Tauri looks for them. The one on mistral.rs takes long to compile, so that
/// nothing else builds it more than once.
pub fn workers(work: &mut Work) -> Result<Outcome> {
    for (suffix, flags) in portable() {
        let place_program = |work: &Work, target: &Path, program: &str| {
            let built = target.join("release").join(place::executable(program));
            place_file(&built, &side_program(work, &format!("{program}{suffix}"))?)
        };
        let target = work
            .place
            .cache
            .join(format!("worker-target-portable{suffix}"));
        let mut cargo = work.cargo(["build", "--release", "-p", worker::PROGRAM]);
        cargo
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command::run(cargo.env("RUSTFLAGS", flags))?;
        place_program(work, &target, worker::PROGRAM)?;
        let target = work
            .place
            .cache
            .join(format!("llama-target-portable{suffix}"));
        let mut cargo = LLAMA.cargo(work, ["build", "--release", "--locked"]);
        cargo.env("CARGO_TARGET_DIR", &target);
        command::run(cargo.env("RUSTFLAGS", flags))?;
        place_program(work, &target, llama::PROGRAM)?;
    }
    Ok(Outcome::Done)
}

/// Tauri wants a side program's file to end in the machine's triple.
fn side_program(work: &Work, program: &str) -> Result<std::path::PathBuf> {
    let version = place::rustc(&["-vV"])?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    let name = place::executable(&format!("{program}-{host}"));
    Ok(work.place.target.join("side").join(name))
}

/// Step: the installers of this system.
pub fn bundle(work: &mut Work) -> Result<Outcome> {
    let npx = if cfg!(windows) { "npx.cmd" } else { "npx" };
    if !command::succeeds(Command::new(npx).arg("--version")) {
        bail!(
            "npx is missing: install Node.js, which brings it, or `cargo install tauri-cli --version ^2` and run `cargo tauri build`"
        );
    }
    let interpreters = INTERPRETERS.programs.iter().map(|(name, _)| *name);
    for (program, name) in work.interpreters()?.iter().zip(interpreters.clone()) {
        place_file(program, &side_program(work, name)?)?;
    }
    let workers = portable().iter().flat_map(|(suffix, _)| {
        [worker::PROGRAM, llama::PROGRAM].map(|program| format!("{program}{suffix}"))
    });
    let side: Vec<_> = workers
        .chain([SANDBOX.to_owned()])
        .chain(interpreters.map(str::to_owned))
        .map(|name| work.place.target.join("side").join(name))
        .collect();
    let config = json!({
        "bundle": { "externalBin": side }
    });
    // The launcher is built with the app; Tauri takes it from beside the worker.
    let mut cargo = work.cargo(["build", "--release", "-p", SANDBOX, "--bin", SANDBOX]);
    command::run(&mut cargo)?;
    place_file(&work.place.release(SANDBOX), &side_program(work, SANDBOX)?)?;
    let mut tauri = command::clean(npx);
    tauri.current_dir(&work.place.root).args([
        "--yes",
        TAURI_CLI,
        "build",
        "--config",
        &config.to_string(),
    ]);
    if cfg!(target_os = "linux") {
        // The third kind, AppImage, downloads its tools at run time.
        tauri.args(["--bundles", "deb,rpm"]);
    }
    command::run(&mut tauri)?;
    let folder = work.place.target.join("release/bundle");
    let mut made = Vec::new();
    for kind in
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        for file in fs::read_dir(kind?.path())? {
            let path = file?.path();
            if path.is_file() {
                made.push(path.display().to_string());
            }
        }
    }
    Ok(Outcome::DoneWith(made.join(", ")))
}
