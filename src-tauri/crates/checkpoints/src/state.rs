//! What a path holds, as the journal says it. Refuses to look at the disk.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::{key::Key, record::Intent};

/// How a socket is named.
pub(crate) const SOCKET: &str = "a socket";

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) body: Body,
    /// Permission bits; `None` where the system has none, and for links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<u32>,
    /// Nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<i64>,
}

/// What kind of thing it is, and its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Body {
    Absent,
    File {
        sha256: String,
        size: u64,
    },
    /// A file of which only this is known.
    Unkept {
        size: u64,
        why: String,
    },
    Link {
        target: Key,
        /// Whether the system wants to know that it leads to a folder: Windows.
        #[serde(default)]
        folder: bool,
    },
    Folder,
    /// A pipe, a socket, a device.
    Special {
        what: String,
    },
}

impl State {
    pub(crate) const ABSENT: Self = Self {
        body: Body::Absent,
        mode: None,
        modified: None,
    };

    pub(crate) fn is_absent(&self) -> bool {
        self.body == Body::Absent
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.body == Body::Folder
    }

    pub(crate) fn is_socket(&self) -> bool {
        matches!(&self.body, Body::Special { what } if what == SOCKET)
    }

    /// Whether both hold the same content; permissions aside.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        use Body::{File, Unkept};
        match (&self.body, &other.body) {
            (File { sha256: one, .. }, File { sha256: two, .. }) => one == two,
            // Of one of them the content is not known: size and time are all there is to compare.
            (File { size: one, .. } | Unkept { size: one, .. }, Unkept { size: two, .. })
            | (Unkept { size: one, .. }, File { size: two, .. }) => {
                one == two && self.modified.is_some() && self.modified == other.modified
            }
            (one, two) => one == two,
        }
    }

    /// Whether nobody could tell one from the other but by its time.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let modes = match (self.mode, other.mode) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        modes && self.same_content(other)
    }

    /// Whether this is what somebody said they would make.
    pub(crate) fn is(&self, intent: &Intent) -> bool {
        match (intent, &self.body) {
            (Intent::Content(wanted), Body::File { sha256, .. }) => {
                wanted.eq_ignore_ascii_case(sha256)
            }
            (Intent::Absent, Body::Absent) | (Intent::Folder, Body::Folder) => true,
            _ => false,
        }
    }

    /// Why this cannot be put back; `None` where it can.
    pub(crate) fn not_kept(&self) -> Option<String> {
        match &self.body {
            Body::Unkept { why, .. } => Some(format!("its content was not kept: {why}")),
            Body::Special { what } => Some(format!("{what} has no content to keep")),
            _ => None,
        }
    }
}

/// Nanoseconds since 1970.
pub(crate) fn nanoseconds(time: SystemTime) -> i64 {
    let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => nanoseconds(after),
        Err(before) => -nanoseconds(before.duration()),
    }
}

/// The time so many nanoseconds from 1970.
pub(crate) fn time(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 {
        SystemTime::UNIX_EPOCH - distance
    } else {
        SystemTime::UNIX_EPOCH + distance
    }
}
