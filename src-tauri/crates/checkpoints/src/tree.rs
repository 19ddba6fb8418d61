//! All that is in a folder, by metadata: contents are read only of files that changed since the last snapshot. Refuses to
//! follow links, to leave the file system, and to know what a change means.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    rc::Rc,
};

use cap_fs_ext::DirExt;
use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use crate::{
    CheckpointError,
    keeper::Keeper,
    key::Key,
    look::{Seen, device, look},
    state::State,
};

/// A folder at one time: each path in it, relative to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    #[serde(with = "pairs")]
    pub(crate) entries: BTreeMap<Key, Seen>,
    /// There was more than may be in a snapshot.
    #[serde(default)]
    pub(crate) truncated: bool,
}

/// How a walk goes.
pub(crate) struct Walk<'a> {
    /// The folder, absolute.
    pub(crate) root: &'a Path,
    /// The last snapshot of it.
    pub(crate) known: &'a Snapshot,
    /// A folder that is passed over: the checkpoints themselves.
    pub(crate) without: &'a Path,
    pub(crate) entries: usize,
}

impl Walk<'_> {
    /// Takes a snapshot. The same folder gives the same one, whatever the order in which the system lists it.
    pub(crate) fn take(
        &self,
        folder: Dir,
        keeper: &mut Keeper<'_>,
    ) -> Result<Snapshot, CheckpointError> {
        let home = folder
            .dir_metadata()
            .map(|metadata| device(&metadata))
            .map_err(CheckpointError::at(self.root))?;
        let mut snapshot = Snapshot::default();
        let mut waiting = Vec::new();
        self.list(folder, Path::new(""), &mut waiting)?;
        while let Some((folder, name, path)) = waiting.pop() {
            if snapshot.entries.len() >= self.entries {
                snapshot.truncated = true;
                break;
            }
            let full = self.root.join(&path);
            if full == self.without {
                continue;
            }
            let key = Key(path);
            let seen = look(&folder, &name, &full, self.known.entries.get(&key), keeper)?;
            if seen.state.is_folder() {
                match folder.open_dir_nofollow(&name) {
                    Ok(inner) => {
                        let other = inner
                            .dir_metadata()
                            .is_ok_and(|metadata| device(&metadata) != home);
                        if !other {
                            self.list(inner, &key, &mut waiting)?;
                        }
                    }
                    Err(error) if passed_over(&error) => {}
                    Err(error) => return Err(CheckpointError::at(&full)(error)),
                }
            }
            if !seen.state.is_absent() && !is_passing(&key, &seen.state) {
                snapshot.entries.insert(key, seen);
            }
        }
        Ok(snapshot)
    }

    fn list(
        &self,
        folder: Dir,
        path: &Path,
        waiting: &mut Vec<(Rc<Dir>, OsString, PathBuf)>,
    ) -> Result<(), CheckpointError> {
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(error) if passed_over(&error) => return Ok(()),
            Err(error) => return Err(CheckpointError::at(&self.root.join(path))(error)),
        };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()
            .map_err(CheckpointError::at(&self.root.join(path)))?;
        names.sort_unstable_by(|one, two| two.cmp(one));
        let folder = Rc::new(folder);
        waiting.extend(names.into_iter().map(|name| {
            let path = path.join(&name);
            (Rc::clone(&folder), name, path)
        }));
        Ok(())
    }
}

/// What comes and goes with a program and holds nothing: sockets, which the sandbox also puts where something protected is absent
/// for as long as a program runs, and the one file that it must put there instead. In `.git` itself git never has that file.
fn is_passing(path: &Path, state: &State) -> bool {
    state.is_socket() || path.ends_with(".git/commondir")
}

/// A folder that went away meanwhile, was replaced, or that this user may not list: then nor may the user's programs.
fn passed_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
    ) || error.raw_os_error() == Some(LOOP)
}

/// `ELOOP`: what a link answers that was put in a folder's place.
#[cfg(target_os = "linux")]
const LOOP: i32 = 40;
#[cfg(not(target_os = "linux"))]
const LOOP: i32 = 62;

impl Snapshot {
    /// Paths that hold something else in `later`, with what they held and hold. Of a folder that was too big to be seen whole
    /// only those are told that were seen both times.
    pub(crate) fn changes(&self, later: &Self) -> Vec<(Key, State, State)> {
        let whole = !self.truncated && !later.truncated;
        let mut changes = Vec::new();
        for (path, seen) in &self.entries {
            match later.entries.get(path) {
                Some(now) if seen.state.same(&now.state) => {}
                Some(now) => changes.push((path.clone(), seen.state.clone(), now.state.clone())),
                None if whole => changes.push((path.clone(), seen.state.clone(), State::ABSENT)),
                None => {}
            }
        }
        if whole {
            let new = later
                .entries
                .iter()
                .filter(|(path, _)| !self.entries.contains_key(*path));
            changes.extend(new.map(|(path, now)| (path.clone(), State::ABSENT, now.state.clone())));
        }
        changes
    }
}

/// JSON has only text for names of fields: a list of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::{key::Key, look::Seen};

    pub(super) fn serialize<S: Serializer>(
        entries: &BTreeMap<Key, Seen>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(entries)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Key, Seen>, D::Error> {
        Ok(Vec::<(Key, Seen)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}
