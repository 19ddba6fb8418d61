//! Measurements that a program of another crate makes and prints as one line of JSON: name to number.

use std::{collections::BTreeMap, ffi::OsStr, process::Command};

use anyhow::{Context as _, Result, bail};

use super::measure::Measure;
use crate::{build::SANDBOX, command, work::Work};

/// Events a second from the core to the window.
pub fn bridge(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    let mut cargo = work.cargo([
        "run",
        "--release",
        "--quiet",
        "-p",
        "nexus-agent",
        "--bin",
        "bridge_bench",
    ]);
    cargo.args([
        "--features",
        "nexus-agent/custom-protocol,nexus-agent/bench",
    ]);
    program(work, ("nexus-agent", "bin", "bridge_bench"), cargo, runs)
}

/// Search in a database that the program fills first.
pub fn search(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    // It repeats each search by itself, and filling takes long.
    example(work, ("nexus-store", "search_bench"), &[], runs.min(1))
}

/// A confined program beside a plain one.
pub fn sandbox(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    let launcher = work.place.release(SANDBOX);
    let found = example(
        work,
        ("nexus-sandbox", "overhead"),
        &[launcher.as_os_str()],
        runs,
    )?;
    Ok(noted(
        found,
        "sandbox_overhead_ms",
        "a confined program's time less a plain one's; the goal is at most 15",
    ))
}

/// Snapshots of a big folder, as around a program.
pub fn checkpoints(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    let files = ["10000".as_ref()];
    let found = example(
        work,
        ("nexus-checkpoints", "checkpoint_bench"),
        &files,
        runs,
    )?;
    Ok(noted(
        found,
        "checkpoints_look_for_changes_ms",
        "10,000 files of 10 kB, 100 of them changed",
    ))
}

/// Decisions a second.
pub fn policy(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    let found = example(work, ("nexus-tools", "policy_bench"), &[], runs)?;
    Ok(noted(
        found,
        "policy_plain_line_per_s",
        "a line of three commands against 203 rules",
    ))
}

/// An example of a crate, in release.
fn example(
    work: &Work,
    (package, name): (&str, &str),
    arguments: &[&OsStr],
    runs: u32,
) -> Result<Vec<Measure>> {
    let mut cargo = work.cargo([
        "run",
        "--release",
        "--quiet",
        "-p",
        package,
        "--example",
        name,
        "--",
    ]);
    cargo.args(arguments);
    program(work, (package, "example", name), cargo, runs)
}

/// With a remark on one of them.
fn noted(measures: Vec<Measure>, name: &str, note: &str) -> Vec<Measure> {
    let with_note = |measure: Measure| {
        if measure.name == name {
            measure.note(note)
        } else {
            measure
        }
    };
    measures.into_iter().map(with_note).collect()
}

fn program(
    work: &Work,
    (package, kind, name): (&str, &str, &str),
    mut cargo: Command,
    runs: u32,
) -> Result<Vec<Measure>> {
    if !work.place.has_target(package, kind, name) {
        bail!("{package} has no {kind} {name}");
    }
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..runs {
        for (name, value) in last_object(&command::capture(&mut cargo)?)? {
            found.entry(name).or_default().push(value);
        }
    }
    Ok(found
        .into_iter()
        .map(|(name, runs)| Measure::new(name, runs))
        .collect())
}

/// The last line that is a JSON object of numbers.
pub fn last_object(output: &str) -> Result<BTreeMap<String, f64>> {
    let line = output
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with('{'))
        .context("it printed no line of JSON")?;
    serde_json::from_str(line).with_context(|| format!("no object of numbers: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_object_counts() {
        assert_eq!(
            last_object("filling\n{\"a_ms\": 1}\n{\"a_ms\": 2.5, \"n\": 3}\nbye\n").unwrap(),
            BTreeMap::from([("a_ms".to_owned(), 2.5), ("n".to_owned(), 3.0)])
        );
        assert!(last_object("bye").is_err());
        assert!(last_object("{\"a\": \"b\"}").is_err());
    }
}
