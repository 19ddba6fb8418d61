//! What confines the programs that tools start.
//!
//! Owns: the description of a confined program ([`Spec`]), what this machine can do ([`Machine`]), and the command line that
//! starts a program confined ([`Sandbox::command`]): the launcher `nexus-sandbox`, which takes away rights from itself and then
//! becomes the program. Refuses to own: who may run what (policy), waiting, output and time limits (the tools). Fails closed: where
//! a layer cannot be applied, the launcher exits with [`FAILED`] before the program starts.

mod machine;
mod protected;
pub mod seatbelt;
mod spec;
pub mod view;

pub use machine::{Layer, Machine};
pub use protected::{is_protected, protected};
pub use spec::{Kind, Limits, Sandbox, Spec, Unavailable};

/// The launcher's exit code where the program was not started. The reason is one line on its standard error that begins with
/// [`FAILED_PREFIX`].
pub const FAILED: i32 = 125;
/// Begins the line that says why a program was not started.
pub const FAILED_PREFIX: &str = "nexus-sandbox: ";
/// The launcher's first argument that asks what this machine can do.
pub const PROBE: &str = "--probe";
/// The launcher's first argument that asks for limits and nothing else.
pub const UNCONFINED: &str = "--unconfined";
