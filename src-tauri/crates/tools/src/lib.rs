//! What the agent may do: one file a tool, a registry of them, and the policy that decides whether a call may run.
//!
//! Owns: the [`Tool`] trait, its inputs' schemas, the [`Registry`], [`policy`], and the tools themselves. Refuses to own:
//! who asks (the agent's turn loop), approvals, and any clock, environment or global: a tool is given what it needs in
//! its [`ToolContext`].

pub mod policy;
mod registry;
mod tool;
mod utility;

pub use registry::Registry;
pub use tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
pub use utility::{Calculate, CurrentTime};

#[cfg(test)]
mod tests;
