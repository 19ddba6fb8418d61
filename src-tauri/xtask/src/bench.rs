//! Measurements: which there are, and the report of a run as JSON and as a table.
//!
//! Each is the median of several runs with its unit in its name; what could not be measured stands in the report with
//! the reason, and makes the run fail.

mod comparison;
mod inference;
mod local_model;
mod measure;
mod probes;
mod processes;
mod search_files;
mod webdriver;
mod window;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::{
    command,
    date::Date,
    place,
    progress::{self},
    work::Work,
};

pub use search_files::RIPGREP;
pub use window::WindowProbe;

use measure::{Measure, table};

/// What one measurement gives: several numbers.
type Act = fn(&Work, u32) -> Result<Vec<Measure>>;

/// What needs no app: the workers and the starter model are enough.
pub const INFERENCE: &str = "inference";

const ALL: [(&str, &str, Act); 9] = [
    (
        "window",
        "window and memory of the app, beside an empty Tauri window",
        window::measure,
    ),
    (
        "local-model",
        "the local model, beside llama.cpp where Python has it",
        local_model::measure,
    ),
    (
        INFERENCE,
        "both workers beside llama.cpp's Python server, over three models",
        inference::measure,
    ),
    (
        "bridge",
        "events from the core to the window",
        probes::bridge,
    ),
    ("search", "search over 100,000 messages", probes::search),
    (
        "sandbox",
        "a confined program beside a plain one",
        probes::sandbox,
    ),
    (
        "search-files",
        "search in a folder, beside ripgrep",
        search_files::measure,
    ),
    (
        "checkpoints",
        "snapshots of a folder of 10,000 files",
        probes::checkpoints,
    ),
    ("policy", "decisions on tool calls", probes::policy),
];

/// Measures all, or those that are named; prints a table and writes `target/bench/<date>.json`.
///
/// # Errors
/// When a name is unknown, the report cannot be written, or something could not be measured.
pub fn run(work: &Work, runs: u32, only: &[String]) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !ALL.iter().any(|(known, ..)| known == name))
    {
        let names = ALL.map(|(name, ..)| name).join(", ");
        bail!("no measurement is called {unknown}; there are {names}");
    }
    let mut measures = Vec::new();
    for (name, about, act) in ALL {
        let wanted = if only.is_empty() {
            // Most of an hour, and it needs a peer: only where it is asked for.
            name != INFERENCE
        } else {
            only.iter().any(|wanted| wanted == name)
        };
        if !wanted {
            continue;
        }
        println!("{name}: {about}");
        let started = std::time::Instant::now();
        match act(work, runs) {
            Ok(found) => measures.extend(found),
            Err(error) => measures.push(Measure::missing(name, format!("{error:#}"))),
        }
        println!("{name} … {}", progress::duration(started.elapsed()));
    }
    println!("\n{}", table(&measures));
    let report = json!({
        "date": Date::today().to_string(),
        "commit": commit(work),
        "cpu": cpu(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "rustc": place::rustc(&["-V"])?,
        "runs": runs,
        "measures": measures,
    });
    let path = write(work, &report)?;
    println!("written to {}", path.display());
    let missing: Vec<_> = measures
        .iter()
        .filter(|m| m.median.is_none() && m.required)
        .map(|m| m.name.clone())
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        bail!("not measured: {}", missing.join(", "))
    }
}

/// The first free name of the day.
fn write(work: &Work, report: &serde_json::Value) -> Result<PathBuf> {
    let folder = work.place.target.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let today = Date::today();
    let path = (1..)
        .map(|n| {
            folder.join(if n == 1 {
                format!("{today}.json")
            } else {
                format!("{today}-{n}.json")
            })
        })
        .find(|path| !path.exists())
        .context("no free name")?;
    fs::write(&path, format!("{report:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn commit(work: &Work) -> Option<String> {
    let mut git = command::clean("git");
    git.args(["describe", "--always", "--dirty"])
        .current_dir(&work.place.root);
    command::capture(&mut git)
        .ok()
        .map(|text| text.trim().to_owned())
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    text.lines().find_map(|line| {
        Some(
            line.strip_prefix("model name")?
                .split_once(':')?
                .1
                .trim()
                .to_owned(),
        )
    })
}
