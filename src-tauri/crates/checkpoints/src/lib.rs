//! What is needed to take file changes back.
//!
//! Owns: the contents of files before a call changed them (content-addressed, in the data folder), the journal of what was
//! changed by which call, undo and redo, and diffs. Refuses to own: who changes files (the tools) and when something is undone
//! (the user). It touches only paths that the journal names, and never overwrites a file that somebody else changed since.
//!
//! All calls block and may read many files: run them where that is no harm.
//!
//! ```text
//! <root>/lock                         shared by all that work, exclusive for what erases
//! <root>/blobs/ab/ab12…               contents, by SHA-256
//! <root>/sessions/<id>.jsonl          what happened, a record a line, each line summed with all before it
//! <root>/sessions/<id>.lock           one at a time
//! <root>/sessions/<id>.trees/12ab…    folders as they were before programs ran, by SHA-256
//! ```

mod blobs;
mod collect;
mod compare;
mod diff;
mod error;
#[cfg(test)]
mod fixture;
mod journal;
mod keeper;
mod key;
mod ledger;
mod lock;
mod log;
mod look;
mod place;
mod plan;
mod record;
mod recorder;
mod restore;
mod scope;
mod state;
mod tree;
mod undo;

pub use diff::file_diff;
pub use error::CheckpointError;
pub use journal::{Checkpoints, Journal};
pub use record::Intent;
pub use recorder::{Kept, Recorder, TreeMark};
