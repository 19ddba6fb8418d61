//! The session actor and its turn loop.
//!
//! Owns: one actor a session, the loop of model calls and tool calls that a turn is, what of the history goes to a model,
//! summaries of what no longer fits, cancellation, and titles. Refuses to own: providers, tools and storage (it is given them), and any environment, clock or
//! global: all of it comes in [`AgentDeps`].
//!
//! One way through: [`SessionHandle::submit`] → the actor → a turn, which commits the user's item, then repeats
//! `context::build` → [`nexus_llm::Model::stream`] → items and events → tools, until the model stops. All that a
//! front end sees is [`nexus_protocol::Event`]s; the session's own state is the fold of the same events.

mod actor;
mod approvals;
mod cards;
mod changes;
mod compaction;
mod context;
mod deps;
mod journal;
mod prompt;
mod session;
mod title;
mod turn;
mod workbench;

pub use deps::{AgentDeps, EventSink, ModelResolver, RuleBook, TurnSettings};
pub use session::SessionHandle;
