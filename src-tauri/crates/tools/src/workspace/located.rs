//! A place that a path leads to, and the only ways to open it.
//!
//! Owns opening without following links: each folder on the way is opened by its own name from the one above it. What is touched is
//! what the action showed, or nothing.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, File, Metadata, OpenOptions};
use nexus_protocol::{FileAccess, FileAction};

use super::{
    PathError, is_protected,
    names::folded,
    resolve::{Found, entries, slashes},
};

/// A place without symbolic links on the way. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    anchor: Arc<Dir>,
    relative: PathBuf,
    /// Absolute, symbolic links resolved.
    pub(crate) absolute: PathBuf,
    /// For people and rules: relative to the working folder with `/` where it is inside, else absolute.
    pub(crate) shown: String,
    /// Whether it is in the working folder.
    pub(crate) inside: bool,
    /// Whether programs run or trust it later.
    pub(crate) protected: bool,
    /// What was there.
    pub(crate) kind: Kind,
}

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Missing,
    File {
        bytes: u64,
    },
    Folder,
    /// A symbolic link that was not followed.
    Link,
    /// Neither: what it is, in words.
    Special(&'static str),
}

impl Kind {
    pub(crate) fn of(entry: &Metadata) -> Self {
        if entry.is_file() {
            Self::File { bytes: entry.len() }
        } else if entry.is_dir() {
            Self::Folder
        } else if entry.is_symlink() {
            Self::Link
        } else {
            Self::Special(special(entry))
        }
    }
}

#[cfg(unix)]
fn special(entry: &Metadata) -> &'static str {
    use cap_std::fs::FileTypeExt;
    let kind = entry.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: &Metadata) -> &'static str {
    "a device"
}

impl Located {
    pub(super) fn new(
        anchor: Arc<Dir>,
        root: &Path,
        found: Found,
        inside: bool,
    ) -> Result<Self, PathError> {
        let absolute = if found.relative.as_os_str().is_empty() {
            root.to_owned()
        } else {
            root.join(&found.relative)
        };
        let Some(text) = absolute.to_str() else {
            return Err(PathError::NotUnicode);
        };
        let shown = if inside {
            slashes(&found.relative)
        } else {
            text.to_owned()
        };
        Ok(Self {
            shown,
            inside,
            protected: is_protected(if inside { &found.relative } else { &absolute }),
            kind: found.entry.as_ref().map_or(Kind::Missing, Kind::of),
            relative: found.relative,
            absolute,
            anchor,
        })
    }

    /// The place `below` this folder: plain names only, which a walk of the folder gave.
    pub(crate) fn join(&self, below: &Path, kind: Kind) -> Self {
        let relative = self.relative.join(below);
        let shown = match self.shown.as_str() {
            "." => slashes(below),
            shown => format!("{}/{}", shown.trim_end_matches('/'), slashes(below)),
        };
        let absolute = self.absolute.join(below);
        Self {
            anchor: Arc::clone(&self.anchor),
            protected: is_protected(if self.inside { &relative } else { &absolute }),
            absolute,
            inside: self.inside,
            relative,
            shown,
            kind,
        }
    }

    /// The same folder, another name: nothing is there.
    pub(crate) fn renamed(&self, name: &OsStr) -> Self {
        let relative = self.relative.with_file_name(name);
        let absolute = self.absolute.with_file_name(name);
        Self {
            anchor: Arc::clone(&self.anchor),
            shown: if self.inside {
                slashes(&relative)
            } else {
                absolute.to_string_lossy().into_owned()
            },
            inside: self.inside,
            protected: is_protected(if self.inside { &relative } else { &absolute }),
            kind: Kind::Missing,
            relative,
            absolute,
        }
    }

    /// Whether the two differ only in what some file systems do not tell apart.
    pub(crate) fn is_other_spelling_of(&self, other: &Self) -> bool {
        self.relative.parent() == other.relative.parent()
            && self.inside == other.inside
            && folded(self.name()) == folded(other.name())
    }

    /// What an action says of it.
    pub(crate) fn action(&self, access: FileAccess) -> FileAction {
        FileAction {
            path: self.absolute.to_string_lossy().into_owned(),
            shown: self.shown.clone(),
            access,
            inside: self.inside,
            protected: self.protected,
            before: None,
            after: None,
            diff: None,
            undoable: access.is_read(),
        }
    }

    /// Its own name; empty for the top.
    pub(crate) fn name(&self) -> &OsStr {
        self.relative.file_name().unwrap_or_default()
    }

