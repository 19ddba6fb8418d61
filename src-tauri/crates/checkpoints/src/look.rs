//! A look at one name in an open folder: what it holds now. The only code that opens files of the user, and it opens nothing
//! but plain files and follows no link. Refuses to find the folder.

use std::{
    ffi::OsStr,
    io::{self, ErrorKind, Read},
    path::Path,
    time::SystemTime,
};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, Metadata, OpenOptions};
use serde::{Deserialize, Serialize};

use crate::{
    CheckpointError,
    keeper::Keeper,
    key::Key,
    place::{Places, Way},
    state::{Body, SOCKET, State, nanoseconds},
};

/// A file that was changed less than this before it was read may be changed again with the same time: clocks of file systems
/// tick, most in some milliseconds, and those that have no parts of a second in two seconds.
const TICK: i64 = 100_000_000;
const SLOW_TICK: i64 = 2_000_000_000;

/// What tells that a file was changed without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Print {
    size: u64,
    modified: i64,
    changed: i64,
    inode: u64,
    device: u64,
    mode: u32,
}

/// What a name held at the last look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) state: State,
    /// `None` where a change right after the look could go unseen: it must be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    print: Option<Print>,
}

/// What `name` in `folder` holds. What was seen before is not read again where nothing speaks for a change.
pub(crate) fn look(
    folder: &Dir,
    name: &OsStr,
    shown: &Path,
    before: Option<&Seen>,
    keeper: &mut Keeper<'_>,
) -> Result<Seen, CheckpointError> {
    let metadata = match folder.symlink_metadata(name) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Seen::absent()),
        Err(error) => return Err(CheckpointError::at(shown)(error)),
    };
    if !metadata.is_file() {
        return other(folder, name, &metadata).map_err(CheckpointError::at(shown));
    }
    if let Some(before) = before
        && before.print.as_ref() == Some(&print(&metadata))
        && keeper.content_with(&before.state.body)
    {
        return Ok(before.clone());
    }
    if metadata.len() > keeper.largest() {
        let body = keeper.too_big(metadata.len());
        return Ok(Seen::file(body, &metadata, SystemTime::now()));
    }
    let opened = SystemTime::now();
    match read(folder, name, keeper.largest()) {
        Ok((content, metadata)) => {
            let body = if content.len() as u64 > keeper.largest() {
                keeper.too_big(content.len() as u64)
            } else {
                keeper.file(&content)?
            };
            Ok(Seen::file(body, &metadata, opened))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Seen::absent()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let body = Body::Unkept {
                size: metadata.len(),
                why: "it may not be read".to_owned(),
            };
            Ok(Seen::file(body, &metadata, opened))
        }
        Err(error) => Err(CheckpointError::at(shown)(error)),
    }
}

impl Seen {
    fn absent() -> Self {
        Self {
            state: State::ABSENT,
            print: None,
        }
    }

    fn file(body: Body, metadata: &Metadata, read: SystemTime) -> Self {
        let print = print(metadata);
        let latest = print.modified.max(print.changed);
        let tick = if latest % 1_000_000_000 == 0 {
            SLOW_TICK
        } else {
            TICK
        };
        Self {
            state: State {
                body,
                mode: mode(metadata),
                modified: Some(print.modified),
            },
            print: (latest.saturating_add(tick) < nanoseconds(read)).then_some(print),
        }
    }
}

/// Never waits: a pipe that took the file's place is opened without waiting for its other end, and refused.
fn read(folder: &Dir, name: &OsStr, most: u64) -> io::Result<(Vec<u8>, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    let file = folder.open_with(name, &options)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it was replaced while it was read"));
    }
    let mut content = Vec::new();
    file.take(most + 1).read_to_end(&mut content)?;
    Ok((content, metadata))
}

/// A file's content, up to `most` bytes of it.
pub(crate) fn read_whole(folder: &Dir, name: &OsStr, most: u64) -> io::Result<Vec<u8>> {
    read(folder, name, most).map(|(content, _)| content)
}

fn other(folder: &Dir, name: &OsStr, metadata: &Metadata) -> io::Result<Seen> {
    let (body, mode) = if metadata.is_dir() {
        (Body::Folder, mode(metadata))
    } else if metadata.is_symlink() {
        let target = Key(folder.read_link_contents(name)?);
        (
            Body::Link {
                target,
                folder: leads_to_folder(metadata),
            },
            None,
        )
    } else {
        let what = special(metadata).to_owned();
        (Body::Special { what }, mode(metadata))
    };
    Ok(Seen {
        state: State {
            body,
            mode,
            modified: None,
        },
        print: None,
    })
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Option<u32> {
    use cap_std::fs::MetadataExt;
    Some(metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn print(metadata: &Metadata) -> Print {
    use cap_std::fs::MetadataExt;
    Print {
        size: metadata.len(),
        modified: modified(metadata),
        changed: metadata
            .ctime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.ctime_nsec()),
        inode: metadata.ino(),
        device: metadata.dev(),
        mode: metadata.mode(),
    }
}

#[cfg(not(unix))]
fn print(metadata: &Metadata) -> Print {
    let created = metadata.created().map(|time| nanoseconds(time.into_std()));
    Print {
        size: metadata.len(),
        modified: modified(metadata),
        changed: created.unwrap_or_default(),
        inode: 0,
        device: 0,
        mode: 0,
    }
}

fn modified(metadata: &Metadata) -> i64 {
    metadata
        .modified()
        .map(|time| nanoseconds(time.into_std()))
        .unwrap_or_default()
}

/// On which file system a folder is; 0 where the system does not say.
#[cfg(unix)]
pub(crate) fn device(metadata: &Metadata) -> u64 {
    use cap_std::fs::MetadataExt;
    metadata.dev()
}

#[cfg(not(unix))]
pub(crate) fn device(_: &Metadata) -> u64 {
    0
}

#[cfg(unix)]
fn special(metadata: &Metadata) -> &'static str {
    use cap_std::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        SOCKET
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: &Metadata) -> &'static str {
    "a special file"
}

#[cfg(windows)]
fn leads_to_folder(metadata: &Metadata) -> bool {
    use cap_std::fs::MetadataExt;
    const DIRECTORY: u32 = 0x10;
    metadata.file_attributes() & DIRECTORY != 0
}

#[cfg(not(windows))]
fn leads_to_folder(_: &Metadata) -> bool {
    false
}

/// What a path holds, and what is in the way to it.
pub(crate) struct Looked {
    pub(crate) seen: Seen,
    /// A file or a link in the place of a folder above it.
    pub(crate) blocked: Option<std::path::PathBuf>,
}

/// What a path holds, no link followed.
pub(crate) fn look_at(
    places: &Places,
    key: &Key,
    before: Option<&Seen>,
    keeper: &mut Keeper<'_>,
) -> Result<Looked, CheckpointError> {
    let (way, name) = places.parent(key)?;
    let (seen, blocked) = match way {
        Way::Open(folder) => (look(&folder, name, key, before, keeper)?, None),
        Way::Missing => (Seen::absent(), None),
        Way::Blocked(at) => (Seen::absent(), Some(at)),
    };
    Ok(Looked { seen, blocked })
}
