//! Remote providers against a scripted one: every fault, every cut of the bytes, every rule of a request.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod decoding;
mod events;
mod faults;
mod harness;
mod keys;
mod listing;
mod offline;
mod remote;
