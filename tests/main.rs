//! Integration tests of the app without a window, in one binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod capabilities;
mod structure;
