//! Puts paths back: the only code that changes files of the user. It changes none but those of its steps, and each only while
//! it holds what the step found; it follows no link. Refuses to decide what is put back.
//!
//! A file comes whole: written beside its place, synced, renamed. What cannot be replaced in one step, a folder by a file, is
//! removed first; should the app die then, the same steps lead to the same end.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    ffi::OsStr,
    io::{self, ErrorKind, Write},
    path::Path,
};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, OpenOptions};

use crate::{
    CheckpointError,
    blobs::Blobs,
    keeper::{Holdings, Keeper, Limits, Need},
    key::Key,
    look::look_at,
    place::{Places, Way},
    plan::is_half_way,
    record::Step,
    state::{Body, State, time},
};

/// What happens where a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing more is done.
    Stops,
    /// The others are taken: what was begun must come to an end.
    Skips,
}

/// Takes steps.
pub(crate) struct Restorer<'a> {
    pub(crate) places: &'a Places,
    pub(crate) blobs: &'a Blobs,
    pub(crate) limits: Limits,
    /// Begins the names of files that are written beside their place; no other session's does.
    pub(crate) aside: String,
    pub(crate) failure: Failure,
}

struct Run<'a, 'r> {
    restorer: &'r Restorer<'a>,
    steps: &'r [Step],
    skipped: BTreeSet<usize>,
    /// Folders in which names changed.
    touched: BTreeSet<Key>,
}

impl Restorer<'_> {
    /// Takes the steps, in an order in which folders are there when files come and empty when they go. Returns those that were
    /// skipped: somebody changed the path in this moment, or a folder that was to go holds other files.
    pub(crate) fn run(&self, steps: &[Step]) -> Result<Vec<usize>, CheckpointError> {
        let mut run = Run {
            restorer: self,
            steps,
            skipped: BTreeSet::new(),
            touched: BTreeSet::new(),
        };
        let mut order: Vec<usize> = (0..steps.len())
            .filter(|index| !steps[*index].from.same(&steps[*index].to))
            .collect();
        order.sort_by_key(|index| steps[*index].path.depth());
        for index in &order {
            run.attempt(*index, Run::clear_aside)?;
            run.attempt(*index, Run::open_folder)?;
        }
        let mut deepest_first = order.clone();
        deepest_first.sort_by_key(|index| Reverse(steps[*index].path.depth()));
        for index in &deepest_first {
            run.attempt(*index, Run::remove)?;
        }
        for index in &order {
            run.attempt(*index, Run::make_folder)?;
        }
        for index in &order {
            run.attempt(*index, Run::put)?;
        }
        for index in &deepest_first {
            run.close_folder(&steps[*index], run.skipped.contains(index))?;
        }
        run.sync();
        Ok(run.skipped.into_iter().collect())
    }
}

