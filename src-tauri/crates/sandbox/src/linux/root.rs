//! The file system that the program sees: a root of its own in which nothing is but what it may use.
//!
//! Owns: its mounts. What is not named is not there, so that even calls which Landlock does not know (`stat`, `chmod`, `connect`)
//! find nothing. Refuses to own: which trees these are (`View`), and what is protected in the folder (`shield.rs`).

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use nexus_sandbox::{
    Kind, Spec,
    view::{Access, View},
};
use rustix::{
    mount::{
        MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
        mount_remount, unmount,
    },
    process::pivot_root,
};

use super::{graphics, init::limits_own_processes, raw::restrict_mounts, shield::Shield};

/// Where the machine's own root is while ours is built.
const OLD: &str = "/old";
/// Covers files that are hidden.
const BLANK: &str = "/blank";
/// Attributes of trees that may be read: nothing below changes, gains rights or is a device.
pub const READ: u64 = libc::MOUNT_ATTR_RDONLY | WRITE;
/// Attributes of trees that may be written.
const WRITE: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
/// The kernel keeps the first 300 numbers for itself when it counts anew.
const RESERVED_NUMBERS: u64 = 300;

/// Builds the root and moves this process into it.
pub fn build(spec: &Spec, view: &View) -> anyhow::Result<Shield> {
    let place = |path: &Path| {
        path.canonicalize()
            .with_context(|| format!("{} cannot be opened", path.display()))
    };
    let folder = spec.folder.as_deref().map(place).transpose()?;
    let temp = place(&spec.temp)?;
    enter()?;
    devices(spec.kind).context("/dev cannot be built")?;
    processes(spec).context("/proc cannot be built")?;
    let mut shield = Shield::new(view.paths(Access::Write));
    // Programs that know no TMPDIR get the private folder, too.
    if view.access(Path::new("/tmp")).is_none() {
        fs::create_dir("/tmp").context("/tmp cannot be made")?;
        bind(&temp, Path::new("/tmp"), WRITE)?;
    }
    let mut covers = Vec::new();
    for (path, access) in &view.trees {
        match access {
            Access::Read => bind(path, path, READ)?,
            Access::Write => bind(path, path, WRITE)?,
            Access::Hide if path.symlink_metadata().is_ok() => {
                if path.is_dir() {
                    cover_folder(path)?;
                    covers.push(path);
                } else {
                    cover_file(path)?;
                }
            }
            // It is not there; where it could be made, its place is taken.
            Access::Hide => {
                let writable =
                    path.parent().and_then(|parent| view.access(parent)) == Some(Access::Write);
                if writable {
                    shield.occupy(path)?;
                }
            }
        }
    }
    for path in &view.named {
        links(path).with_context(|| format!("{} cannot be named", path.display()))?;
    }
    if let Some(folder) = &folder {
        shield.raise(folder)?;
    }
    // Only now, because a folder that may be used can lie in one that is hidden.
    for path in covers {
        seal(path)?;
    }
    leave(spec)?;
    Ok(shield)
}

/// An empty root instead of the machine's, which moves to [`OLD`].
fn enter() -> anyhow::Result<()> {
    // Nothing that we mount may show outside.
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .context("mounts cannot be made private")?;
    // Any folder would do, and this one is always there.
    let base = Path::new("/proc");
    tmpfs(base, c"mode=755,size=16m").context("no root can be mounted")?;
    fs::create_dir(base.join("old")).context("the root cannot be filled")?;
    pivot_root(base, base.join("old")).context("the root cannot be changed")?;
    std::env::set_current_dir("/").context("the root cannot be entered")
}

/// Drops the machine's root for good and closes ours.
fn leave(spec: &Spec) -> anyhow::Result<()> {
    unmount(OLD, UnmountFlags::DETACH).context("the machine's root cannot be dropped")?;
    fs::remove_dir(OLD).context("the root cannot be closed")?;
    if Path::new(BLANK).exists() {
        fs::remove_file(BLANK).context("the root cannot be closed")?;
    }
    seal(Path::new("/"))?;
    anyhow::ensure!(
        spec.cwd.is_dir(),
        "{} is not a folder that the program sees",
        spec.cwd.display()
    );
    Ok(())
}

