//! Protects what is protected in the user's folder, whether it is there or not.
//!
//! Owns: the mounts over protected paths and the placeholders under them. A mount point can be neither removed nor renamed nor
//! replaced, so a read-only mount keeps a path as it is. What is absent gets an empty folder for the time, which git ignores, and
//! which goes with the last program that runs in the folder. Refuses to own: the list.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use nexus_sandbox::protected;
use rustix::{
    fs::{AtFlags, CWD, FlockOperation, StatxFlags, flock, statx},
    io::Errno,
    mount::{UnmountFlags, mount_bind_recursive, unmount},
};

use super::{raw::restrict_mounts, root::READ};

/// The only protected file that git would not take an empty folder for: this content says what its absence says.
const COMMON: (&str, &[u8]) = ("commondir", b".\n");
/// A placeholder's mode: whoever walks the folder may look into it. With its emptiness and its name it tells a placeholder apart,
/// so that one that was left behind, where all was killed at once, is found by the next program's end.
const PLACEHOLDER: u32 = 0o555;
/// How long to wait for another program's clean-up.
const PATIENCE: u32 = 200;

/// What is mounted; dropped, it is taken away, with the placeholders.
pub struct Shield {
    /// In order.
    mounts: Vec<PathBuf>,
    /// Below which nothing needs protection any more.
    covered: BTreeSet<PathBuf>,
    /// May be placeholders.
    places: BTreeSet<PathBuf>,
    /// Held for as long as placeholders may be needed: removing one that another program's mount is on would remove that mount.
    /// One a folder: two would lock each other out.
    locks: BTreeMap<PathBuf, File>,
}

impl Shield {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            mounts: Vec::new(),
            covered: BTreeSet::new(),
            places: BTreeSet::new(),
            locks: BTreeMap::new(),
        }
    }

    /// Protects all that is protected in a folder.
    pub fn raise(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.lock(folder)?;
        for relative in protected() {
            self.protect(folder, relative).with_context(|| {
                format!("{} cannot be protected", folder.join(relative).display())
            })?;
        }
        for relative in protected() {
            same_in_capitals(folder, relative)?;
        }
        Ok(())
    }

    /// Takes the place of a path that is not there, and must not be made. Its parent is.
    pub fn occupy(&mut self, path: &Path) -> anyhow::Result<()> {
        let parent = path.parent().unwrap_or(path);
        self.lock(parent)?;
        let taken = || -> anyhow::Result<()> {
            occupy(path)?;
            Ok(())
        };
        taken().with_context(|| format!("{} cannot be hidden", path.display()))?;
        self.places.insert(path.to_path_buf());
        self.cover(path)
    }

    fn lock(&mut self, folder: &Path) -> anyhow::Result<()> {
        if self.locks.contains_key(folder) {
            return Ok(());
        }
        let file =
            File::open(folder).with_context(|| format!("{} cannot be opened", folder.display()))?;
        for _ in 0..PATIENCE {
            match flock(&file, FlockOperation::NonBlockingLockShared) {
                Ok(()) => {
                    self.locks.insert(folder.to_path_buf(), file);
                    return Ok(());
                }
                Err(Errno::WOULDBLOCK) => thread::sleep(Duration::from_millis(10)),
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("{} cannot be locked", folder.display()));
                }
            }
        }
        anyhow::bail!("{} is locked by another program", folder.display())
    }

    /// Walks down to the path: parents are pinned in their places, and the first that is absent is where a placeholder goes.
    fn protect(&mut self, folder: &Path, relative: &Path) -> anyhow::Result<()> {
        let mut here = folder.to_path_buf();
        let mut names = relative.iter().peekable();
        while let Some(name) = names.next() {
            here.push(name);
            self.places.insert(here.clone());
            if self.covered.contains(&here) {
                return Ok(());
            }
            if occupy(&here)? {
                return self.cover(&here);
            }
            let found = here.symlink_metadata()?;
            anyhow::ensure!(
                !found.is_symlink(),
                "it is a symbolic link, which programs could replace"
            );
            if names.peek().is_none() || !found.is_dir() {
                return self.cover(&here);
            }
            if !self.mounts.contains(&here) {
                mount_bind_recursive(&here, &here)?;
                self.mounts.push(here.clone());
            }
        }
        Ok(())
    }

    fn cover(&mut self, path: &Path) -> anyhow::Result<()> {
        mount_bind_recursive(path, path)?;
        self.mounts.push(path.to_path_buf());
        restrict_mounts(path, READ)?;
        self.covered.insert(path.to_path_buf());
        Ok(())
    }
}

impl Drop for Shield {
    /// Nothing runs in the sandbox any more. What fails here leaves an empty folder behind and no way in.
    fn drop(&mut self) {
        for path in self.mounts.iter().rev() {
            let _ = unmount(path, UnmountFlags::DETACH);
        }
        // Only the last that holds the lock gets it for itself; the others leave the clean-up to it.
        let last = self
            .locks
            .values()
            .all(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok());
        if last {
            for path in self.places.iter().rev().filter(|path| is_placeholder(path)) {
                let _ = if path.is_dir() {
                    fs::remove_dir(path)
                } else {
                    fs::remove_file(path)
                };
            }
        }
    }
}

/// Makes a placeholder; false where something is there.
fn occupy(path: &Path) -> io::Result<bool> {
    let made = if path.ends_with(Path::new(".git").join(COMMON.0)) {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(path)
            .and_then(|mut file| io::Write::write_all(&mut file, COMMON.1))
    } else {
        DirBuilder::new().mode(PLACEHOLDER).create(path)
    };
    match made {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        // On a file system that is read-only nobody makes anything.
        Err(error) => return Err(error),
    }
    if path.is_dir() {
        // Whatever the user's mask is.
        fs::set_permissions(path, fs::Permissions::from_mode(PLACEHOLDER))?;
    }
    Ok(true)
}

fn is_placeholder(path: &Path) -> bool {
    let Ok(found) = path.symlink_metadata() else {
        return false;
    };
    if found.is_dir() {
        found.mode() & 0o7777 == PLACEHOLDER
            && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
    } else {
        found.is_file()
            && path.ends_with(COMMON.0)
            && fs::read(path).is_ok_and(|content| content == COMMON.1)
    }
}

/// Where a file system ignores case in its own way, unknown to the kernel, another spelling leads past the mount.
fn same_in_capitals(folder: &Path, relative: &Path) -> anyhow::Result<()> {
    let capitals = folder.join(relative.to_string_lossy().to_uppercase());
    let path = folder.join(relative);
    let (Ok(one), Ok(other)) = (path.symlink_metadata(), capitals.symlink_metadata()) else {
        return Ok(());
    };
    if (one.dev(), one.ino()) != (other.dev(), other.ino()) {
        return Ok(());
    }
    let mount = |path: &Path| {
        statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID)
            .map(|found| found.stx_mnt_id)
    };
    anyhow::ensure!(
        mount(&path).context("a mount cannot be told")?
            == mount(&capitals).context("a mount cannot be told")?,
        "{} has another name, {}, that cannot be protected: this file system ignores case",
        path.display(),
        capitals.display()
    );
    Ok(())
}
