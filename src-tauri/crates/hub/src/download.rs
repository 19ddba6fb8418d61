//! Downloads that survive cuts, kills and restarts, and never give a wrong file its name.
//!
//! Owns: what is asked for, the limits, and what a front end sees. One step a file below: `queue` hands out downloads, `driver` runs one, `one` takes a
//! file from its lock to its name, `transfer` fetches pieces and tries again, `source` makes one request, `part` and `journal`
//! hold what came, `verify` checks it. Refuses to own: which file to take (`choice`).

mod driver;
mod journal;
mod lock;
mod meter;
mod notes;
mod one;
mod part;
mod paths;
mod plan;
mod queue;
mod ranges;
mod source;
mod space;
mod transfer;
mod verify;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{ModelId, error::HubError, tree::HubFile};

pub use lock::Lock;
pub use queue::{Download, Downloads, discard, unfinished};

/// Files of one model, and where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose files.
    pub model: ModelId,
    /// The commit they were listed at, or a branch.
    pub revision: String,
    /// One, or all parts of a split model. Each is named by the last part of its path.
    pub files: Vec<HubFile>,
    /// Fetched after those, in the same way but with less patience. One that does not come is left out; one whose name is taken
    /// by another of the files, too.
    pub optional: Vec<HubFile>,
    /// Made where it is missing.
    pub folder: PathBuf,
}

/// How hard a download tries. The defaults suit everyone; tests need shorter ones.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections a file at most.
    pub parts: usize,
    /// Bytes that are worth a connection of their own.
    pub part_at_least: u64,
    /// Bytes asked for at a time.
    pub piece: u64,
    /// Between two chunks of a body.
    pub idle: Duration,
    /// Time over which the slowest bearable rate is measured.
    pub slow_window: Duration,
    /// Bytes that must come in it.
    pub slow_bytes: u64,
    /// Failures in a row of one piece until the download gives up.
    pub tries: u32,
    /// The same for a file that may be left out.
    pub optional_tries: u32,
    /// Bytes that make up for the failures before.
    pub progress: u64,
    /// Upper bound of the first random wait; doubles with each failure.
    pub backoff_base: Duration,
    /// Upper bound of every random wait.
    pub backoff_cap: Duration,
    /// A server that asks to wait longer ends the download.
    pub wait_cap: Duration,
    /// Bytes that stay free on the disk.
    pub space_margin: u64,
    /// Bytes after which what came is made to last.
    pub save_bytes: u64,
    /// Time after which what came is made to last.
    pub save_every: Duration,
    /// New beginnings because the file changed on the server.
    pub restarts: u32,
    /// Free bytes where a folder is.
    pub free_space: fn(&Path) -> io::Result<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parts: 4,
            part_at_least: 4 * 1024 * 1024,
            piece: 64 * 1024 * 1024,
            idle: Duration::from_secs(30),
            slow_window: Duration::from_secs(30),
            slow_bytes: 32 * 1024,
            tries: 8,
            optional_tries: 3,
            progress: 64 * 1024,
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(30),
            wait_cap: Duration::from_secs(300),
            space_margin: 256 * 1024 * 1024,
            save_bytes: 32 * 1024 * 1024,
            save_every: Duration::from_secs(2),
            restarts: 2,
            free_space: |folder| fs4::available_space(folder),
        }
    }
}

/// What a download is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Others are before it.
    Queued,
    /// Another process or download works on the same file.
    WaitingForOther,
    /// Bytes come.
    Fetching,
    /// All came; the SHA-256 is being computed.
    Verifying,
    /// By the user.
    Paused,
    /// All files have their names.
    Done,
    /// Ended. [`HubError::Cancelled`] where the user wanted it so.
    Failed(HubError),
}

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub state: State,
    /// Bytes on disk, of all files.
    pub received: u64,
    /// Bytes of all files.
    pub total: u64,
    /// Bytes a second, smoothed over some seconds; `None` while nothing is known.
    pub rate: Option<u64>,
    /// At this rate.
    pub left: Option<Duration>,
    /// Why it is waiting before another try; `None` while all goes well.
    pub trouble: Option<HubError>,
    /// Files that are done.
    pub files_done: usize,
    /// Files in all.
    pub files: usize,
}

/// What happens to a part when its download is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// The next start goes on from there.
    Keep,
    /// Nothing stays.
    Remove,
}

/// Why a step did not come to its end.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Another try may help, after this time where the server said one.
    Retry {
        error: HubError,
        after: Option<Duration>,
    },
    /// The server has other bytes now.
    Changed,
    /// The server sends whole files only.
    NoRanges,
    /// Nothing helps.
    Fatal(HubError),
    /// Someone wanted it so.
    Stopped,
}

impl Trouble {
    pub(crate) fn retry(error: HubError) -> Self {
        Self::Retry { error, after: None }
    }
}

impl From<HubError> for Trouble {
    fn from(error: HubError) -> Self {
        Self::Fatal(error)
    }
}
