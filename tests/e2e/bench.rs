//! What `cargo xtask bench` measures in real windows: start and idle memory, each beside an empty Tauri window in the same run.
//!
//! Each benchmark prints one line `BENCH {json}`; the runner collects them.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use fantoccini::Locator;
use serde_json::json;

use crate::{
    app::{App, Start},
    driver::required,
};

const RUNS: usize = 7;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds from asking for the window until its composer takes a click.
async fn start(start: &Start) -> (App, f64) {
    let asked = Instant::now();
    let app = start.open().await;
    let composer = Locator::Css("[data-testid=\"composer\"]");
    let element = app
        .client
        .wait()
        .every(Duration::from_millis(5))
        .for_element(composer)
        .await
        .unwrap();
    element.click().await.unwrap();
    (app, asked.elapsed().as_secs_f64())
}

fn ours(data: &std::path::Path) -> Start {
    Start::new(data).env("NEXUS_DEFAULT_MODEL", "local/smollm2-135m")
}

fn empty() -> Start {
    Start::default().application(required("NEXUS_E2E_EMPTY_APP"))
}

#[tokio::test]
#[ignore = "a benchmark: run by `cargo xtask bench`"]
async fn bench_window_interactive() {
    let data = tempfile::tempdir().unwrap();
    let (mut nexus, mut baseline) = (Vec::new(), Vec::new());
    // The first of each warms the caches and makes the database; it does not count.
    for run in 0..=RUNS {
        for (which, times) in [(ours(data.path()), &mut nexus), (empty(), &mut baseline)] {
            let (app, seconds) = start(&which).await;
            app.close().await;
            if run > 0 {
                times.push(seconds);
            }
        }
    }
    let (nexus, baseline) = (median(nexus), median(baseline));
    let line = json!({ "name": "window_interactive", "runs": RUNS, "nexus_s": nexus, "empty_window_s": baseline, "ratio": nexus / baseline });
    println!("BENCH {line}");
}

#[tokio::test]
#[ignore = "a benchmark: run by `cargo xtask bench`"]
async fn bench_idle_memory() {
    let data = tempfile::tempdir().unwrap();
    let mut mib = HashMap::new();
    for (name, which) in [("nexus", ours(data.path())), ("empty_window", empty())] {
        let (app, _) = start(&which).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        mib.insert(name, tree_pss_mib(app.process()));
        app.close().await;
    }
    let (nexus, baseline) = (mib["nexus"], mib["empty_window"]);
    let line = json!({ "name": "idle_memory", "nexus_pss_mib": nexus, "empty_window_pss_mib": baseline, "ratio": nexus / baseline });
    println!("BENCH {line}");
}

/// Proportional memory of the app's processes: all below `root` but the two drivers.
fn tree_pss_mib(root: u32) -> f64 {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // The second field is the name in parentheses, which may hold anything; the parent follows the state after it.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let after = stat
            .rsplit_once(") ")
            .map(|(_, after)| after.to_owned())
            .unwrap_or_default();
        let parent = after
            .split(' ')
            .nth(1)
            .and_then(|parent| parent.parse::<u32>().ok());
        parents.insert(process, parent.unwrap_or(0));
    }
    let below = |process: u32| {
        let mut current = process;
        while let Some(parent) = parents.get(&current).copied().filter(|parent| *parent > 0) {
            if parent == root {
                return true;
            }
            current = parent;
        }
        false
    };
    let mut kib = 0;
    for process in parents.keys().copied().filter(|process| below(*process)) {
        let program = fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
        if PathBuf::from(&program)
            .file_name()
            .is_some_and(|name| name == "WebKitWebDriver")
        {
            continue;
        }
        let rollup =
            fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        kib += rollup
            .lines()
            .find_map(|line| line.strip_prefix("Pss:"))
            .and_then(|rest| {
                rest.trim()
                    .trim_end_matches(" kB")
                    .trim()
                    .parse::<u64>()
                    .ok()
            })
            .unwrap_or(0);
    }
    assert!(kib > 0, "no process of the app was found below {root}");
    kib as f64 / 1024.0
}

/// Events a second that reach the page through the bridge and are folded into what it shows.
#[tokio::test]
#[ignore = "a benchmark: run by `cargo xtask bench`"]
async fn bench_bridge() {
    let figures = crate::perf::stream(20_000, 0).await;
    let line = json!({ "name": "bridge", "deltas_per_s": figures.deltas as f64 / figures.seconds, "deltas": figures.deltas, "seconds": figures.seconds });
    println!("BENCH {line}");
}
