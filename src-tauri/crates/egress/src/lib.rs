//! The one way out of this machine: every HTTP client of the agent, behind the offline switch.
//!
//! Owns: making clients, looking names up, what counts as this machine, and the switch. No other crate may name an HTTP library or
//! open a socket (the root package's `tests/structure.rs` holds that), so whoever talks to the network passes the switch. Refuses
//! to own: whom to talk to, and what is said.
//!
//! Invariants, each held by a test:
//! 1. While the switch is on, a request to another machine fails before its name is looked up and before a connection is made.
//! 2. Turning it on ends requests and answers under way, and closes connections that were kept for later.
//! 3. Addresses of this machine are told by how they are written, never by what a name resolves to.

mod answer;
mod client;
mod error;
mod place;
mod request;
mod switch;

pub use answer::Answer;
pub use client::{Client, Protocol, Rules, lookup};
pub use error::EgressError;
pub use place::{is_this_host, is_this_machine};
pub use request::Request;
pub use reqwest::{StatusCode, header};
pub use switch::Switch;
