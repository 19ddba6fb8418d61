//! What does not run while the user is offline by choice.
//!
//! Owns which actions could send something off this machine. Refuses to know whether the switch is on. No mode, rule or answer is
//! asked: offline is the user's word already.

use nexus_protocol::{Action, Capability, Confinement};

const NETWORK: &str = "The user is offline by choice, so nothing may use the network. Do not try it in another way: go on without \
it, or say what you would need.";
const NOT_HELD: &str = "The user is offline by choice, and on this machine programs cannot be kept off the network, so none is \
started. Go on without it, or say what you would run.";

/// Why an action does not run offline, for the model; `None` where it stays on this machine.
pub fn offline(action: &Action) -> Option<&'static str> {
    let held = |sandbox: &Confinement| *sandbox == Confinement::Full;
    if action.network.is_some() || action.capability == Capability::Network {
        Some(NETWORK)
    } else if action.process.as_ref().is_some_and(|it| !held(&it.sandbox)) {
        Some(NOT_HELD)
    } else {
        None
    }
}