impl Run<'_, '_> {
    fn attempt(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Self, usize, &Step) -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        if self.skipped.contains(&index) {
            return Ok(());
        }
        let steps = self.steps;
        match act(self, index, &steps[index]) {
            Err(_) if self.restorer.failure == Failure::Skips => {
                self.skipped.insert(index);
                Ok(())
            }
            result => result,
        }
    }

    /// Whether the path holds what the step may replace. What somebody put there in this moment stays, and the step is skipped.
    fn may(&mut self, index: usize, step: &Step) -> Result<bool, CheckpointError> {
        let now = self.now(&step.path)?;
        if now.same(&step.to) {
            return Ok(false);
        }
        if now.same(&step.from) || is_half_way(step, &now) {
            return Ok(true);
        }
        self.skipped.insert(index);
        Ok(false)
    }

    fn now(&self, path: &Key) -> Result<State, CheckpointError> {
        let holdings = Holdings::default();
        let restorer = self.restorer;
        let mut keeper = Keeper::new(restorer.blobs, &holdings, restorer.limits, Need::Name);
        Ok(look_at(restorer.places, path, None, &mut keeper)?
            .seen
            .state)
    }

    fn aside(&self, index: usize) -> String {
        format!("{}-{index}", self.restorer.aside)
    }

    /// What an earlier try, which died, left beside the place.
    fn clear_aside(&mut self, index: usize, step: &Step) -> Result<(), CheckpointError> {
        if self.restorer.failure == Failure::Skips
            && let (Way::Open(folder), _) = self.restorer.places.parent(&step.path)?
        {
            // Most often nothing is there.
            let _ = folder.remove_file_or_symlink(self.aside(index));
        }
        Ok(())
    }

    /// A folder in which names will change must let this user write.
    fn open_folder(&mut self, _: usize, step: &Step) -> Result<(), CheckpointError> {
        match step.from.mode {
            Some(mode) if step.from.is_folder() && mode & 0o700 != 0o700 => {
                self.set_folder_mode(&step.path, mode | 0o700)
            }
            _ => Ok(()),
        }
    }

    /// A folder gets the mode that it should have; one that stays has its own again.
    fn close_folder(&self, step: &Step, skipped: bool) -> Result<(), CheckpointError> {
        let end = if skipped { &step.from } else { &step.to };
        let closed = match end.mode {
            Some(mode) if end.is_folder() => self.set_folder_mode(&step.path, mode),
            _ => Ok(()),
        };
        match self.restorer.failure {
            Failure::Stops => closed,
            Failure::Skips => Ok(()),
        }
    }

    fn remove(&mut self, index: usize, step: &Step) -> Result<(), CheckpointError> {
        let goes = step.to.is_absent() || step.from.is_folder() != step.to.is_folder();
        if step.from.is_absent() || !goes {
            return Ok(());
        }
        // A folder stays where something will be in it.
        let stays = |other: &Step| !other.to.is_absent() && other.path.starts_with(&step.path.0);
        if step.from.is_folder() && step.to.is_absent() && self.steps.iter().any(stays) {
            self.skipped.insert(index);
            return Ok(());
        }
        if !self.may(index, step)? {
            return Ok(());
        }
        let (Way::Open(folder), name) = self.restorer.places.parent(&step.path)? else {
            return Ok(());
        };
        let removed = if self.now(&step.path)?.is_folder() {
            folder.remove_dir(name)
        } else {
            folder.remove_file_or_symlink(name)
        };
        match removed {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                self.skipped.insert(index);
                return Ok(());
            }
            Err(error) => return Err(CheckpointError::at(&step.path)(error)),
        }
        self.touch(&step.path);
        Ok(())
    }

    fn make_folder(&mut self, index: usize, step: &Step) -> Result<(), CheckpointError> {
        if !step.to.is_folder() || !self.may(index, step)? || self.now(&step.path)?.is_folder() {
            return Ok(());
        }
        let Some((folder, name)) = self.parent(index, &step.path)? else {
            return Ok(());
        };
        folder
            .create_dir(name)
            .map_err(CheckpointError::at(&step.path))?;
        self.touch(&step.path);
        if let Some(mode) = step.to.mode {
            self.set_folder_mode(&step.path, mode | 0o700)?;
        }
        Ok(())
    }

    fn put(&mut self, index: usize, step: &Step) -> Result<(), CheckpointError> {
        let at = |error| CheckpointError::at(&step.path)(error);
        if !matches!(
            step.to.body,
            Body::File { .. } | Body::Link { .. } | Body::Unkept { .. }
        ) || !self.may(index, step)?
        {
            return Ok(());
        }
        let Some((folder, name)) = self.parent(index, &step.path)? else {
            return Ok(());
        };
        if step.from.same_content(&step.to) && set_file_mode(&folder, name, &step.to).is_ok() {
            return Ok(());
        }
        let aside = self.aside(index);
        let written = match &step.to.body {
            Body::File { sha256, .. } => {
                let content = self.restorer.blobs.read(sha256)?;
                write_file(&folder, &aside, &content, &step.to).map_err(at)
            }
            Body::Link {
                target,
                folder: leads,
            } => make_link(&folder, &aside, target, *leads).map_err(at),
            _ => Err(at(io::Error::other("its content was not kept"))),
        };
        // Writing may have taken a while.
        let done = match written {
            Ok(()) => match self.may(index, step) {
                Ok(true) => folder.rename(&aside, &folder, name).map_err(at),
                Ok(false) => {
                    let _ = folder.remove_file_or_symlink(&aside);
                    return Ok(());
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        if done.is_err() {
            let _ = folder.remove_file_or_symlink(&aside);
        }
        self.touch(&step.path);
        done
    }

    /// The folder, made where it is missing; a step to which the way is blocked is skipped.
    fn parent<'s>(
        &mut self,
        index: usize,
        path: &'s Key,
    ) -> Result<Option<(Dir, &'s OsStr)>, CheckpointError> {
        match self.restorer.places.make_parent(path)? {
            (Way::Open(folder), name) => Ok(Some((folder, name))),
            (Way::Missing | Way::Blocked(_), _) => {
                self.skipped.insert(index);
                Ok(None)
            }
        }
    }

    fn set_folder_mode(&self, path: &Key, mode: u32) -> Result<(), CheckpointError> {
        match self.restorer.places.folder(path)? {
            Way::Open(folder) => {
                set_open_folder_mode(&folder, mode).map_err(CheckpointError::at(path))
            }
            Way::Missing | Way::Blocked(_) => Ok(()),
        }
    }

    fn touch(&mut self, path: &Key) {
        if let Some(folder) = path.parent() {
            self.touched.insert(Key(folder.to_path_buf()));
        }
    }

    /// Names on disk. A system that cannot sync folders syncs names by itself.
    fn sync(&self) {
        for folder in &self.touched {
            // The handle that a way is gone with is no file to be synced; the folder opened in itself is.
            if let Ok(Way::Open(folder)) = self.restorer.places.folder(folder)
                && let Ok(folder) = folder.open(".")
            {
                let _ = folder.sync_all();
            }
        }
    }
}

fn write_file(folder: &Dir, name: &str, content: &[u8], state: &State) -> io::Result<()> {
    let _ = folder.remove_file_or_symlink(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    let mut file = folder.open_with(name, &options)?.into_std();
    file.write_all(content)?;
    if let Some(mode) = state.mode {
        set_mode(&file, mode)?;
    }
    if let Some(modified) = state.modified {
        file.set_modified(time(modified))?;
    }
    file.sync_all()
}

/// Nobody else reads what is written before it has the mode of the file that it will be.
#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use cap_std::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

fn set_file_mode(folder: &Dir, name: &OsStr, state: &State) -> io::Result<()> {
    let Some(mode) = state.mode else {
        return Ok(());
    };
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    set_mode(&folder.open_with(name, &options)?.into_std(), mode)
}

#[cfg(unix)]
fn set_mode(file: &std::fs::File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
fn set_open_folder_mode(folder: &Dir, mode: u32) -> io::Result<()> {
    use cap_std::fs::PermissionsExt;
    folder.set_permissions(".", cap_std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_open_folder_mode(_: &Dir, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn set_mode(_: &std::fs::File, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(not(windows))]
fn make_link(folder: &Dir, name: &str, target: &Path, _: bool) -> io::Result<()> {
    let _ = folder.remove_file_or_symlink(name);
    folder.symlink_contents(target, name)
}

#[cfg(windows)]
fn make_link(folder: &Dir, name: &str, target: &Path, leads_to_folder: bool) -> io::Result<()> {
    let _ = folder.remove_file_or_symlink(name);
    if leads_to_folder {
        DirExt::symlink_dir(folder, target, name)
    } else {
        DirExt::symlink_file(folder, target, name)
    }
}
