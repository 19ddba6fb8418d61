//! Programs that really run: bash, Python and Node of this machine, in the sandbox.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod bombs;
#[cfg(feature = "built-in-interpreters")]
mod built_in;
mod changes;
mod code;
mod desk;
mod ends;
mod git;
mod jobs;
mod shell;
