//! What the sandbox costs: the time of a confined `true` beside that of a plain one. Prints one line of JSON: name, with its unit, to
//! number. What costs is the difference of the medians.
//! `cargo run --release -p nexus-sandbox --example overhead [LAUNCHER]`; without an argument the launcher is looked for beside it.

#![expect(clippy::print_stdout, reason = "its result")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use nexus_sandbox::{Kind, Limits, Sandbox, Spec};

const ROUNDS: u32 = 200;

fn main() -> anyhow::Result<()> {
    let launcher = std::env::args_os()
        .nth(1)
        .map_or_else(beside, |path| Ok(PathBuf::from(path)))?;
    let sandbox = Sandbox::probe(&launcher);
    let place = std::env::temp_dir().join(format!("nexus-overhead-{}", std::process::id()));
    let (folder, temp) = (place.join("folder"), place.join("temp"));
    std::fs::create_dir_all(&folder)?;
    std::fs::create_dir_all(&temp)?;
    let spec = Spec {
        argv: vec!["/bin/true".to_owned()],
        cwd: folder.clone(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        folder: Some(folder),
        temp,
        readable: Vec::new(),
        hidden: Vec::new(),
        network: false,
        limits: Limits::default(),
        kind: Kind::Tool,
    };
    // Taken in turns, so that whatever else the machine does falls on both.
    let (mut plain, mut confined) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(time(&mut Command::new("/bin/true"))?);
        confined.push(time(&mut sandbox.command(&spec)?)?);
    }
    std::fs::remove_dir_all(&place)?;
    let (plain, confined) = (Times::of(plain), Times::of(confined));
    println!(
        "{}",
        serde_json::json!({
            "sandbox_plain_ms": plain.median,
            "sandbox_plain_p95_ms": plain.p95,
            "sandbox_confined_ms": confined.median,
            "sandbox_confined_p95_ms": confined.p95,
            "sandbox_overhead_ms": confined.median - plain.median,
        })
    );
    Ok(())
}

fn beside() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own
        .parent()
        .and_then(Path::parent)
        .context("this program lies nowhere")?;
    Ok(folder.join("nexus-sandbox"))
}

fn time(command: &mut Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "{command:?} ended with {status}");
    Ok(start.elapsed())
}

struct Times {
    median: f64,
    p95: f64,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        Self {
            median: at(50),
            p95: at(95),
        }
    }
}
