//! The crate against a hub on loopback: one binary, so it links once.

#![expect(clippy::unwrap_used, reason = "tests")]

mod api;
mod bundles;
mod cutting;
mod fetching;
mod oddities;
mod support;
