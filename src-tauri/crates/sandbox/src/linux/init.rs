//! Process 1 of the sandbox: builds what the program sees, starts it, watches it, and ends with all that it started.

use std::{
    fs::{self, File},
    process::Command,
};

use anyhow::Context as _;
use nexus_sandbox::{Spec, view::View};
use nix::{
    sched::{CloneFlags, unshare},
    sys::{
        signal::{Signal, kill},
        signalfd::SignalFd,
    },
    unistd::Pid,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{DumpableBehavior, WaitOptions, WaitStatus, set_dumpable_behavior, setsid, wait},
};

use super::{
    PROGRAM, SELF,
    launcher::{hand_on, signals},
    root,
    watch::Watch,
};

/// Names the pipe that stays open for as long as the launcher lives.
pub const ALIVE: &str = "NEXUS_SANDBOX_ALIVE";
/// How often the processes are counted.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Runs the program; its exit code, or 128 and the signal that ended it.
pub fn run(spec: &Spec, text: &str) -> anyhow::Result<u8> {
    setsid().context("no session can be made")?;
    let pipe = std::env::var(ALIVE).context("the launcher named no pipe")?;
    let alive = File::open(format!("/proc/self/fd/{pipe}"))
        .context("the launcher's pipe cannot be opened")?;
    let signals = signals()?;
    let view = View::of(spec)?;
    unshare(CloneFlags::CLONE_NEWNS).context("no mount namespace can be made")?;
    let shield = root::build(spec, &view)?;
    // The program runs as the same user: this keeps it from our memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("process 1 cannot be closed")?;
    let program = Command::new(SELF)
        .args([PROGRAM, text])
        .env_clear()
        .spawn()
        .context("the program's own process cannot be started")?;
    let program = i32::try_from(program.id()).context("a process has an odd number")?;
    let result = supervise(spec, program, &alive, &signals);
    end_all();
    drop(shield);
    result
}

/// Waits for the program's end, the launcher's death or the breach of a limit.
fn supervise(spec: &Spec, program: i32, alive: &File, signals: &SignalFd) -> anyhow::Result<u8> {
    let watch = Watch::new(&spec.limits)?;
    loop {
        if let Some(code) = reap(program)? {
            return Ok(code);
        }
        let mut sources = [
            PollFd::new(signals, PollFlags::IN),
            PollFd::new(alive, PollFlags::IN),
        ];
        match poll(&mut sources, Some(&LOOK)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting failed"),
        }
        if !sources[1].revents().is_empty() {
            return Ok(KILLED);
        }
        // The program leads a group of its own.
        hand_on(signals, -program)?;
        if let Some(breach) = watch.breach() {
            eprintln!("[sandbox: {breach}; all its processes were ended]");
            return Ok(KILLED);
        }
    }
}

/// As shells say that a program was killed.
const KILLED: u8 = 137;

/// Takes the status of all that ended, as process 1 must; the program's code where it is among them.
fn reap(program: i32) -> anyhow::Result<Option<u8>> {
    let mut code = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((ended, status))) if ended.as_raw_nonzero().get() == program => {
                code = Some(said(status));
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(Errno::CHILD) => return Ok(code),
            Err(error) => return Err(error).context("the program cannot be waited for"),
        }
    }
}

fn said(status: WaitStatus) -> u8 {
    let code = status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal))
        .unwrap_or(255);
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Ends all other processes of this PID namespace in one stroke, in which none can fork away, and waits for their end.
fn end_all() {
    // Fails only where there are none.
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    while matches!(wait(WaitOptions::empty()), Ok(_) | Err(Errno::INTR)) {}
}

/// Whether `/proc/sys/kernel/pid_max` is this PID namespace's own: since Linux 6.14. Before, writing it would change the host's.
pub fn limits_own_processes() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(14))
}
