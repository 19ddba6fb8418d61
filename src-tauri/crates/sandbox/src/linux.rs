//! Linux: namespaces, mounts, Landlock, seccomp and limits.
//!
//! Three processes, each the same executable with another first argument, so that nothing needs to fork by hand:
//! the *launcher* makes user, PID, network and IPC namespaces, stays outside and waits; *init* is process 1 inside, builds the root
//! and watches over all that runs; the *program* stage gives up the last rights and becomes the program. Whoever kills the launcher
//! ends init, and the kernel ends with it all that is in its PID namespace, whatever it did to get away.

mod confine;
mod filter;
mod graphics;
mod init;
mod launcher;
mod loader;
mod probe;
mod raw;
mod root;
mod shield;
mod watch;

use nexus_sandbox::Spec;

pub use crate::become_program::unconfined;
pub use launcher::confined;
pub use probe::probe;

/// The first arguments of the inner stages.
const INIT: &str = "--init";
const PROGRAM: &str = "--program";
const TRY: &str = "--try";
/// This executable, whatever root the process has.
const SELF: &str = "/proc/self/exe";

/// Runs an inner stage.
pub fn stage(name: &str, argument: Option<&str>) -> anyhow::Result<u8> {
    let argument = argument.ok_or_else(|| anyhow::anyhow!("{name:?} is not known"))?;
    let spec = || -> anyhow::Result<Spec> { crate::spec(argument) };
    match name {
        INIT => init::run(&spec()?, argument),
        PROGRAM => confine::run(&spec()?),
        TRY => probe::attempt(argument).map(|()| 0),
        _ => anyhow::bail!("{name:?} is not known"),
    }
}
