//! The small file beside a part that says what of it lasts.
//!
//! Owns: its shape, and replacing it in one step. Refuses to own: when (`part`).

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{paths::Paths, ranges::Ranges};
use crate::Checksum;

/// A journal of a file in pieces has a line each; a larger one is not ours.
const MAX_BYTES: u64 = 1024 * 1024;
const VERSION: u32 = 1;

/// What a part is part of. A part of anything else is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// At the hub, not at the server behind it: that address expires, and is signed.
    pub(crate) url: String,
    pub(crate) size: u64,
    /// Under the name that journals had when there was one kind only.
    #[serde(rename = "sha256")]
    pub(crate) checksum: Checksum,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journal {
    version: u32,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    pub(crate) etag: Option<String>,
    /// On disk for certain: written, then synced, then noted here.
    pub(crate) done: Ranges,
}

impl Journal {
    pub(crate) fn new(identity: Identity, etag: Option<String>, done: Ranges) -> Self {
        Self {
            version: VERSION,
            identity,
            etag,
            done,
        }
    }

    /// `None` where there is none, or none that can be trusted.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        File::open(path)
            .ok()?
            .take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .ok()?;
        let journal: Self = serde_json::from_slice(&bytes).ok()?;
        (journal.version == VERSION && journal.done.is_sound(journal.identity.size))
            .then_some(journal)
    }

    /// The one of a part that is still as long as it was made.
    pub(crate) fn of_part(paths: &Paths) -> Option<Self> {
        let journal = Self::read(&paths.journal)?;
        let part = fs::symlink_metadata(&paths.part).ok()?;
        (part.is_file() && part.len() == journal.identity.size).then_some(journal)
    }

    /// A reader sees the old one or the new one, whatever happens in between.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("journal.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }
}
