//! The outermost process: makes the namespaces, starts init in them, hands signals on, and waits.

use std::{
    fs,
    io::{PipeWriter, pipe},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::process::ExitStatusExt as _,
    },
    process::{Child, Command, ExitStatus},
};

use anyhow::Context as _;
use nexus_sandbox::Spec;
use nix::{
    sched::{CloneFlags, unshare},
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::Pid,
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, FdFlags, fcntl_setfd},
    process::{PidfdFlags, getgid, getppid, getuid, pidfd_open},
    thread::{capabilities, configure_capability_in_ambient_set, set_capabilities},
};

use super::{INIT, SELF, init};

/// Runs the program confined; its exit code, or 128 and the signal that ended it.
pub fn confined(spec: &Spec, text: &str) -> anyhow::Result<u8> {
    // Whoever started us is watched: where it dies, nobody waits for the program any more. A death signal would not do, as that is
    // sent when the *thread* ends that started us.
    let parent = getppid().and_then(|parent| pidfd_open(parent, PidfdFlags::empty()).ok());
    let signals = signals()?;
    namespaces(spec.network)?;
    keep_capabilities().context("the namespaces' rights cannot be kept")?;
    // Should memory run out, the program goes first. This is no layer of the sandbox: where it cannot be written, nothing is lost.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    let (reader, alive) = pipe().context("no pipe can be made")?;
    fcntl_setfd(&reader, FdFlags::empty()).context("a pipe cannot be handed on")?;
    let init = Command::new(SELF)
        .args([INIT, text])
        .env(init::ALIVE, reader.as_raw_fd().to_string())
        .spawn()
        .context("process 1 of the sandbox cannot be started")?;
    drop(reader);
    wait(init, &signals, parent, alive)
}

/// The signals that end or poke a program, and that of a child that ended, as something to poll. They are no longer delivered.
pub fn signals() -> anyhow::Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGCHLD,
    ] {
        set.add(signal);
    }
    set.thread_block().context("signals cannot be blocked")?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .context("signals cannot be read")
}

/// Hands what came on to a process, or to a group where the number is negative.
pub fn hand_on(signals: &SignalFd, to: i32) -> anyhow::Result<()> {
    while let Some(came) = signals.read_signal().context("signals cannot be read")? {
        let signal = i32::try_from(came.ssi_signo)
            .ok()
            .and_then(|number| Signal::try_from(number).ok());
        match signal {
            None | Some(Signal::SIGCHLD) => {}
            // It may have ended meanwhile.
            Some(signal) => drop(kill(Pid::from_raw(to), signal)),
        }
    }
    Ok(())
}

/// Moves this process into user, IPC and, without network, network namespaces of its own, and its next child into a PID namespace.
/// The user keeps his number, so that the files he owns are his inside, too.
pub fn namespaces(network: bool) -> anyhow::Result<()> {
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let mut flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC;
    if !network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    unshare(flags).context("no namespaces can be made")?;
    // Without this the kernel takes no group map from a process without rights.
    fs::write("/proc/self/setgroups", "deny").context("groups cannot be fixed")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))
        .context("the user cannot be mapped")?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
        .context("the group cannot be mapped")
}

/// Who makes a user namespace has all rights in it, and loses them at the next start of a program unless he is the superuser or
/// keeps them so. They are rights over our namespaces, not over the machine.
pub fn keep_capabilities() -> rustix::io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.inheritable = sets.permitted;
    set_capabilities(None, sets)?;
    for capability in sets.permitted.iter() {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

fn wait(
    mut init: Child,
    signals: &SignalFd,
    parent: Option<OwnedFd>,
    alive: PipeWriter,
) -> anyhow::Result<u8> {
    let number = i32::try_from(init.id()).context("a process has an odd number")?;
    loop {
        if let Some(status) = init.try_wait().context("process 1 cannot be waited for")? {
            return Ok(code(status));
        }
        let mut sources = vec![PollFd::new(signals, PollFlags::IN)];
        sources.extend(
            parent
                .as_ref()
                .map(|parent| PollFd::new(parent, PollFlags::IN)),
        );
        match poll(&mut sources, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting failed"),
        }
        if sources
            .get(1)
            .is_some_and(|source| !source.revents().is_empty())
        {
            // Init notices, ends all and cleans up.
            drop(alive);
            let status = init.wait().context("process 1 cannot be waited for")?;
            return Ok(code(status));
        }
        hand_on(signals, number)?;
    }
}

/// A status as shells say it.
fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(u8::MAX)
}
