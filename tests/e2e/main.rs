//! The real app in a real window, driven through WebDriver, with a real model and a real keyring.
//!
//! `cargo xtask test` gives these tests a display, a session bus with an unlocked keyring, and the programs by name; a
//! missing one is a failure. One window at a time: run with one thread.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at the first thing that is not as it should be, and prints what it measured"
)]

mod app;
mod canary;
mod cloud;
mod csp;
mod driver;
mod faults;
mod hostile;
mod kill;
mod layout;
mod models;
mod offline;
mod perf;
mod pictures;
mod reaction;
mod story;
mod tasks;
mod terminal;
