//! All that is in a folder, from its own entries down: links are named, never followed.
//!
//! Owns the walk through open folders. What a `.gitignore` says is [`super::walk`]'s.

use std::{
    io,
    path::{Path, PathBuf},
};

use cap_fs_ext::DirExt;
use cap_std::fs::Dir;

use crate::{
    ToolError,
    tool::sha256,
    workspace::{Kind, Located, Walls},
};

use super::disk::failed;

/// Folders in folders. Nothing deeper is walked: names would be too long for most systems.
const MOST_DEPTH: usize = 128;

/// An entry below a folder.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Below the folder that was walked.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    /// When it was last changed: seconds and nanoseconds of the system's clock, as text that only serves to compare.
    pub(super) modified: String,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Folders before what is in them; in each, folders first, then by name.
    pub(super) entries: Vec<Entry>,
    /// Whether there is more than was asked for.
    pub(super) more: bool,
    /// Folders that could not be read.
    pub(super) unreadable: Vec<PathBuf>,
}

/// How far to walk.
pub(super) struct Reach<'a> {
    /// 1 for the folder's own entries.
    pub(super) depth: usize,
    pub(super) entries: usize,
    /// Left out with all that is in them.
    pub(super) walls: &'a Walls,
    /// Folders of these names are named but not entered.
    pub(super) closed: &'a [&'a str],
}

/// Walks the folder at `place`.
pub(super) fn walk(place: &Located, reach: &Reach<'_>) -> Result<Walked, ToolError> {
    let folder = place.open_folder().map_err(failed(&place.shown))?;
    let mut walked = Walked::default();
    descend(&folder, Path::new(""), 1, place, reach, &mut walked).map_err(failed(&place.shown))?;
    Ok(walked)
}

fn descend(
    folder: &Dir,
    below: &Path,
    depth: usize,
    place: &Located,
    reach: &Reach<'_>,
    walked: &mut Walked,
) -> io::Result<()> {
    let mut here = Vec::new();
    for entry in folder.entries()? {
        let Ok(entry) = entry else { continue };
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let path = below.join(entry.file_name());
        if reach.walls.hides(&place.absolute.join(&path), true) {
            continue;
        }
        here.push(Entry {
            path,
            kind: Kind::of(&metadata),
            modified: format!("{:?}", metadata.modified().ok()),
        });
        // Far more than is ever asked for: a folder without end must end here too.
        if here.len() > reach.entries.saturating_mul(4).max(10_000) {
            walked.more = true;
            break;
        }
    }
    here.sort_by(|a, b| (a.kind != Kind::Folder, &a.path).cmp(&(b.kind != Kind::Folder, &b.path)));
    for entry in here {
        if walked.entries.len() >= reach.entries {
            walked.more = true;
            return Ok(());
        }
        let path = entry.path.clone();
        let name = path.file_name().unwrap_or_default().to_owned();
        let enter = entry.kind == Kind::Folder
            && depth < reach.depth.min(MOST_DEPTH)
            && !name
                .to_str()
                .is_some_and(|name| reach.closed.contains(&name));
        walked.entries.push(entry);
        if enter {
            let entered = folder
                .open_dir_nofollow(&name)
                .and_then(|inner| descend(&inner, &path, depth + 1, place, reach, walked));
            if entered.is_err() {
                walked.unreadable.push(path);
            }
        }
    }
    Ok(())
}

impl Walked {
    /// How many files, and their bytes.
    pub(super) fn files(&self) -> (usize, u64) {
        self.entries
            .iter()
            .fold((0, 0), |(count, sum), entry| match entry.kind {
                Kind::File { bytes } => (count + 1, sum + bytes),
                Kind::Folder => (count, sum),
                _ => (count + 1, sum),
            })
    }

    /// Stands for all that is in a folder: names, kinds, sizes and times. Contents are not read, a folder may hold gigabytes.
    pub(super) fn fingerprint(&self) -> String {
        let lines: Vec<String> = self
            .entries
            .iter()
            .map(|entry| format!("{:?} {:?} {}", entry.path, entry.kind, entry.modified))
            .collect();
        sha256(lines.join("\n").as_bytes())
    }
}
