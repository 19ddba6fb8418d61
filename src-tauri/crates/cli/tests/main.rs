//! The program `nexus` as scripts and people run it, against a scripted provider.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share reports its own faults by panicking"
)]

mod cli;
