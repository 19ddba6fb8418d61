//! Python and JavaScript for machines that have neither: built once in release, and kept in the cache under a key of all that
//! goes in. They are a workspace of their own with its own lock file; their manifest says why.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{
    command,
    fingerprint::{self, Fingerprint, place_file},
    kept,
    place::{self, executable},
    progress::Outcome,
    work::Work,
};

/// Where they lie in the checkout.
pub const FOLDER: &str = "src-tauri/interpreters";
/// The programs and the variables that name them to the app.
pub const PROGRAMS: [(&str, &str); 2] = [
    ("nexus-python", "NEXUS_PYTHON"),
    ("nexus-javascript", "NEXUS_JAVASCRIPT"),
];

/// Cargo for their workspace, with its own build folder.
pub fn cargo<const N: usize>(work: &Work, args: [&str; N]) -> Command {
    let mut cargo = command::cargo();
    cargo
        .args(args)
        .current_dir(work.place.file(FOLDER))
        .env(
            "CARGO_TARGET_DIR",
            work.place.cache.join("interpreters-target"),
        )
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Step: have them.
pub fn build(work: &mut Work) -> Result<Outcome> {
    let folder = work.place.cache.join("interpreters").join(key(work)?);
    let all = PROGRAMS.map(|(program, _)| folder.join(executable(program)));
    let outcome = if all.iter().all(|program| program.is_file()) {
        Outcome::UpToDate
    } else {
        command::run(&mut cargo(work, ["build", "--release", "--locked"]))
            .context("the built-in interpreters did not build. Cargo's words are above")?;
        let built = work.place.cache.join("interpreters-target/release");
        for program in &all {
            let name = program.file_name().unwrap_or_default();
            kept::keep(&built.join(name), program)?;
        }
        Outcome::Done
    };
    work.interpreters = all.to_vec();
    Ok(outcome)
}

/// Names them to an app or a test.
///
/// # Errors
/// When their step has not run: a mistake in a plan.
pub fn give(work: &Work, command: &mut Command) -> Result<()> {
    for ((_, variable), program) in PROGRAMS.iter().zip(work.interpreters()?) {
        command.env(variable, program);
    }
    Ok(())
}

/// Copies them beside the app; whether they were there already.
///
/// # Errors
/// When their step has not run or a file cannot be written.
pub fn place_beside(work: &Work) -> Result<bool> {
    let mut same = true;
    for program in work.interpreters()? {
        let beside = work
            .place
            .target
            .join("release")
            .join(program.file_name().unwrap_or_default());
        if !beside.is_file() || fingerprint::glance(&beside) != fingerprint::glance(program) {
            place_file(program, &beside)?;
            same = false;
        }
    }
    Ok(same)
}

/// Their sources, the crates below them in their versions, and the compiler.
fn key(work: &Work) -> Result<String> {
    let mut key = Fingerprint::default();
    key.files(&work.place.root, FOLDER)?
        .text("rustc", &place::rustc(&["-vV"])?);
    Ok(key.finish())
}
