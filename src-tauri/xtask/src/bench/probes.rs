//! Measurements that a program of another crate makes and prints as one line of JSON: name to number.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, Result, bail};

use super::measure::Measure;
use crate::{command, work::Work};

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
    let cargo = work.cargo([
        "run",
        "--release",
        "--quiet",
        "-p",
        "nexus-store",
        "--example",
        "search_bench",
    ]);
    // It repeats each search by itself, and filling takes long.
    program(
        work,
        ("nexus-store", "example", "search_bench"),
        cargo,
        runs.min(1),
    )
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
