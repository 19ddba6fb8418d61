//! What the agent may do: one file a tool, a registry of them, and the policy that decides whether a call may run.
//!
//! Owns: the [`Tool`] trait, its inputs' schemas, the [`Registry`], [`policy`], and the tools themselves. Refuses to own:
//! who asks (the agent's turn loop), approvals, and any clock, environment or global: a tool is given what it needs in
//! its [`ToolContext`].

mod arguments;
mod dev;
mod host;
mod io;
mod plain;
pub mod policy;
mod process;
mod registry;
mod session;
pub mod terminal;
#[cfg(test)]
mod testing;
mod tool;
mod utility;
mod workspace;

pub use arguments::{Repair, validate};
pub use host::{Host, Interpreters};
pub use registry::Registry;
pub use session::SessionTools;
pub use tool::{OutputSink, Prepared, Tool, ToolContext, ToolError, ToolOutput};
pub use workspace::Workspace;

#[cfg(test)]
mod tests;
