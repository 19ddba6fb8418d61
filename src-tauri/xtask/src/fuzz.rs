//! Fuzzing of the checker of model files: libFuzzer over a build with its counters in every branch.
//!
//! The checker is safe Rust, so there is nothing for an address sanitizer to find, and the stable compiler suffices.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{command, place::executable, work::Work};

const FOLDER: &str = "src-tauri/crates/gguf/fuzz";
const TARGET: &str = "gguf_header";

/// What `cargo fuzz` hands to the compiler, but for the sanitizer.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// Bounds on one input: those that are promised for one file, with room in the memory for the fuzzer itself, and in the time for a
/// machine that does something else meanwhile: libFuzzer looks at the clock. An input takes less than a millisecond.
const BOUNDS: [&str; 4] = [
    "-timeout=10",
    "-rss_limit_mb=1024",
    "-malloc_limit_mb=256",
    "-max_len=65536",
];

/// Fuzzes for so long, and keeps what it learns for the next time.
///
/// # Errors
/// When it does not build, or at a finding: the file that shows it is named above.
pub fn run(work: &Work, minutes: u32) -> Result<()> {
    let folder = work.place.file(FOLDER);
    let target = work.place.target.join("fuzz");
    let build = |flags: &str, bin: &str| {
        let mut cargo = command::cargo();
        cargo
            .args(["build", "--release", "--locked", "--bin", bin])
            .args(["--target", &host()?])
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", flags);
        command::run(&mut cargo)?;
        Ok::<_, anyhow::Error>(target.join(host()?).join("release").join(executable(bin)))
    };
    let corpus = target.join("corpus").join(TARGET);
    let artifacts = target.join("artifacts").join(TARGET);
    for made in [&corpus, &artifacts] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    command::run(Command::new(build("", "seeds")?).arg(&corpus))?;
    let mut fuzzer = command::clean(build(FLAGS, TARGET)?);
    fuzzer
        .args(BOUNDS)
        .arg(format!("-max_total_time={}", u64::from(minutes) * 60))
        .arg(format!("-dict={}", folder.join("gguf.dict").display()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-verbosity=1"])
        .arg(&corpus);
    command::run(&mut fuzzer).with_context(|| {
        format!(
            "the fuzzer found something; its input lies in {}",
            artifacts.display()
        )
    })
}

/// Named, so that the flags do not reach build scripts.
fn host() -> Result<String> {
    let about = crate::place::rustc(&["-vV"])?;
    about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("the compiler does not name its host")
}
