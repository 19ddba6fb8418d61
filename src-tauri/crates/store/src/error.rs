//! What can go wrong with the database, told apart by who can do something about it. Refuses to own recovery: nothing here
//! deletes, moves or rewrites a file.

use std::path::{Path, PathBuf};

use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode, ItemId, SessionId};
use rusqlite::{ErrorCode as SqliteCode, ffi};

/// Why the store could not do what was asked. Nothing of a failed call is in the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The SQLite that was linked has a bug that can corrupt databases. Nobody but the builder of the app can act.
    #[error("SQLite {found} is too old: {needed} is the oldest that is safe")]
    OldSqlite {
        /// As SQLite numbers itself: 3.51.3 is 3051003.
        found: i32,
        /// The oldest one accepted.
        needed: i32,
    },
    /// A newer version of the app wrote the file. It was not touched.
    #[error("the database has schema {found}, this version knows {supported} at most")]
    NewerSchema {
        /// The file's schema.
        found: i64,
        /// The newest this version knows.
        supported: i64,
    },
    /// The file is a database of another program. It was not touched.
    #[error("the file {} is the database of another program", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, or no database at all. It was not replaced.
    #[error("the file {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file or its folder cannot be opened or written.
    #[error("the file {} cannot be opened or written: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No space left. The same call works once there is.
    #[error("the disk is full")]
    DiskFull,
    /// Another process held the database for more than five seconds. The same call may work later.
    #[error("another process is using the database")]
    Busy,
    /// The disk failed: reading or writing gave an error.
    #[error("the disk failed: {reason}")]
    Io {
        /// What SQLite said.
        reason: String,
    },
    /// An item or a usage entry for a session that does not exist, or was erased.
    #[error("the chat does not exist, or was deleted for good")]
    NoSession,
    /// A session with this id exists already, perhaps a deleted one.
    #[error("session {session} exists already")]
    SessionExists {
        /// Which.
        session: SessionId,
    },
    /// What is stored of an item makes no sense to this version.
    #[error("item {item} cannot be read: {reason}")]
    UnreadableItem {
        /// Which.
        item: ItemId,
        /// What was found.
        reason: String,
    },
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
    /// Anything else that SQLite refused: a fault of the app.
    #[error("the database refused: {reason}")]
    Database {
        /// What SQLite said.
        reason: String,
    },
}

impl StoreError {
    /// What to show.
    pub fn card(&self) -> ErrorCard {
        let (title, detail) = match self {
            Self::OldSqlite { .. } => (
                "This build cannot store chats safely",
                format!("{}. Install a build with a newer SQLite.", capital(self)),
            ),
            Self::NewerSchema { .. } => (
                "Your chats were written by a newer version",
                format!(
                    "{}. Update Nexus Agent to open them. Nothing was changed.",
                    capital(self)
                ),
            ),
            Self::NotOurs { .. } => (
                "The database belongs to another program",
                format!(
                    "{}. Choose another data folder or move that file away. Nothing was changed.",
                    capital(self)
                ),
            ),
            Self::Damaged { .. } => (
                "The database is damaged",
                format!(
                    "{}. The file was left as it is: keep a copy of it and of its -wal neighbour, then move both away to start \
                     afresh, or put a backup in their place.",
                    capital(self)
                ),
            ),
            Self::Unwritable { .. } => (
                "The database cannot be written",
                format!(
                    "{}. Check that the folder exists and that you may write to it, or choose another data folder.",
                    capital(self)
                ),
            ),
            Self::DiskFull => (
                "The disk is full",
                "The last change was not saved. Free some space and try again.".to_owned(),
            ),
            Self::Busy => (
                "The database is busy",
                "Another process held it for more than 5 seconds. Close other copies of Nexus Agent or try again."
                    .to_owned(),
            ),
            Self::Io { .. } => (
                "The disk failed",
                format!(
                    "{}. Check the disk and its connection, then try again.",
                    capital(self)
                ),
            ),
            Self::NoSession => (
                "The chat is gone",
                format!("{}. Start a new chat.", capital(self)),
            ),
            Self::SessionExists { .. } | Self::Database { .. } => (
                "The database refused a change",
                format!(
                    "{}. This is a fault of the app; the log has more.",
                    capital(self)
                ),
            ),
            Self::UnreadableItem { .. } => (
                "A message cannot be read",
                format!(
                    "{}. A newer version of the app may have written it, or the database is damaged; nothing was changed.",
                    capital(self)
                ),
            ),
            Self::Closed => (
                "The database is closed",
                "The app is shutting down, or its storage stopped. Start it again.".to_owned(),
            ),
        };
        let action = match self {
            Self::DiskFull | Self::Busy | Self::Io { .. } => ErrorAction::Retry,
            Self::NoSession => ErrorAction::NewChat,
            _ => ErrorAction::None,
        };
        ErrorCard::new(ErrorCode::Storage, title, detail, action)
    }

    /// What an error of the operating system means for the file at `path`.
    pub(crate) fn from_io(error: &std::io::Error, path: &Path) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Unwritable {
                path: path.to_owned(),
                reason: error.to_string(),
            },
        }
    }

    /// What an error of SQLite means for the database at `path`.
    pub(crate) fn from_sqlite(error: &rusqlite::Error, path: &Path) -> Self {
        let reason = error.to_string();
        let path = path.to_owned();
        let rusqlite::Error::SqliteFailure(
            ffi::Error {
                code,
                extended_code,
            },
            _,
        ) = error
        else {
            return match error {
                // The schema is ours and strict: a value of another type was not written by this program.
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..) => Self::Damaged { path, reason },
                _ => Self::Database { reason },
            };
        };
        match code {
            SqliteCode::DatabaseCorrupt | SqliteCode::NotADatabase => {
                Self::Damaged { path, reason }
            }
            SqliteCode::DiskFull => Self::DiskFull,
            SqliteCode::DatabaseBusy | SqliteCode::DatabaseLocked => Self::Busy,
            SqliteCode::SystemIoFailure => Self::Io { reason },
            SqliteCode::ReadOnly | SqliteCode::CannotOpen | SqliteCode::PermissionDenied => {
                Self::Unwritable { path, reason }
            }
            _ if *extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Self::NoSession,
            _ => Self::Database { reason },
        }
    }
}

/// Why a piece of work on a connection failed, before it is known which file that was.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// The store itself did.
    Store(StoreError),
}

impl Fault {
    /// With the file it happened to.
    pub(crate) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::from_sqlite(&error, path),
            Self::Store(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The error as the beginning of a sentence.
fn capital(error: &StoreError) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
