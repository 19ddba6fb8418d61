//! What every worker program begins with: it says what it is, or claims its pipes and guards itself before it serves.

use std::io::{self, Write as _};
use std::process::ExitCode;

use nexus_protocol::worker::{PROBE, WorkerProbe};

use crate::guard;
use crate::output::Output;

/// Runs the program of the engine `backend`. `devices` names the graphics processors that it can compute on.
pub(crate) fn run(
    backend: &str,
    devices: impl FnOnce() -> Vec<String>,
    serve: impl FnOnce(Output) -> io::Result<()>,
) -> ExitCode {
    guard::log_to_stderr();
    let done = match std::env::args().nth(1) {
        Some(argument) if argument == PROBE => tell(&WorkerProbe {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: backend.to_owned(),
            devices: devices(),
            cpu: cpu(),
        }),
        Some(argument) => Err(io::Error::other(format!("{argument:?} is not known"))),
        None => Output::claim().and_then(|output| {
            guard::protect();
            serve(output)
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the worker cannot serve");
            ExitCode::FAILURE
        }
    }
}

fn tell(probe: &WorkerProbe) -> io::Result<()> {
    let line = serde_json::to_string(probe).map_err(io::Error::other)?;
    writeln!(io::stdout(), "{line}")
}

/// What the compiler was told to use, so that the program does not run without it.
fn cpu() -> Vec<String> {
    macro_rules! built_for {
        ($($feature:literal),*) => {
            [$(($feature, cfg!(target_feature = $feature))),*]
        };
    }
    built_for!(
        "avx",
        "avx2",
        "avx512bf16",
        "avx512bw",
        "avx512cd",
        "avx512dq",
        "avx512f",
        "avx512vbmi",
        "avx512vl",
        "avx512vnni",
        "bmi1",
        "bmi2",
        "f16c",
        "fma",
        "lzcnt",
        "movbe"
    )
    .into_iter()
    .filter(|(_, is_used)| *is_used)
    .map(|(name, _)| name.to_owned())
    .collect()
}