fn devices(kind: Kind) -> anyhow::Result<()> {
    fs::create_dir("/dev")?;
    let plain = ["null", "zero", "full", "random", "urandom", "tty"].map(PathBuf::from);
    let graphics = match kind {
        Kind::Worker { gpu: true } => graphics::devices(&old(Path::new("/dev"))),
        Kind::Worker { gpu: false } | Kind::Tool => Vec::new(),
    };
    for name in plain.into_iter().chain(graphics) {
        let path = Path::new("/dev").join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        File::create(&path)?;
        mount_bind_recursive(old(&path), &path)?;
        // Devices can be written all the same; their modes cannot.
        restrict_mounts(&path, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, Path::new("/dev").join(name))?;
    }
    fs::create_dir("/dev/shm")?;
    tmpfs(Path::new("/dev/shm"), c"mode=1777,size=64m")?;
    fs::create_dir("/dev/pts")?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount(
        "devpts",
        "/dev/pts",
        "devpts",
        flags,
        c"newinstance,ptmxmode=0666,mode=0620",
    )?;
    Ok(())
}

/// Shows the program its own processes and no others, not even ours: these it may not trace.
fn processes(spec: &Spec) -> anyhow::Result<()> {
    fs::create_dir("/proc")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, c"hidepid=ptraceable")?;
    // The only limit on processes that binds the superuser.
    if limits_own_processes() {
        let most = RESERVED_NUMBERS.saturating_add(spec.limits.processes);
        fs::write("/proc/sys/kernel/pid_max", most.to_string())
            .context("processes cannot be limited")?;
    }
    restrict_mounts(Path::new("/proc"), libc::MOUNT_ATTR_RDONLY)?;
    Ok(())
}

/// Shows a tree of the machine.
fn bind(from: &Path, to: &Path, attributes: u64) -> anyhow::Result<()> {
    let source = old(from);
    let bound = || -> anyhow::Result<()> {
        place(to, source.is_dir())?;
        mount_bind_recursive(&source, to)?;
        restrict_mounts(to, attributes)?;
        Ok(())
    };
    bound().with_context(|| format!("{} cannot be shown", from.display()))
}

/// Makes what a mount goes on, where it is not there.
fn place(path: &Path, is_folder: bool) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    if is_folder {
        fs::create_dir_all(path)?;
    } else {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        File::create(path)?;
    }
    Ok(())
}

fn cover_folder(path: &Path) -> anyhow::Result<()> {
    tmpfs(path, c"mode=555,size=64k")
        .with_context(|| format!("{} cannot be hidden", path.display()))
}

fn cover_file(path: &Path) -> anyhow::Result<()> {
    let cover = || -> anyhow::Result<()> {
        if !Path::new(BLANK).exists() {
            File::create(BLANK)?;
            fs::set_permissions(BLANK, fs::Permissions::from_mode(0o0))?;
        }
        mount_bind_recursive(BLANK, path)?;
        restrict_mounts(path, READ)?;
        Ok(())
    };
    cover().with_context(|| format!("{} cannot be hidden", path.display()))
}

/// Makes one mount read-only and leaves those below as they are.
fn seal(path: &Path) -> anyhow::Result<()> {
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount(path, flags, c"").with_context(|| format!("{} cannot be closed", path.display()))
}

fn tmpfs(path: &Path, options: &std::ffi::CStr) -> anyhow::Result<()> {
    mount(
        "tmpfs",
        path,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        options,
    )?;
    Ok(())
}

/// Makes the symbolic links anew by which a path leads to where it truly is, `/bin` to `usr/bin` for one.
fn links(path: &Path) -> anyhow::Result<()> {
    // What the kernel allows.
    let mut left = 40;
    let mut here = PathBuf::from("/");
    let mut names: VecDeque<OsString> = parts(path);
    while let Some(name) = names.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        let Ok(target) = fs::read_link(old(&next)) else {
            here = next;
            continue;
        };
        left -= 1;
        anyhow::ensure!(left > 0, "too many symbolic links");
        if next.symlink_metadata().is_err() {
            fs::create_dir_all(&here)?;
            symlink(&target, &next)?;
        }
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        for part in parts(&target).into_iter().rev() {
            names.push_front(part);
        }
    }
    Ok(())
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// A path of the machine, while its root is still there.
fn old(path: &Path) -> PathBuf {
    Path::new(OLD).join(path.strip_prefix("/").unwrap_or(path))
}
