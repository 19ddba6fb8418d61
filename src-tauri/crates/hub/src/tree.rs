//! Files of a model as the hub lists them, with names that are safe on every system.
//!
//! Owns: which names are taken and which are refused. Refuses to own: what a name says (`quantization`).

use std::{collections::HashMap, fmt};

use crate::{
    Checksum, Sha256Sum,
    error::{HubError, printable},
    wire::TreeEntry,
};

/// Room for `.part.journal` behind a name within the 255 bytes that file systems give.
const MAX_NAME: usize = 230;
const MAX_PATH: usize = 1024;

/// The path of a file in a model's repository: relative, with `/`, and harmless on Linux, macOS and Windows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

impl FilePath {
    /// Checks a path from outside.
    ///
    /// # Errors
    /// [`HubError::Name`] for one that climbs, is absolute, or cannot be a file's name somewhere.
    pub fn new(path: &str) -> Result<Self, HubError> {
        let refuse = |reason| {
            Err(HubError::Name {
                name: printable(path),
                reason,
            })
        };
        if path.is_empty() || path.len() > MAX_PATH {
            return refuse("it is empty or too long");
        }
        for part in path.split('/') {
            if let Some(reason) = fault(part) {
                return refuse(reason);
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// With all its folders.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part: the file's name in the models folder.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why this cannot be the name of a file or folder everywhere.
fn fault(part: &str) -> Option<&'static str> {
    let reserved = |stem: &str| {
        let stem = stem.trim_end().to_ascii_uppercase();
        let device = ["COM", "LPT"].iter().any(|kind| {
            stem.strip_prefix(kind).is_some_and(|n| {
                matches!(n, "¹" | "²" | "³")
                    || (n.len() == 1 && n != "0" && n.bytes().all(|b| b.is_ascii_digit()))
            })
        });
        device
            || matches!(
                stem.as_str(),
                "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
            )
    };
    match part {
        "" => Some("it is absolute or has an empty part"),
        "." | ".." => Some("it climbs out of its folder"),
        _ if part.len() > MAX_NAME => Some("a part of it is too long"),
        _ if part.chars().any(|c| {
            c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        }) =>
        {
            Some("it holds invisible characters")
        }
        _ if part.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) => {
            Some("it holds a character that has a meaning to file systems")
        }
        _ if part.ends_with(['.', ' ']) || part.starts_with(' ') => {
            Some("it begins with a space, or ends with one or with a dot")
        }
        _ if reserved(part.split('.').next().unwrap_or(part)) => {
            Some("it is the name of a device on Windows")
        }
        _ => None,
    }
}

/// A file on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    /// Where it is in the repository.
    pub path: FilePath,
    /// In bytes.
    pub size: u64,
    /// Of large files, which the models are, a SHA-256; of small ones what Git has. Without one a file is not fetched.
    pub checksum: Option<Checksum>,
}

impl HubFile {
    /// Of a large file.
    pub fn sha256(&self) -> Option<Sha256Sum> {
        match self.checksum? {
            Checksum::Sha256(sum) => Some(sum),
            Checksum::Git(_) => None,
        }
    }
}

/// All files of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Usable ones, in the hub's order.
    pub files: Vec<HubFile>,
    /// Those with names that cannot be used, and why.
    pub refused: Vec<HubError>,
}

impl Listing {
    pub(crate) fn from_entries(entries: Vec<TreeEntry>) -> Self {
        let mut listing = Self::default();
        let mut spellings: HashMap<String, usize> = HashMap::new();
        let mut files = Vec::new();
        for entry in entries {
            if entry.kind != "file" {
                continue;
            }
            match FilePath::new(&entry.path) {
                Ok(path) => {
                    let spelling = path.as_str().to_lowercase();
                    *spellings.entry(spelling).or_default() += 1;
                    // Of a large file `oid` and `size` outside `lfs` may be those of its pointer.
                    let (size, checksum) = match entry.lfs {
                        Some(lfs) => (lfs.size, lfs.oid.parse().ok().map(Checksum::Sha256)),
                        None => (entry.size, entry.oid.parse().ok().map(Checksum::Git)),
                    };
                    files.push(HubFile {
                        path,
                        size,
                        checksum,
                    });
                }
                Err(error) => listing.refused.push(error),
            }
        }
        for file in files {
            // On a file system that ignores case, one would take the other's place: which is which is a guess, so neither.
            if spellings.get(&file.path.as_str().to_lowercase()) == Some(&1) {
                listing.files.push(file);
            } else {
                listing.refused.push(HubError::Name {
                    name: printable(file.path.as_str()),
                    reason: "another file differs from it by capital letters only",
                });
            }
        }
        listing
    }
}

#[cfg(test)]
mod tests;
