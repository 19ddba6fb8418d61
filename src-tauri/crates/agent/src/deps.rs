//! What a session is given: it reads no environment, clock or global of its own.
//!
//! Owns the traits that the core implements for it.

use std::sync::Arc;

use futures::future::BoxFuture;
use nexus_checkpoints::Checkpoints;
use nexus_egress::Switch;
use nexus_llm::Model;
use nexus_protocol::{Clock, ErrorCard, Event, ModelRef};
use nexus_store::Store;
use nexus_tools::{Host, Registry, policy::Rules};

/// Finds the model behind a name.
pub trait ModelResolver: Send + Sync {
    /// The model, ready to be asked. Loads nothing and asks no network: that is for the first call of the model.
    ///
    /// # Errors
    /// The card to show: no such provider, no key, no file.
    fn resolve(&self, model: &ModelRef) -> BoxFuture<'_, Result<Arc<dyn Model>, ErrorCard>>;
}

/// Takes the events of all sessions.
pub trait EventSink: Send + Sync {
    /// Takes one. Never blocks: it is called while the session's state is locked, so that events leave in order.
    fn send(&self, event: Event);
}

/// The user's rules of all sessions.
pub trait RuleBook: Send + Sync {
    /// As they are now. Rules that cannot be read are left out where they allow, and are an error elsewhere: the core says so.
    fn rules(&self) -> Rules;

    /// Adds a rule that allows.
    ///
    /// # Errors
    /// The card to show where it cannot be saved; then nothing is allowed by it.
    fn allow(&self, rule: &str) -> BoxFuture<'_, Result<(), ErrorCard>>;
}

/// What a turn may want from the settings; asked once a turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnSettings {
    /// For sessions without a model.
    pub default_model: Option<ModelRef>,
    /// The user's own instructions, added to the agent's; empty for none. Nothing that changes from turn to turn: a
    /// stable beginning is what providers and workers cache.
    pub system_prompt: String,
    /// Tool calls in one turn, at most.
    pub max_tool_calls: u32,
    /// How long a turn may go on without a word of the user, milliseconds.
    pub max_unattended_ms: u64,
    /// US dollars that one turn may cost; 0 for no limit.
    pub max_turn_cost_usd: f64,
    /// Whether the model names the session after its first answer.
    pub auto_title: bool,
}

/// All that a session needs.
#[derive(Clone)]
pub struct AgentDeps {
    /// Where items are kept.
    pub store: Store,
    /// What the agent may do.
    pub tools: Registry,
    /// What this machine offers to tools.
    pub host: Arc<Host>,
    /// Where file changes are kept.
    pub checkpoints: Checkpoints,
    /// What the user allowed and forbade.
    pub rules: Arc<dyn RuleBook>,
    /// Who answers.
    pub models: Arc<dyn ModelResolver>,
    /// Who listens.
    pub events: Arc<dyn EventSink>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Whether nothing may leave this machine.
    pub offline: Switch,
    /// The settings as they are now.
    pub settings: Arc<dyn Fn() -> TurnSettings + Send + Sync>,
}
