//! The store from outside, with more than one process and more than one handle.

mod kill;
mod two_handles;
