//! What keeps the worker from harming its surroundings: where it logs, how much it takes, that it dies with its parent.

use std::panic::PanicHookInfo;
use std::path::Path;
use std::time::Duration;

use nexus_protocol::worker::{ENV_LOG, ENV_MEMORY_LIMIT, ENV_PARENT};
use tracing_subscriber::EnvFilter;

/// Steps behind the user's programs: enough for a window to stay smooth, little enough for an answer to come while
/// something else computes.
#[cfg(unix)]
const NICE: i32 = 2;

/// Logs and panics go to stderr, a line each.
pub(crate) fn log_to_stderr() {
    let filter = std::env::var(ENV_LOG)
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!("{}", describe(panic));
    }));
}

/// One line, without the paths of the machine it was built on.
fn describe(panic: &PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("(no message)");
    let message = message.lines().next().unwrap_or_default();
    match panic.location() {
        Some(place) => {
            let file = Path::new(place.file()).file_name().map_or_else(
                || place.file().to_owned(),
                |name| name.to_string_lossy().into_owned(),
            );
            format!("a panic: {message} ({file}:{})", place.line())
        }
        None => format!("a panic: {message}"),
    }
}

/// Ties the process to its parent, steps back behind the user's programs, and limits its memory. What the system does
/// not offer is left out: the end of stdin ends the worker everywhere.
pub(crate) fn protect() {
    #[cfg(target_os = "linux")]
    linux::die_with_parent();
    #[cfg(target_os = "linux")]
    linux::die_first_when_memory_is_short();
    #[cfg(target_os = "linux")]
    linux::limit_memory(number(ENV_MEMORY_LIMIT));
    #[cfg(not(target_os = "linux"))]
    let _unused = ENV_MEMORY_LIMIT;
    #[cfg(unix)]
    {
        if let Err(error) = rustix::process::nice(NICE) {
            tracing::debug!(%error, "the priority stays as it is");
        }
        watch_parent(number(ENV_PARENT));
    }
    #[cfg(not(unix))]
    let _unused = ENV_PARENT;
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Exits when another process has become the parent: the one that started this is gone.
#[cfg(unix)]
fn watch_parent(expected: Option<u64>) {
    let Some(expected) = expected else {
        return;
    };
    let is_there = move || {
        rustix::process::getppid().is_some_and(|parent| {
            u64::from(parent.as_raw_nonzero().get().cast_unsigned()) == expected
        })
    };
    if !is_there() {
        tracing::error!("the parent is gone");
        std::process::exit(1);
    }
    let watch = move || {
        while is_there() {
            std::thread::sleep(std::time::Duration::from_secs(5));
        }
        std::process::exit(1);
    };
    let started = std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(watch);
    if let Err(error) = started {
        tracing::warn!(%error, "the parent is not watched");
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::process::{
        Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
    };

    pub(super) fn die_with_parent() {
        if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
            tracing::debug!(%error, "the kernel does not tell of the parent's death");
        }
    }

    /// The kernel picks a victim by a score; the chat in the app is worth more than a model that can be loaded again.
    pub(super) fn die_first_when_memory_is_short() {
        if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "500") {
            tracing::debug!(%error, "the memory score stays as it is");
        }
    }

    /// Past the limit an allocation fails and the process aborts, before the whole machine begins to swap.
    pub(super) fn limit_memory(bytes: Option<u64>) {
        let Some(bytes) = bytes else {
            return;
        };
        let limit = Rlimit {
            current: Some(bytes),
            maximum: getrlimit(Resource::Data).maximum,
        };
        if let Err(error) = setrlimit(Resource::Data, limit) {
            tracing::debug!(%error, "the memory is not limited");
        }
    }
}

/// Time that this process has computed; `None` where the system does not say.
pub(crate) fn computed() -> Option<Duration> {
    /// On every processor that this is built for.
    const TICKS_PER_SECOND: u64 = 100;
    // The name of the program comes before the numbers, and may hold anything.
    let status = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut numbers = status.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || numbers.next()?.parse::<u64>().ok();
    let (own, kernel) = (ticks()?, ticks()?);
    Some(Duration::from_millis(
        own.saturating_add(kernel).saturating_mul(1000) / TICKS_PER_SECOND,
    ))
}

/// Memory of this process that is in RAM, bytes; 0 where the system does not say.
pub(crate) fn resident_bytes() -> u64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return 0;
    };
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map_or(0, |kib| kib.saturating_mul(1024))
}
