//! The program's own process: gives up capabilities, descriptors, files and system calls, then becomes the program.

use std::{fs::File, os::fd::BorrowedFd, path::Path};

use anyhow::Context as _;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use nexus_sandbox::{
    Kind, Spec,
    view::{Access, View},
};
use nix::sys::signal::SigSet;
use rustix::{
    fs::{FileType, fstat},
    io::Errno,
    process::setsid,
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    },
};

use super::{filter, graphics, loader, raw};
use crate::become_program::{become_program, limit};

/// Gives up all rights and becomes the program.
pub fn run(spec: &Spec) -> anyhow::Result<u8> {
    SigSet::empty()
        .thread_set_mask()
        .context("signals cannot be freed")?;
    // Without the user's terminal, to which it could otherwise type.
    setsid().context("no session can be made")?;
    limit(spec)?;
    streams()?;
    drop_capabilities().context("capabilities cannot be dropped")?;
    raw::close_the_rest().context("descriptors cannot be closed")?;
    set_no_new_privs(true).context("new privileges cannot be refused")?;
    landlock(Some(spec))?;
    filter::apply(spec.network)?;
    match become_program(spec, &spec.argv)? {}
}

/// The standard streams come from outside, and a descriptor lets a file's mode and owner be changed whatever root the process has.
/// Those of the null device are opened anew inside; a file to read is refused, because a pipe does as well.
fn streams() -> anyhow::Result<()> {
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .context("the null device cannot be opened")?;
    let is_null = |stream: BorrowedFd<'_>| -> rustix::io::Result<bool> {
        let (one, other) = (fstat(stream)?, fstat(&null)?);
        Ok(
            FileType::from_raw_mode(one.st_mode) == FileType::CharacterDevice
                && one.st_rdev == other.st_rdev,
        )
    };
    let kind = FileType::from_raw_mode(
        fstat(rustix::stdio::stdin())
            .context("standard input cannot be read")?
            .st_mode,
    );
    anyhow::ensure!(
        !matches!(kind, FileType::RegularFile | FileType::Directory),
        "standard input is a file: give it by a pipe"
    );
    if is_null(rustix::stdio::stdin())? {
        rustix::stdio::dup2_stdin(&null)?;
    }
    if is_null(rustix::stdio::stdout())? {
        rustix::stdio::dup2_stdout(&null)?;
    }
    if is_null(rustix::stdio::stderr())? {
        rustix::stdio::dup2_stderr(&null)?;
    }
    Ok(())
}

fn drop_capabilities() -> rustix::io::Result<()> {
    clear_ambient_capability_set()?;
    for bit in 0..64 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            // This kernel knows no more.
            Err(Errno::INVAL) => break,
            result => result?,
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}

/// The kernel's versions that are told apart, the best first. Each adds what the later ones here lack: sockets that are files;
/// signals and abstract sockets; the network. The last has all that is required.
const LEVELS: [ABI; 4] = [ABI::V9, ABI::V6, ABI::V4, ABI::V3];

/// Denies all files but those in view, and where the kernel can, the network and signals to others. Which of [`LEVELS`] it was.
pub fn landlock(spec: Option<&Spec>) -> anyhow::Result<ABI> {
    let network = spec.is_some_and(|spec| spec.network);
    let known = LEVELS
        .into_iter()
        .find_map(|level| Some((level, ruleset(level, network).ok()?)));
    let (level, mut rules) =
        known.context("this kernel has no Landlock, or not that of Linux 6.2 or later")?;
    if let Some(spec) = spec {
        for (path, access) in files(spec, level)? {
            let place = PathFd::new(&path).with_context(|| format!("{path} cannot be opened"))?;
            rules = rules.add_rule(PathBeneath::new(place, access))?;
        }
    }
    let status = rules
        .restrict_self()
        .context("Landlock cannot be applied")?;
    anyhow::ensure!(
        status.ruleset == RulesetStatus::FullyEnforced,
        "Landlock was applied in part only"
    );
    Ok(level)
}

/// A ruleset that this kernel knows whole.
fn ruleset(level: ABI, network: bool) -> anyhow::Result<landlock::RulesetCreated> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(level))?;
    if !network && level >= ABI::V4 {
        rules = rules.handle_access(AccessNet::from_all(level))?;
    }
    if level >= ABI::V6 {
        rules = rules.scope(Scope::from_all(level))?;
    }
    Ok(rules.create()?)
}

/// What may be done where. A worker may read what it sees, but start nothing but itself.
fn files(spec: &Spec, level: ABI) -> anyhow::Result<Vec<(String, BitFlags<AccessFs>)>> {
    let (mut read, mut write) = (AccessFs::from_read(level), AccessFs::from_all(level));
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let mut own = Vec::new();
    if let Kind::Worker { gpu } = spec.kind {
        let start = BitFlags::from(AccessFs::Execute);
        (read, write) = (read & !start, write & !start);
        let program = spec.argv.first().context("no program is named")?;
        let needs =
            loader::of(Path::new(program)).with_context(|| format!("{program} cannot be read"))?;
        let loader = needs.map(|path| path.to_string_lossy().into_owned());
        own.extend(
            loader
                .into_iter()
                .chain([program.clone()])
                .map(|path| (path, start | AccessFs::ReadFile)),
        );
        if gpu {
            let mut all = BitFlags::from(device);
            if level >= ABI::V5 {
                all |= AccessFs::IoctlDev;
            }
            let dev = Path::new("/dev");
            own.extend(
                graphics::devices(dev)
                    .iter()
                    .map(|name| (dev.join(name).display().to_string(), all)),
            );
        }
    }
    let mut rules = vec![
        ("/proc".to_owned(), AccessFs::ReadFile | AccessFs::ReadDir),
        (
            "/dev/shm".to_owned(),
            write & !BitFlags::from(AccessFs::Execute),
        ),
        ("/dev/pts".to_owned(), device | AccessFs::ReadDir),
    ];
    if level >= ABI::V5 {
        rules.push(("/dev/pts".to_owned(), AccessFs::IoctlDev.into()));
    }
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        rules.push((format!("/dev/{name}"), device));
    }
    let trees = View::of(spec)?.trees;
    if !trees.contains_key(Path::new("/tmp")) {
        rules.push(("/tmp".to_owned(), write));
    }
    for (path, access) in trees {
        let rights = match access {
            Access::Read => read,
            Access::Write => write,
            Access::Hide => continue,
        };
        let rights = if path.is_dir() {
            rights
        } else {
            rights & AccessFs::from_file(level)
        };
        let path = path.to_str().context("a path is not Unicode")?;
        rules.push((path.to_owned(), rights));
    }
    rules.extend(own);
    Ok(rules)
}
