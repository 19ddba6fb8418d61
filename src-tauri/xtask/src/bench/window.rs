//! The window: how long until it can be used, and how much memory it holds when nothing happens; beside an empty one.
//!
//! The runs happen within a desktop session of our own, in a second xtask that prints what it found.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{measure::Measure, processes, webdriver::Driver};
use crate::{
    build::APP,
    command,
    desktop::{Xvfb, run_in_session},
    packages::find_program,
    place::executable,
    tools,
    work::Work,
};

/// Ours shows one of these as soon as it can be used.
const READY: &str = "[data-testid=\"composer\"], [data-testid=\"onboarding\"]";
/// The program that is measured beside: a binary behind the feature `bench`.
const EMPTY: &str = "empty_window";
const INTERACTIVE_LIMIT: Duration = Duration::from_secs(60);
/// A window that has come up still compiles scripts and fills caches.
const SETTLE: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// What to open, and with what.
#[derive(Args, Clone, Debug)]
pub struct WindowProbe {
    /// A program; where there are several they take turns
    #[arg(long, required = true)]
    app: Vec<PathBuf>,
    /// tauri-driver
    #[arg(long)]
    driver: PathBuf,
    /// WebKitWebDriver
    #[arg(long)]
    native: PathBuf,
    /// How often
    #[arg(long)]
    runs: u32,
}

#[derive(Default, Serialize, Deserialize)]
struct Found {
    interactive_ms: Vec<f64>,
    idle_mib: Vec<f64>,
}

/// Ours and the empty one, in turns: the machine's other work falls on both.
pub fn measure(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    if !cfg!(target_os = "linux") {
        bail!("the window is measured on Linux only: elsewhere no WebDriver reaches it");
    }
    let empty = empty_window(work)?;
    let [ours, empty] = probe(work, [&work.place.release(APP), &empty], runs)?;
    let ratios: Vec<f64> = ours
        .interactive_ms
        .iter()
        .zip(&empty.interactive_ms)
        .map(|(ours, empty)| ours / empty)
        .collect();
    Ok(vec![
        Measure::new("window_interactive_ratio", ratios)
            .note("ours by the empty one just after; the goal is at most 1.5"),
        Measure::new("window_interactive_ms", ours.interactive_ms)
            .note("from the request for a session to the first control"),
        Measure::new("window_interactive_empty_ms", empty.interactive_ms)
            .note("an empty Tauri window"),
        Measure::new("window_idle_pss_mib", ours.idle_mib).note("app and web processes, no model"),
        Measure::new("window_idle_empty_pss_mib", empty.idle_mib).note("an empty Tauri window"),
    ])
}

/// Builds the empty window with the app's own features, so that what both share is compiled once.
fn empty_window(work: &Work) -> Result<PathBuf> {
    let mut build = work.cargo(["build", "--release", "-p", "nexus-agent", "-p", "nexus-cli"]);
    let release = work.place.target.join("release");
    build.args([
        "--features",
        "nexus-agent/custom-protocol,nexus-agent/bench",
        "--bin",
        EMPTY,
    ]);
    let program = release.join(executable(EMPTY));
    command::run(&mut build)?;
    Ok(program)
}

fn probe<const N: usize>(work: &Work, apps: [&Path; N], runs: u32) -> Result<[Found; N]> {
    let native = find_program("WebKitWebDriver").context(
        "WebKitWebDriver is missing; `cargo xtask setup --tests` installs it or says how",
    )?;
    let display = Xvfb::start()?;
    let mut inner = Command::new(env::current_exe().context("xtask does not know its own path")?);
    inner
        .args(["window-probe", "--runs", &runs.to_string()])
        .args(
            apps.iter()
                .flat_map(|app| [OsStr::new("--app"), app.as_os_str()]),
        )
        .arg("--driver")
        .arg(tools::TAURI_DRIVER.path(&work.place)?)
        .arg("--native")
        .arg(native)
        .env("DISPLAY", &display.name)
        .env("NEXUS_WORKER", work.worker()?)
        .env("NEXUS_STARTER_MODEL", work.starter()?);
    let watched = run_in_session(&inner, LIMIT)?;
    if !watched.status.success() {
        bail!("the probe ended with {}", watched.status);
    }
    let line = watched
        .output
        .lines()
        .rev()
        .find(|line| line.starts_with("[{"))
        .context("the probe printed nothing")?;
    let found: Vec<Found> =
        serde_json::from_str(line).context("the probe printed something unexpected")?;
    found
        .try_into()
        .map_err(|_| anyhow::anyhow!("the probe measured another number of windows"))
}

impl WindowProbe {
    /// Opens the window again and again, and prints what it found as one line of JSON.
    ///
    /// # Errors
    /// When the window does not come up.
    pub fn run(&self) -> Result<()> {
        let data = env::temp_dir().join(format!("nexus-bench-{}", std::process::id()));
        let result = self.measure(&data);
        // Best effort: it lies in the system's folder for such.
        let _ = std::fs::remove_dir_all(&data);
        println!("{}", serde_json::to_string(&result?)?);
        Ok(())
    }

    fn measure(&self, data: &Path) -> Result<Vec<Found>> {
        let mut found: Vec<Found> = self.app.iter().map(|_| Found::default()).collect();
        // The first fills the disk cache and makes the database; it does not count.
        for run in 0..=self.runs {
            for (app, found) in self.app.iter().zip(&mut found) {
                let (interactive, memory) = self.open(app, data)?;
                if run > 0 {
                    found
                        .interactive_ms
                        .push(interactive.as_secs_f64() * 1000.0);
                    found.idle_mib.push(memory);
                }
            }
        }
        Ok(found)
    }

    /// Opens one window: how long until it can be used, and its memory in MiB once it has settled.
    fn open(&self, app: &Path, data: &Path) -> Result<(Duration, f64)> {
        let driver = Driver::start(&self.driver, &self.native, &[("NEXUS_DATA_DIR", data)])?;
        let started = Instant::now();
        let session = driver.open(app)?;
        while session.count(READY)? == 0 {
            if started.elapsed() > INTERACTIVE_LIMIT {
                bail!(
                    "no control appeared within {} s",
                    INTERACTIVE_LIMIT.as_secs()
                );
            }
            thread::sleep(Duration::from_millis(2));
        }
        let interactive = started.elapsed();
        thread::sleep(SETTLE);
        let bytes = processes::memory(processes::of_program(app)?)?;
        #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
        let memory = bytes as f64 / (1024.0 * 1024.0);
        Ok((interactive, memory))
    }
}
