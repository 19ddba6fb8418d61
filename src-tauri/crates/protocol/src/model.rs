//! Models: how they are named, what is known of them, what they cost.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A model's name: `provider/model` or `local/file-or-catalogue-id`. The part after the first slash may hold more slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelRef(pub String);

impl ModelRef {
    /// The provider of models on this machine.
    pub const LOCAL: &'static str = "local";

    /// Puts the two parts together.
    pub fn new(provider: &str, model: &str) -> Self {
        Self(format!("{provider}/{model}"))
    }

    /// The part before the first slash; empty where there is none.
    pub fn provider(&self) -> &str {
        self.0.split_once('/').map_or("", |(provider, _)| provider)
    }

    /// The part after the first slash; the whole where there is none.
    pub fn model(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(self.0.as_str(), |(_, model)| model)
    }

    /// Whether it runs in a worker process of this app.
    pub fn is_local(&self) -> bool {
        self.provider() == Self::LOCAL
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a model's computation happens: what the user must be able to tell at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelPlace {
    /// In a worker process of this app, or a server on this machine: nothing leaves it.
    ThisMachine,
    /// Somebody else's computer.
    Cloud,
}

/// What is known of a model before it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Its name here.
    pub model: ModelRef,
    /// For people.
    pub display_name: String,
    /// Where it runs.
    pub place: ModelPlace,
    /// Context window, tokens; `None` where the provider does not say.
    #[serde(default)]
    pub context_tokens: Option<u32>,
    /// Upper bound of one answer, tokens.
    #[serde(default)]
    pub max_output_tokens: Option<u32>,
    /// Whether it can call tools.
    #[serde(default)]
    pub tools: bool,
    /// Whether it takes images.
    #[serde(default)]
    pub images: bool,
    /// Cloud prices.
    #[serde(default)]
    pub pricing: Option<Pricing>,
    /// Size of the file, bytes; local models only.
    #[serde(default)]
    pub file_bytes: Option<u64>,
    /// `Q4_1` and the like; local models only.
    #[serde(default)]
    pub quantization: Option<String>,
}

/// US dollars for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pricing {
    /// Of what the model reads.
    pub input_per_million: f64,
    /// Of what it writes.
    pub output_per_million: f64,
}

/// What one or more model calls used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, cached ones among them.
    pub input_tokens: u64,
    /// Tokens written, reasoning among them.
    pub output_tokens: u64,
    /// Of the tokens read: found in the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Of the tokens written: reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// US dollars: as billed where the provider says, else from its prices; 0 on this machine.
    #[serde(default)]
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// Both together. A cost is known where either knows one.
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
            cost_usd: match (self.cost_usd, other.cost_usd) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            },
        }
    }
}
