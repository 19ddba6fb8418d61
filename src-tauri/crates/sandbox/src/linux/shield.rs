//! Protects what is protected in the user's folder, whether it is there or not.
//!
//! Owns: the mounts over protected paths and the placeholders under them. A mount point can be neither removed nor renamed nor
//! replaced, so a read-only mount keeps a path as it is. What is absent gets a placeholder for the time: a socket that nobody
//! listens on, because git and those who walk a folder pass over it, and because it costs no disk block. It goes with the last
//! program that runs in the folder. Refuses to own: the list.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use nexus_sandbox::protected;
use rustix::{
    fs::{AtFlags, CWD, FileType, FlockOperation, Mode, StatxFlags, flock, mknodat, statx},
    io::Errno,
    mount::{UnmountFlags, mount_bind_recursive, unmount},
};

use super::{raw::restrict_mounts, root::READ};

/// The only protected file that git would not take a socket for: this content says what its absence says.
const COMMON: (&str, &[u8]) = ("commondir", b".\n");
/// A placeholder's mode. With its kind and its name it tells a placeholder apart, so that one that was left behind, where all was
/// killed at once, is found at the next program's end.
const PLACEHOLDER: Mode = Mode::empty();
/// How far down other repositories are looked for.
const DEEPEST: usize = 4;
/// Folders that tools fill and throw away, and that would make a long search.
const PASSED: [&str; 4] = ["node_modules", "target", "_deps", ".venv"];
/// How long to wait for another program's clean-up.
const PATIENCE: u32 = 200;

/// What is mounted; dropped, it is taken away, with the placeholders.
pub struct Shield {
    /// That may be written; all mounts of ours are in them.
    trees: Vec<PathBuf>,
    /// Parents of what is protected, which stay where they are.
    pinned: BTreeSet<PathBuf>,
    /// Below which nothing needs protection any more.
    covered: BTreeSet<PathBuf>,
    /// May be placeholders.
    places: BTreeSet<PathBuf>,
    /// Held for as long as placeholders may be needed: removing one that another program's mount is on would remove that mount.
    /// One a folder: two would lock each other out.
    locks: BTreeMap<PathBuf, File>,
}

impl Shield {
    /// Nothing yet, in trees that may be written.
    pub fn new(trees: Vec<PathBuf>) -> Self {
        Self {
            trees,
            pinned: BTreeSet::new(),
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
        for repository in repositories(folder) {
            self.raise_repository(&repository)
                .with_context(|| format!("{} cannot be protected", repository.display()))?;
        }
        Ok(())
    }

    /// Protects what git runs of a repository below the folder: its owner works in it, too. One that a program makes or deletes
    /// with all else of it is its own affair.
    fn raise_repository(&mut self, folder: &Path) -> anyhow::Result<()> {
        let git = Path::new(".git");
        if folder.join(git).is_file() {
            // It says where the repository is.
            return self.protect(folder, git);
        }
        self.lock(folder)?;
        protected()
            .filter(|relative| relative.starts_with(git))
            .try_for_each(|relative| self.protect(folder, relative))
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
            if self.pinned.insert(here.clone()) {
                mount_bind_recursive(&here, &here)?;
            }
        }
        Ok(())
    }

    fn cover(&mut self, path: &Path) -> anyhow::Result<()> {
        mount_bind_recursive(path, path)?;
        restrict_mounts(path, READ)?;
        self.covered.insert(path.to_path_buf());
        Ok(())
    }
}

impl Drop for Shield {
    /// Nothing runs in the sandbox any more. What fails here leaves a placeholder behind and no way in.
    fn drop(&mut self) {
        // With all mounts below, in one step: each step waits for all processors.
        for tree in &self.trees {
            let _ = unmount(tree, UnmountFlags::DETACH);
        }
        for (folder, lock) in &self.locks {
            // Only the last that holds the lock gets it for itself; the others leave the clean-up to it.
            if flock(lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            // The folder has no path any more.
            let base = PathBuf::from(format!("/proc/self/fd/{}", lock.as_raw_fd()));
            for place in self
                .places
                .iter()
                .rev()
                .filter_map(|place| place.strip_prefix(folder).ok())
            {
                let place = base.join(place);
                if is_placeholder(&place) {
                    let _ = fs::remove_file(place);
                }
            }
        }
    }
}

/// Makes a placeholder; false where something is there. Where nobody can make anything, a program cannot either, but it may
/// know how to change that: then this is an error.
fn occupy(path: &Path) -> io::Result<bool> {
    let made = if path.ends_with(Path::new(".git").join(COMMON.0)) {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(path)
            .and_then(|mut file| file.write_all(COMMON.1))
    } else {
        mknodat(CWD, path, FileType::Socket, PLACEHOLDER, 0).map_err(io::Error::from)
    };
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_placeholder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| {
        if found.file_type().is_socket() {
            Mode::from_raw_mode(found.mode() & 0o7777) == PLACEHOLDER
        } else {
            found.is_file()
                && path.ends_with(COMMON.0)
                && fs::read(path).is_ok_and(|content| content == COMMON.1)
        }
    })
}

/// Repositories below a folder that are there already. Not looked for in folders that tools fill and throw away.
fn repositories(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_path_buf(), 0)];
    while let Some((here, depth)) = open.pop() {
        for entry in fs::read_dir(here).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let passed = name == ".git" || PASSED.iter().any(|it| name == *it);
            if passed || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let path = entry.path();
            let git = path.join(".git").symlink_metadata();
            if git.is_ok_and(|it| it.is_dir() || it.is_file()) {
                found.push(path.clone());
            }
            if depth < DEEPEST {
                open.push((path, depth + 1));
            }
        }
    }
    found
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
