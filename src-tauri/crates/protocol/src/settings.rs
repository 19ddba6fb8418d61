//! Settings: one TOML file, each value of which can come from the environment too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ModelRef, Sampling};

/// All settings, with the environment applied. Unknown keys in the file are kept there and ignored here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `NEXUS_THEME`.
    pub theme: Theme,
    /// `NEXUS_DEFAULT_MODEL`: for new chats; with it the first-run screen is not shown.
    pub default_model: Option<ModelRef>,
    /// `NEXUS_OFFLINE`: nothing leaves this machine; servers on it are asked as before.
    pub offline: bool,
    /// `NEXUS_AUTO_TITLE`: let the model name a chat after its first answer.
    pub auto_title: bool,
    /// `NEXUS_IDLE_UNLOAD_MINUTES`: a local model leaves the memory after this long without a question; 0 is never.
    pub idle_unload_minutes: u32,
    /// `NEXUS_SYSTEM_PROMPT`: added to the agent's own instructions.
    pub system_prompt: String,
    /// `NEXUS_MAX_TOOL_CALLS`: in one turn.
    pub max_tool_calls: u32,
    /// `NEXUS_MAX_UNATTENDED_MINUTES`: how long a turn works without a word of the user before it pauses.
    pub max_unattended_minutes: u32,
    /// `NEXUS_MAX_TURN_COST_USD`: what one turn may cost before it pauses; 0 is no limit.
    pub max_turn_cost_usd: f64,
    /// `NEXUS_ALLOW_RULES`: calls that run without asking, such as `shell(git status *)` or `write_file(src/**)`.
    pub allow_rules: Vec<String>,
    /// `NEXUS_ASK_RULES`: calls that are asked for whatever the mode.
    pub ask_rules: Vec<String>,
    /// `NEXUS_DENY_RULES`: calls that never run.
    pub deny_rules: Vec<String>,
    /// `NEXUS_MODELS_DIR`: the folder of local models, an absolute path; `models` in the data folder where there is none.
    pub models_dir: Option<String>,
    /// `NEXUS_HUB_URL`: the hub that models are searched and fetched at: Hugging Face, or a mirror of it.
    pub hub_url: String,
    /// `NEXUS_LOG`: a tracing filter such as `info` or `nexus=debug`.
    pub log: String,
    /// `NEXUS_UNSANDBOXED_MODELS`: whether models of this machine may run where their sandbox does not work.
    pub unsandboxed_models: bool,
    /// Providers besides the built-in ones, or built-in ones with another address.
    pub providers: Vec<ProviderEntry>,
    /// `NEXUS_MODELS`: what is set for single models, by their names; JSON in the environment.
    pub models: BTreeMap<ModelRef, ModelSettings>,
}

/// What is set for one model: its engine, and how it draws its words. What is not set here is left to the model's provider, or to the app's own choice for local
/// models: temperature 0.7, the 40 likeliest tokens, of these as many as make 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSettings {
    /// The engine that runs it, where it is a model of this machine; the app chooses where none is named.
    pub backend: Option<LocalBackend>,
    /// Temperature, 0.0 ..= 2.0.
    pub temperature: Option<f32>,
    /// The rest.
    #[serde(flatten)]
    pub sampling: Sampling,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            default_model: None,
            offline: false,
            auto_title: true,
            idle_unload_minutes: 15,
            system_prompt: String::new(),
            max_tool_calls: 50,
            max_unattended_minutes: 15,
            max_turn_cost_usd: 2.0,
            allow_rules: Vec::new(),
            ask_rules: Vec::new(),
            deny_rules: Vec::new(),
            models_dir: None,
            hub_url: "https://huggingface.co".into(),
            log: "info".into(),
            unsandboxed_models: false,
            providers: Vec::new(),
            models: BTreeMap::new(),
        }
    }
}

/// An engine for models of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalBackend {
    /// llama.cpp.
    Llama,
    /// mistral.rs.
    Mistral,
}

/// Light, dark, or as the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Who serves remote models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderEntry {
    /// `[a-z0-9-]{1,32}`, not `local`; the part of a model's name before the slash.
    pub id: String,
    /// For people; the id where it is empty.
    #[serde(default)]
    pub name: String,
    /// How it speaks.
    #[serde(default)]
    pub kind: ProviderKind,
    /// Without `/chat/completions`, such as `https://openrouter.ai/api/v1`.
    pub base_url: String,
    /// Where its key is: `env:NAME`, `keychain`, or `none`.
    #[serde(default = "keychain")]
    pub key: String,
}

fn keychain() -> String {
    "keychain".into()
}

/// How a provider speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// OpenAI's chat completions, as most speak it.
    #[default]
    OpenaiCompat,
    /// The same with OpenRouter's reasoning, costs and model list.
    Openrouter,
}
