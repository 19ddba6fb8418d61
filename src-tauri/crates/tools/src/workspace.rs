//! The working folder: the one place where a session's paths begin.
//!
//! Owns the open folder, and how a path that a model wrote becomes a [`Located`] one. All file tools act through it, component by
//! component, so that no `..` and no symbolic link leads out. Refuses to own what is then done, and whether it may be.

mod error;
mod located;
mod names;
mod resolve;
mod walls;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_std::{ambient_authority, fs::Dir};

use crate::Host;

pub(crate) use error::PathError;
pub(crate) use located::{Kind, Located, open_file_in};
pub(crate) use walls::Walls;

use names::Start;
use resolve::{Fence, Last, resolve};

/// The working folder, opened.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    dir: Arc<Dir>,
}

/// What a path is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What it leads to is read: a symbolic link at its end is followed.
    Read,
    /// The content of what it leads to is changed: a symbolic link at its end is followed.
    Write,
    /// The entry itself goes or gets another name: a symbolic link at its end is that entry.
    Entry,
}

impl Workspace {
    /// Opens `root`.
    ///
    /// # Errors
    /// Where it is no folder that can be read.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let dir = Arc::new(Dir::open_ambient_dir(&root, ambient_authority())?);
        Ok(Self { root, dir })
    }

    /// Absolute, symbolic links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder itself.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Whether an absolute, resolved path is the folder or in it.
    pub fn contains(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }

    /// Where `text`, which a model wrote, leads. Touches nothing. Only an absolute path leads out of the folder.
    pub(crate) fn locate(
        &self,
        text: &str,
        purpose: Purpose,
        host: &Host,
    ) -> Result<Located, PathError> {
        let (start, steps) = names::parse(text)?;
        let last = match purpose {
            Purpose::Read | Purpose::Write => Last::Follow,
            Purpose::Entry => Last::Keep,
        };
        let located = match start {
            Start::Here => self.inside(steps, last)?,
            Start::Root(root) => match names::below(&root, &steps, &self.root) {
                Some(steps) => self.inside(steps, last)?,
                None => self.outside(&root, steps, last)?,
            },
        };
        if Walls::of(host).hides(&located.absolute, purpose == Purpose::Read) {
            return Err(PathError::Hidden {
                shown: located.shown,
            });
        }
        Ok(located)
    }

    fn inside(&self, steps: Vec<names::Step>, last: Last) -> Result<Located, PathError> {
        let found = resolve(&self.dir, &self.root, Fence::Closed, steps, last)?;
        Located::new(Arc::clone(&self.dir), &self.root, found, true)
    }

    fn outside(
        &self,
        root: &Path,
        steps: Vec<names::Step>,
        last: Last,
    ) -> Result<Located, PathError> {
        let dir = Dir::open_ambient_dir(root, ambient_authority())
            .map_err(|source| PathError::io(&root.display().to_string(), source))?;
        let found = resolve(&dir, root, Fence::Open, steps, last)?;
        let absolute = root.join(&found.relative);
        match absolute.strip_prefix(&self.root) {
            // A roundabout way in, such as through a link to a folder above it.
            Ok(relative) => self.inside(names::steps_of(relative), last),
            Err(_) => Located::new(Arc::new(dir), root, found, false),
        }
    }
}

/// Whether programs run or trust a file later: never changed without being asked for. What the sandbox keeps programs from, and
/// `.gitmodules`, which git takes repositories' places from: programs must be free to add one, and git warns at each command
/// where a placeholder stands for it. The letters' case does not count, since it does not on every system.
pub(crate) fn is_protected(path: &Path) -> bool {
    nexus_sandbox::is_protected(path)
        || path.components().any(|part| {
            part.as_os_str()
                .to_string_lossy()
                .eq_ignore_ascii_case(".gitmodules")
        })
}

#[cfg(test)]
mod tests;
