//! The tool `search_files` beside ripgrep: the same files, the same pattern, in turns.
//!
//! Owns the folder that both search, and that both found all there is: a search that misses something is quick.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::measure::Measure;
use crate::{
    command,
    place::{executable, on_path},
    work::Work,
};

/// ripgrep's program.
pub const RIPGREP: &str = "rg";
/// The tool as a program: it searches so often and prints its best time.
const EXAMPLE: &str = "file_search_bench";
/// 5,000 files of 200 lines, 50 a folder: a project of 40 MB.
const FILES: usize = 5_000;
const LINES: usize = 200;
const A_FOLDER: usize = 50;
/// Each so many files, one line fits.
const A_MATCH: usize = 100;
const PATTERN: &str = r"fn needle_\w+\(";
/// Each time is the best of so many: what else the machine does only ever adds.
const REPEATS: u32 = 5;

/// Both in turns; the first turn fills the disk cache and does not count.
pub fn measure(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    let ripgrep = on_path(RIPGREP).context(
        "ripgrep is not on PATH, so there is nothing to hold the search against; install it",
    )?;
    let tool = example(work)?;
    let folder = env::temp_dir().join(format!("nexus-bench-files-{}", std::process::id()));
    let times = fill(&folder).and_then(|()| {
        (0..=runs)
            .map(|_| Ok((time_tool(&tool, &folder)?, time_ripgrep(&ripgrep, &folder)?)))
            .collect::<Result<Vec<_>>>()
    });
    // Best effort: it lies in the system's folder for such.
    let _ = fs::remove_dir_all(&folder);
    let (ours, theirs): (Vec<f64>, Vec<f64>) = times?.into_iter().skip(1).unzip();
    let ratios = ours.iter().zip(&theirs).map(|(a, b)| a / b).collect();
    Ok(vec![
        Measure::new("search_files_ratio", ratios)
            .note("ours by ripgrep's just after; the goal is at most 1.2"),
        Measure::new("search_files_ms", ours).note("5,000 files of 200 lines, in the disk cache"),
        Measure::new("search_files_ripgrep_ms", theirs).note("with the start of its process"),
    ])
}

fn example(work: &Work) -> Result<PathBuf> {
    if !work.place.has_target("nexus-tools", "example", EXAMPLE) {
        bail!("nexus-tools has no example {EXAMPLE}");
    }
    let mut build = work.cargo([
        "build",
        "--release",
        "-p",
        "nexus-tools",
        "--example",
        EXAMPLE,
    ]);
    command::run(&mut build)?;
    let examples = work.place.target.join("release").join("examples");
    Ok(examples.join(executable(EXAMPLE)))
}

fn fill(folder: &Path) -> Result<()> {
    for index in 0..FILES {
        let path = folder.join(format!("module_{}/file_{index}.rs", index / A_FOLDER));
        let parent = path.parent().context("a file without a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&path, text(index)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Lines that resemble a program, with words that nearly fit.
fn text(index: usize) -> Result<String> {
    let mut text = String::new();
    for line in 0..LINES {
        if line == LINES / 2 && index.is_multiple_of(A_MATCH) {
            writeln!(text, "fn needle_{index}() {{")?;
        } else {
            writeln!(text, "    let needle{line} = straw_{index}({line});")?;
        }
    }
    Ok(text)
}

/// The tool's best time in milliseconds.
fn time_tool(program: &Path, folder: &Path) -> Result<f64> {
    let mut run = command::clean(program);
    run.arg(folder).args([PATTERN, &REPEATS.to_string()]);
    let output = command::capture(&mut run)?;
    let line = output.lines().last().unwrap_or_default();
    let answer: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
    complete(answer["found"].as_str().and_then(leading_number))?;
    answer["search_files_ms"]
        .as_f64()
        .with_context(|| format!("no time: {line}"))
}

/// ripgrep's best time in milliseconds, with the tool's own idea of which files count.
fn time_ripgrep(program: &Path, folder: &Path) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let mut run = Command::new(program);
        run.args(["--no-config", "--line-number", "--no-require-git"])
            .args(["--no-ignore-global", PATTERN])
            .arg(folder);
        let started = Instant::now();
        let output = command::capture(&mut run)?;
        best = best.min(started.elapsed().as_secs_f64() * 1000.0);
        complete(Some(output.lines().count()))?;
    }
    Ok(best)
}

/// Refuses the time of a search that did not find all.
fn complete(found: Option<usize>) -> Result<()> {
    let wanted = FILES / A_MATCH;
    if found != Some(wanted) {
        bail!("{found:?} lines were found instead of {wanted}: the times say nothing");
    }
    Ok(())
}

/// Of `50 matches in 50 files`.
fn leading_number(text: &str) -> Option<usize> {
    text.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_a_hundred_files_fits() {
        let lines_with = |index: usize| text(index).unwrap().matches("fn needle_").count();
        assert_eq!(
            [lines_with(0), lines_with(1), lines_with(A_MATCH)],
            [1, 0, 1]
        );
        assert_eq!(text(7).unwrap().lines().count(), LINES);
    }

    #[test]
    fn a_search_that_misses_something_does_not_count() {
        assert_eq!(leading_number("50 matches in 50 files"), Some(50));
        assert_eq!(leading_number("Nothing fits"), None);
        assert!(complete(Some(50)).is_ok());
        assert!(complete(Some(49)).is_err() && complete(None).is_err());
    }
}
