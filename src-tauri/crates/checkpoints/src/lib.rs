//! What is needed to take file changes back.
//!
//! Owns: the contents of files before a call changed them (content-addressed, in the data folder), the journal of what was
//! changed by which call, undo and redo, and diffs. Refuses to own: who changes files (the tools) and when something is undone
//! (the user). It touches only paths that the journal names, and never overwrites a file that somebody else changed since.
//!
//! All calls block and may read many files: run them where that is no harm.

mod diff;
mod error;
mod journal;

pub use diff::file_diff;
pub use error::CheckpointError;
pub use journal::{Checkpoints, Intent, Journal, Kept, Recorder, TreeMark};
