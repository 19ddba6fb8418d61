//! The last step on Unix: limits, then the program in the launcher's place.

use std::{convert::Infallible, os::unix::process::CommandExt as _, process::Command};

use anyhow::Context as _;
use nexus_sandbox::Spec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sets the limits, which all children inherit and nobody may raise again.
pub fn limit(spec: &Spec) -> anyhow::Result<()> {
    let limits = &spec.limits;
    for (name, resource, most) in [
        // Not the address space: node and others reserve many times what they use.
        ("memory", Resource::Data, limits.memory),
        ("processes", Resource::Nproc, limits.processes),
        ("open files", Resource::Nofile, limits.open_files),
        ("file size", Resource::Fsize, limits.file_size),
        // A core dump would leave memory in a file, or hand it to a program outside.
        ("core dumps", Resource::Core, 0),
    ] {
        // A limit that is already lower stays, and nobody but root could raise it.
        let most = getrlimit(resource)
            .maximum
            .map_or(most, |now| now.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        match setrlimit(resource, limit) {
            // macOS has no limit on memory that it would enforce.
            Err(_) if cfg!(target_os = "macos") && resource == Resource::Data => {}
            result => result.with_context(|| format!("the limit on {name} cannot be set"))?,
        }
    }
    Ok(())
}

/// Becomes the program; returns only where it cannot.
pub fn become_program(spec: &Spec, argv: &[String]) -> anyhow::Result<Infallible> {
    let (program, arguments) = argv.split_first().context("no program is named")?;
    let error = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(&spec.env)
        .current_dir(&spec.cwd)
        .exec();
    Err(error).with_context(|| format!("{program:?} cannot be started in {}", spec.cwd.display()))
}

/// A program with limits and nothing else.
pub fn unconfined(spec: &Spec) -> anyhow::Result<u8> {
    limit(spec)?;
    match become_program(spec, &spec.argv)? {}
}
