//! Whether a tool call may run.
//!
//! Owns the decision, as a pure function that fails closed. Refuses to act on it: the turn loop does.

mod carriers;
mod decide;
mod limits;
mod question;
mod reach;
mod rules;
mod shell;

pub use decide::{Decision, Permission, Question, decide};
pub use rules::{Rule, RuleError, Rules, Said, Verdict};
pub use shell::{PlainCommand, ShellLine};

use nexus_protocol::Action;

use crate::tool::sha256;

/// What an approval is bound to: SHA-256 of the action in canonical JSON, hexadecimal. Actions that differ in a byte of anything
/// differ in it.
pub fn fingerprint(action: &Action) -> String {
    // A struct of strings and numbers always becomes JSON. An empty text never equals another's hash.
    let text = serde_json::to_vec(action).unwrap_or_default();
    sha256(&text)
}