    /// Whether it is where all begins: the working folder, `/`.
    pub(crate) fn is_top(&self) -> bool {
        self.relative.as_os_str().is_empty()
    }

    /// The folders above it, from the top down, as places.
    pub(crate) fn folders_above(&self) -> Vec<Self> {
        let mut above: Vec<Self> = self
            .relative
            .ancestors()
            .skip(1)
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| {
                let steps = self.relative.components().count() - path.components().count();
                let absolute = self.absolute.ancestors().nth(steps);
                let absolute = absolute.unwrap_or(&self.absolute).to_owned();
                Self {
                    anchor: Arc::clone(&self.anchor),
                    shown: if self.inside {
                        slashes(path)
                    } else {
                        absolute.to_string_lossy().into_owned()
                    },
                    inside: self.inside,
                    protected: is_protected(if self.inside { path } else { &absolute }),
                    kind: Kind::Folder,
                    relative: path.to_owned(),
                    absolute,
                }
            })
            .collect();
        above.reverse();
        above
    }

    /// A file that can be read or changed.
    pub(crate) fn expect_file(&self) -> Result<u64, PathError> {
        match self.kind {
            Kind::File { bytes } => Ok(bytes),
            Kind::Folder => Err(PathError::IsFolder {
                path: self.shown.clone(),
            }),
            Kind::Missing => Err(self.missing()),
            Kind::Link => Err(self.special("a symbolic link")),
            Kind::Special(kind) => Err(self.special(kind)),
        }
    }

    /// A folder that can be read.
    pub(crate) fn expect_folder(&self) -> Result<(), PathError> {
        match self.kind {
            Kind::Folder => Ok(()),
            Kind::File { .. } | Kind::Link => Err(PathError::NotFolder {
                path: self.shown.clone(),
            }),
            Kind::Missing => Err(self.missing()),
            Kind::Special(kind) => Err(self.special(kind)),
        }
    }

    fn special(&self, kind: &'static str) -> PathError {
        PathError::Special {
            path: self.shown.clone(),
            kind,
        }
    }

    /// Nothing is there; names near it are.
    pub(crate) fn missing(&self) -> PathError {
        let folder = self.relative.parent().unwrap_or(Path::new(""));
        let wanted = self.name().to_string_lossy().to_lowercase();
        let mut near: Vec<(f64, String)> = entries(&self.anchor, folder)
            .into_iter()
            .flatten()
            .filter_map(|name| {
                let name = name.into_string().ok()?;
                let likeness = strsim::jaro_winkler(&wanted, &name.to_lowercase());
                (likeness >= 0.8).then(|| (likeness, slashes(&folder.join(name))))
            })
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        PathError::Missing {
            path: self.shown.clone(),
            near: near.into_iter().take(3).map(|(_, name)| name).collect(),
        }
    }

    /// The folder that it is in.
    pub(crate) fn open_parent(&self) -> io::Result<Dir> {
        self.descend(self.relative.parent().unwrap_or(Path::new("")))
    }

    /// The folder itself.
    pub(crate) fn open_folder(&self) -> io::Result<Dir> {
        self.descend(&self.relative)
    }

    fn descend(&self, folder: &Path) -> io::Result<Dir> {
        let mut here = self.anchor.try_clone()?;
        for part in folder.components() {
            here = here.open_dir_nofollow(part.as_os_str())?;
        }
        Ok(here)
    }

    /// The file, for reading: never a link, a pipe or a device, whatever came there since.
    pub(crate) fn open_file(&self) -> Result<File, PathError> {
        let failed = |source| PathError::io(&self.shown, source);
        let parent = self.open_parent().map_err(failed)?;
        let (file, _) = open_file_in(&parent, self.name()).map_err(failed)?;
        Ok(file)
    }

    /// What is there now.
    pub(crate) fn kind_now(&self) -> io::Result<Kind> {
        if self.is_top() {
            return Ok(Kind::Folder);
        }
        let there = self
            .open_parent()
            .and_then(|parent| parent.symlink_metadata(self.name()));
        match there {
            Ok(entry) => Ok(Kind::of(&entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Missing),
            Err(error) => Err(error),
        }
    }
}

/// A regular file below `folder`, which no name on the way leads out of, and its bytes.
pub(crate) fn open_file_in(folder: &Dir, name: impl AsRef<Path>) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No);
    // A pipe without a writer would wait for one.
    #[cfg(unix)]
    cap_fs_ext::OpenOptionsSyncExt::nonblock(&mut options, true);
    let file = folder.open_with(name, &options)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file any more",
        ))
    }
}
