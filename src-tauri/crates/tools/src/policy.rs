//! Whether a tool call may run.
//!
//! Owns the decision, as a pure function that fails closed. Refuses to act on it: the turn loop does.

mod carriers;
mod decide;
mod limits;
mod offline;
mod question;
mod reach;
mod rules;
mod shell;

pub use decide::{Decision, Permission, Question, decide};
pub use offline::offline;
pub use rules::{Rule, RuleError, Rules, Said, Verdict};
pub use shell::{PlainCommand, ShellLine};

use nexus_protocol::Action;

use crate::tool::sha256;

/// What an approval is bound to: SHA-256 of the action in canonical JSON, hexadecimal. Actions that differ in a byte of anything
/// differ in it.
pub fn fingerprint(action: &Action) -> String {
    digest(action)
}

/// The same of anything else that an answer of the user is bound to. What is no plain data has the digest of nothing, which no
/// plain data has.
pub fn digest(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    sha256(&text)
}
