//! Sessions, their items, what they cost, small app state, and the search over all of it, in one SQLite file.
//!
//! Owns the file and is the only crate that names rusqlite. Refuses to decide: no clock, no ids, no policy of its own.
//!
//! # What is on disk when
//! A call that changes something runs in one transaction on the one writer thread. When it returns `Ok`, the commit is in
//! the write-ahead log and the log is synced (`synchronous=FULL`): a crash, a kill or a power cut after that loses nothing of
//! it. When it returns an error, nothing of it is in the database. When the caller goes away before the answer, the
//! change still happens, whole. [`Store::purge_deleted`] is the only call of several transactions; a crash in its middle
//! leaves sessions that cannot be restored and that the next purge finishes.
//!
//! Reads have a connection and a thread of their own and see all that was committed before they were asked.
//!
//! # Two processes
//! The app and the command line may have the same file open. A write waits up to five seconds for the other's, then fails
//! with [`StoreError::Busy`].
//!
//! # Erasing
//! A deleted session can be restored until it is purged. What is purged or removed is overwritten in the file
//! (`secure_delete`, and the same for the words in the search index); a purge empties the write-ahead log too.

mod connection;
mod error;
#[cfg(test)]
mod fixture;
mod items;
mod lane;
mod permissions;
mod recovery;
mod routing;
mod schema;
mod search;
mod sessions;
mod store;
mod usage;
mod values;

pub use error::StoreError;
pub use store::Store;
