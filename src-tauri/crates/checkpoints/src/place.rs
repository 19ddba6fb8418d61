//! Where a path is: its name in the journal, how it is shown, and its folder as an open handle. Refuses to know what is there.
//!
//! A name in the journal has no symlink in any of its folders, and none is followed when the folder is opened again: where
//! somebody put a link in the place of a folder since, the way is blocked.

use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
};

use cap_fs_ext::DirExt;
use cap_std::{ambient_authority, fs::Dir};

use crate::{CheckpointError, key::Key};

/// The working folder, as it was named and as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    given: PathBuf,
    real: Option<PathBuf>,
}

/// The way to a folder.
#[derive(Debug)]
pub(crate) enum Way {
    Open(Dir),
    /// It, or one above it, is not there.
    Missing,
    /// This is no folder: a file, or a link in a folder's place.
    Blocked(PathBuf),
}

impl Places {
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self, CheckpointError> {
        let Some(folder) = folder else {
            return Ok(Self::default());
        };
        Ok(Self {
            given: folder.to_path_buf(),
            real: Some(real(folder).map_err(CheckpointError::at(folder))?.0),
        })
    }

    /// The path's name in the journal. Its last part is not followed, should it be a link.
    pub(crate) fn key(&self, path: &Path) -> Result<Key, CheckpointError> {
        let absolute = if path.is_absolute() {
            path.to_path_buf()
        } else {
            self.given.join(path)
        };
        if Some(&absolute) == self.real.as_ref() || absolute == self.given {
            return real(&absolute).map_err(CheckpointError::at(path));
        }
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(CheckpointError::at(path)(io::Error::new(
                ErrorKind::InvalidInput,
                "this path does not end in a name",
            )));
        };
        let parent = real(parent).map_err(CheckpointError::at(path))?;
        Ok(Key(parent.join(name)))
    }

    /// The path as the working folder was named.
    pub(crate) fn given(&self, key: &Key) -> PathBuf {
        match self.inside(key) {
            Some(rest) if rest.as_os_str().is_empty() => self.given.clone(),
            Some(rest) => self.given.join(rest),
            None => key.0.clone(),
        }
    }

    /// For people: relative to the working folder where it is inside.
    pub(crate) fn shown(&self, key: &Key) -> String {
        match self.inside(key) {
            Some(rest) if !rest.as_os_str().is_empty() => rest.display().to_string(),
            _ => self.given(key).display().to_string(),
        }
    }

    fn inside<'k>(&self, key: &'k Key) -> Option<&'k Path> {
        key.strip_prefix(self.real.as_ref()?).ok()
    }

    /// The folder that `key` is in, and its name there.
    pub(crate) fn parent<'k>(&self, key: &'k Key) -> Result<(Way, &'k OsStr), CheckpointError> {
        let (folder, name) = split(key)?;
        Ok((self.folder(folder)?, name))
    }

    /// A folder, no link on the way to it followed.
    pub(crate) fn folder(&self, key: &Path) -> Result<Way, CheckpointError> {
        self.walk(key, false)
            .map_err(CheckpointError::at(key))
            .map(|(way, _)| way)
    }

    /// The folder that `key` is in; what is missing of it is made.
    pub(crate) fn make_parent<'k>(
        &self,
        key: &'k Key,
    ) -> Result<(Way, &'k OsStr), CheckpointError> {
        let (folder, name) = split(key)?;
        let (way, _) = self
            .walk(folder, true)
            .map_err(CheckpointError::at(folder))?;
        Ok((way, name))
    }

    fn walk(&self, key: &Path, make: bool) -> io::Result<(Way, PathBuf)> {
        let mut at = self.anchor(key)?;
        // A link anywhere above would make these differ.
        match fs::canonicalize(&at) {
            Ok(real) if real == at => {}
            Ok(_) => return Ok((Way::Blocked(at.clone()), at)),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Way::Missing, at)),
            Err(error) => return Err(error),
        }
        let mut dir = match Dir::open_ambient_dir(&at, ambient_authority()) {
            Ok(dir) => dir,
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Ok((Way::Blocked(at.clone()), at));
            }
            Err(error) => return Err(error),
        };
        let rest = key.strip_prefix(&at).map(Path::to_path_buf);
        for component in rest.unwrap_or_default().components() {
            let name = component.as_os_str();
            at.push(name);
            match dir.symlink_metadata(name) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Ok((Way::Blocked(at.clone()), at)),
                Err(error) if error.kind() == ErrorKind::NotFound && make => {
                    dir.create_dir(name)?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Ok((Way::Missing, at));
                }
                Err(error) => return Err(error),
            }
            dir = dir.open_dir_nofollow(name)?;
        }
        Ok((Way::Open(dir), at))
    }

    /// From where the way is gone folder by folder: the working folder, else the nearest that is there.
    fn anchor(&self, key: &Path) -> io::Result<PathBuf> {
        if let Some(folder) = &self.real
            && key.starts_with(folder)
            && folder.symlink_metadata().is_ok()
        {
            return Ok(folder.clone());
        }
        for above in key.ancestors() {
            match above.symlink_metadata() {
                Ok(_) => return Ok(above.to_path_buf()),
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::NotFound.into())
    }
}

fn split(key: &Key) -> Result<(&Path, &OsStr), CheckpointError> {
    match (key.parent(), key.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(CheckpointError::at(key)(io::Error::new(
            ErrorKind::InvalidInput,
            "this path has no folder above it",
        ))),
    }
}

/// The path with all links in it followed; parts that are not there stay as they are.
fn real(path: &Path) -> io::Result<Key> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        match fs::canonicalize(at) {
            Ok(mut real) => {
                real.extend(missing.iter().rev());
                return Ok(Key(real));
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                // `..` below something that is not there leads nowhere that could be known.
                match (at.components().next_back(), at.parent()) {
                    (Some(Component::Normal(name)), Some(above)) => {
                        missing.push(name);
                        at = above;
                    }
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
}
