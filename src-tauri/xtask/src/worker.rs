//! The local model's worker: built once in release for this CPU, and kept in the cache under a key of all that goes in.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    command,
    fingerprint::{Fingerprint, place_file},
    kept,
    place::{self, executable},
    progress::Outcome,
    work::Work,
};

/// The program.
pub const PROGRAM: &str = "nexus-worker";
/// Names one that is built already.
pub const VARIABLE: &str = "NEXUS_WORKER";
/// Features to build it with: `cuda` or `metal`.
const FEATURES: &str = "NEXUS_WORKER_FEATURES";

/// Matrix kernels are chosen when they are compiled: without this a worker is several times slower.
const FLAGS: &str = "-C target-cpu=native";

/// What mistral.rs 0.8.1 says only deep in the words of a build that failed; newer toolkits are refused by its crates.
const CUDA_NEEDS: &str = "The engine knows CUDA 12.0 to 12.9 and 13.0 to 13.2. Without an NVIDIA processor in this machine, \
    set CUDA_COMPUTE_CAP to the kind it is built for, such as 90";

/// Cargo in the checkout, set up as the worker's build folder expects it: other flags would compile 650 crates again.
pub fn cargo<const N: usize>(work: &Work, args: [&str; N]) -> Command {
    let mut cargo = work.cargo(args);
    cargo
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", work.place.worker_target())
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Step: have it.
pub fn build(work: &mut Work) -> Result<Outcome> {
    if let Some(path) = env::var_os(VARIABLE) {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!(
                "{VARIABLE} names {}, which is not there; unset it",
                path.display()
            );
        }
        work.worker = Some(path);
        return Ok(Outcome::DoneWith(format!("from {VARIABLE}")));
    }
    let features = env::var(FEATURES).unwrap_or_default();
    let kept = work
        .place
        .cache
        .join("worker")
        .join(key(work, &features)?)
        .join(executable(PROGRAM));
    let outcome = if kept.is_file() {
        Outcome::UpToDate
    } else {
        let mut cargo = cargo(work, ["build", "--release", "-p", PROGRAM]);
        if !features.is_empty() {
            cargo.args(["--features", &features]);
        }
        command::run(&mut cargo).context(
            "the worker did not build. Cargo's words are above; a killed compiler means too little memory: try CARGO_BUILD_JOBS=1",
        )?;
        let built = work
            .place
            .worker_target()
            .join("release")
            .join(executable(PROGRAM));
        kept::keep(&built, &kept)?;
        Outcome::Done
    };
    work.worker = Some(kept);
    Ok(outcome)
}

/// A worker for graphics processors, beside the app: `nexus-worker-cuda` or `nexus-worker-metal`, which the app prefers where it
/// finds a processor for it. CUDA needs NVIDIA's toolkit, and runs on processors of the kind it was built for: see
/// [`CUDA_NEEDS`]. Metal needs Xcode. It links to the driver's libraries, so it is a program of its own.
///
/// # Errors
/// When the toolkit is missing or it does not build.
pub fn graphics(work: &Work, feature: &str) -> Result<PathBuf> {
    if feature == "cuda" && !command::succeeds(Command::new("nvcc").arg("--version")) {
        bail!(
            "nvcc is missing: install NVIDIA's CUDA toolkit and put its `bin` on the PATH. {CUDA_NEEDS}"
        );
    }
    let target = work.place.cache.join(format!("worker-target-{feature}"));
    let mut cargo = work.cargo(["build", "--release", "-p", PROGRAM, "--features", feature]);
    cargo
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", FLAGS);
    command::run(&mut cargo).with_context(|| match feature {
        "cuda" => format!("the worker did not build. Cargo's words are above. {CUDA_NEEDS}"),
        _ => "the worker did not build. Cargo's words are above.".to_owned(),
    })?;
    let beside = work.place.release(&format!("{PROGRAM}-{feature}"));
    place_file(&target.join("release").join(executable(PROGRAM)), &beside)?;
    Ok(beside)
}

/// All that the binary depends on: its sources, the crates below it in their versions and features, compiler and CPU.
fn key(work: &Work, features: &str) -> Result<String> {
    let mut tree = work.cargo([
        "tree",
        "-p",
        PROGRAM,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p} {f}",
    ]);
    if !features.is_empty() {
        tree.args(["--features", features]);
    }
    let crates = crate_list(&command::capture(&mut tree)?);
    let profile = profile(&fs::read_to_string(work.place.file("Cargo.toml"))?)?;
    let mut key = Fingerprint::default();
    key.files(&work.place.root, "src-tauri/crates/worker")?
        .files(&work.place.root, "src-tauri/crates/protocol/src")?
        .files(&work.place.root, "src-tauri/crates/calls/src")?
        .text("crates", &crates)
        .text("profile", &profile)
        .text("rustc", &place::rustc(&["-vV"])?)
        .text("flags", FLAGS)
        .text("features", features)
        .text(
            "cpu",
            &place::rustc(&["--print", "cfg", "-C", "target-cpu=native"])?,
        );
    Ok(key.finish())
}

/// The lines of `cargo tree` once each, in order, without the paths of the checkout and the marks of repetition.
fn crate_list(tree: &str) -> String {
    let mut crates: Vec<String> = tree
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let line = line.trim_end().trim_end_matches("(*)");
            let words = line
                .split(' ')
                .filter(|word| !word.starts_with("(/") && !word.starts_with("(\\"));
            words.collect::<Vec<_>>().join(" ").trim().to_owned()
        })
        .collect();
    crates.sort();
    crates.dedup();
    crates.join("\n")
}

/// The release profile as the manifest writes it.
pub fn profile(manifest: &str) -> Result<String> {
    let manifest: toml_edit::DocumentMut = manifest.parse().context("Cargo.toml is not TOML")?;
    let release = manifest
        .get("profile")
        .and_then(|profiles| profiles.get("release"));
    Ok(release.map(ToString::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_crates_does_not_depend_on_the_checkout_or_on_order() {
        let here = "nexus-worker v0.1.0 (/home/a/nexus) \nserde v1.0.0 default,std\nitoa v1.0.1 \nserde v1.0.0 default,std (*)\n";
        let there = "nexus-worker v0.1.0 (/srv/b) \nitoa v1.0.1 \nserde v1.0.0 default,std\n";
        assert_eq!(crate_list(here), crate_list(there));
        assert_eq!(
            crate_list(here),
            "itoa v1.0.1\nnexus-worker v0.1.0\nserde v1.0.0 default,std"
        );
    }

    #[test]
    fn only_the_release_profile_counts() {
        let of = |text: &str| profile(text).unwrap();
        let first = of("[profile.release]\nstrip = true\n[profile.dev]\ndebug = 1\n");
        assert_eq!(
            first,
            of("[profile.release]\nstrip = true\n[profile.dev]\ndebug = 2\n")
        );
        assert_ne!(first, of("[profile.release]\nstrip = false\n"));
    }
}
