//! From steps to a place: symbolic links are read here, one by one, so that what is found has none left.
//!
//! Owns the walk. It only looks: the place it finds is opened later without following any link, so that a link that somebody puts
//! there meanwhile makes the call fail and leads nowhere.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, Metadata};

use super::{
    PathError,
    names::{self, Step},
};

/// As many as Linux follows.
const MOST_LINKS: usize = 40;
/// Entries of a folder that are looked at for another spelling of a name.
const MOST_ENTRIES: usize = 20_000;

/// Whether the walk may leave where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fence {
    /// It begins in the working folder and stays in it.
    Closed,
    /// It begins at the top of the system, above which nothing is.
    Open,
}

/// Whether a symbolic link at the end is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// A place without symbolic links on the way.
#[derive(Debug)]
pub(super) struct Found {
    /// From where the walk began; empty for that folder itself.
    pub(super) relative: PathBuf,
    /// What is there; `None` for nothing.
    pub(super) entry: Option<Metadata>,
}

/// Follows `steps` from `anchor`, whose absolute path is `root`.
pub(super) fn resolve(
    anchor: &Dir,
    root: &Path,
    fence: Fence,
    steps: Vec<Step>,
    last: Last,
) -> Result<Found, PathError> {
    let text = words(&steps);
    let failed = |source: io::Error| PathError::io(&text, source);
    let mut steps = VecDeque::from(steps);
    let mut done = PathBuf::new();
    let mut entry = Some(anchor.dir_metadata().map_err(failed)?);
    let mut links = 0;
    while let Some(step) = steps.pop_front() {
        let name = match step {
            Step::Up => {
                if !done.pop() && fence == Fence::Closed {
                    return Err(PathError::LeadsOut { path: text });
                }
                let here = if done.as_os_str().is_empty() {
                    anchor.dir_metadata()
                } else {
                    anchor.symlink_metadata(&done)
                };
                entry = Some(here.map_err(failed)?);
                continue;
            }
            Step::Into(name) => name,
        };
        let path = done.join(&name);
        match anchor.symlink_metadata(&path) {
            Ok(found) if found.is_symlink() && (last == Last::Follow || !steps.is_empty()) => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(PathError::Circle { path: text });
                }
                let target = anchor.read_link_contents(&path).map_err(failed)?;
                if target.has_root() {
                    let Ok(rest) = target.strip_prefix(root) else {
                        return Err(PathError::LinkLeadsOut {
                            link: slashes(&path),
                        });
                    };
                    done.clear();
                    names::prepend(&mut steps, rest);
                } else {
                    names::prepend(&mut steps, &target);
                }
                // A link that climbs out is named, not the path through it.
                if fence == Fence::Closed && climbs_out(&done, &steps) {
                    return Err(PathError::LinkLeadsOut {
                        link: slashes(&path),
                    });
                }
                entry = None;
                if steps.is_empty() {
                    entry = Some(anchor.dir_metadata().map_err(failed)?);
                }
            }
            Ok(found) => {
                if !found.is_dir() && !steps.is_empty() {
                    return Err(PathError::NotFolder {
                        path: slashes(&path),
                    });
                }
                // Where letter case does not count, a file answers to names that are not its own.
                if cfg!(any(windows, target_vendor = "apple"))
                    && let Some(real) = other_spelling(anchor, &done, &name)
                {
                    return Err(spelling(&done, &name, &real));
                }
                done = path;
                entry = Some(found);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return missing(anchor, done, name, steps, &text);
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(Found {
        relative: done,
        entry,
    })
}

/// The rest of a path where `name` in `done` is not there: plain names only.
fn missing(
    anchor: &Dir,
    done: PathBuf,
    name: OsString,
    rest: VecDeque<Step>,
    text: &str,
) -> Result<Found, PathError> {
    if let Some(real) = other_spelling(anchor, &done, &name) {
        return Err(spelling(&done, &name, &real));
    }
    let mut relative = done;
    for step in std::iter::once(Step::Into(name)).chain(rest) {
        let Step::Into(name) = step else {
            return Err(PathError::Missing {
                path: text.to_owned(),
                near: Vec::new(),
            });
        };
        if let Some(reason) = names::foreign(&name) {
            return Err(PathError::Foreign {
                name: name.to_string_lossy().into_owned(),
                reason,
            });
        }
        relative.push(name);
    }
    Ok(Found {
        relative,
        entry: None,
    })
}

/// The name of an entry that differs from `name` only in letter case or in how accents are written, unless `name` is there too.
fn other_spelling(anchor: &Dir, folder: &Path, name: &OsStr) -> Option<OsString> {
    let wanted = names::folded(name);
    let mut other = None;
    for entry in entries(anchor, folder)? {
        if entry == name {
            return None;
        }
        if names::folded(&entry) == wanted {
            other = Some(entry);
        }
    }
    other
}

/// Names in a folder, as far as they can be read.
pub(super) fn entries(anchor: &Dir, folder: &Path) -> Option<impl Iterator<Item = OsString>> {
    let here = if folder.as_os_str().is_empty() {
        anchor.entries()
    } else {
        anchor.read_dir(folder)
    };
    Some(
        here.ok()?
            .take(MOST_ENTRIES)
            .filter_map(|entry| Some(entry.ok()?.file_name())),
    )
}

fn spelling(folder: &Path, asked: &OsStr, real: &OsStr) -> PathError {
    PathError::OtherSpelling {
        asked: slashes(&folder.join(asked)),
        real: slashes(&folder.join(real)),
    }
}

/// Whether the `..` of the steps alone already lead above the beginning.
fn climbs_out(done: &Path, steps: &VecDeque<Step>) -> bool {
    let mut depth = done.components().count();
    for step in steps {
        match step {
            Step::Into(_) => depth += 1,
            Step::Up if depth == 0 => return true,
            Step::Up => depth -= 1,
        }
    }
    false
}

fn words(steps: &[Step]) -> String {
    let parts: Vec<_> = steps
        .iter()
        .map(|step| match step {
            Step::Up => "..".into(),
            Step::Into(name) => name.to_string_lossy(),
        })
        .collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// A relative path as it is shown on every system.
pub(super) fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}
