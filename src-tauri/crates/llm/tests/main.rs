//! Remote providers against a scripted one: every fault, every cut of the bytes, every rule of a request.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and the fault table prints its count"
)]

mod decoding;
mod events;
mod faults;
mod harness;
mod keys;
mod listing;
mod remote;
