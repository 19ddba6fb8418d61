//! Known providers, as data.
//!
//! Owns: who they are, where, and how each departs from the common dialect (`vendors.json`). Refuses to own: the user's own
//! entries, and what is done about a departure (`wire`, `remote`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nexus_protocol::ProviderKind;
use serde::Deserialize;
use url::Url;

/// A provider that the app knows of.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// The part of a model's name before the slash.
    pub id: String,
    /// For people.
    pub name: String,
    /// Without `/chat/completions`.
    pub base_url: String,
    /// Environment variables that may hold the key, the first one set counts.
    pub key_env: Vec<String>,
    /// Where people get a key.
    pub key_url: Option<String>,
    /// How it speaks.
    #[serde(default)]
    pub kind: ProviderKind,
    /// Whether it refuses calls without a key.
    pub needs_key: bool,
    /// Whether it is a server on this machine.
    #[serde(default)]
    pub local: bool,
    /// How it departs from the common dialect.
    #[serde(default)]
    pub quirks: Quirks,
}

/// How a provider departs from the common dialect.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// How the limit of new tokens is called.
    pub max_tokens_field: MaxTokensField,
    /// Whether it takes `stream_options` (else it sends token counts unasked, or none).
    pub stream_options: bool,
    /// Which ids of tool calls it takes back.
    pub tool_call_ids: ToolCallIds,
    /// Names' beginnings of models that refuse a temperature.
    pub fixed_temperature: Vec<String>,
    /// Upper bound of the temperature.
    pub max_temperature: f32,
    /// Whether it takes a `seed`.
    pub seed: bool,
    /// Whether models are taken to call tools where the list does not say.
    pub assume_tools: bool,
    /// Whether models are taken to take images where the list does not say.
    pub assume_images: bool,
    /// Parts of names of models that do not chat.
    pub hide_models: Vec<String>,
    /// What its list puts before each name.
    pub model_prefix: Option<String>,
    /// The header for the key of the list of models, where it is not `authorization`.
    pub list_key_header: Option<String>,
    /// Headers that the list of models needs.
    pub list_headers: BTreeMap<String, String>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            max_tokens_field: MaxTokensField::default(),
            stream_options: true,
            tool_call_ids: ToolCallIds::default(),
            fixed_temperature: Vec::new(),
            max_temperature: 2.0,
            seed: true,
            assume_tools: true,
            assume_images: false,
            hide_models: Vec::new(),
            model_prefix: None,
            list_key_header: None,
            list_headers: BTreeMap::new(),
        }
    }
}

/// How the limit of new tokens is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// `max_tokens`.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// Which ids of tool calls a provider takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolCallIds {
    /// Any.
    #[default]
    Any,
    /// Nine letters and digits: others are mapped to such.
    NineAlphanumeric,
}

static VENDORS: LazyLock<Vec<Vendor>> =
    // The file is part of the program; a test holds that it reads.
    LazyLock::new(|| serde_json::from_str(include_str!("vendors.json")).unwrap_or_default());

/// All known providers.
pub fn vendors() -> &'static [Vendor] {
    &VENDORS
}

/// The known provider at an address, by host and port: its quirks hold whatever the user calls it.
pub fn vendor_at(base_url: &str) -> Option<&'static Vendor> {
    let url = Url::parse(base_url).ok()?;
    let place = |url: &Url| -> Option<(String, Option<u16>)> {
        let host = match url.host_str()? {
            "localhost" | "[::1]" => "127.0.0.1",
            other => other,
        };
        Some((host.to_owned(), url.port_or_known_default()))
    };
    let wanted = place(&url)?;
    vendors().iter().find(|vendor| {
        Url::parse(&vendor.base_url).is_ok_and(|known| place(&known).as_ref() == Some(&wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place_of;
    use nexus_protocol::ModelPlace;

    #[test]
    fn the_list_reads_and_is_sound() {
        let ids: Vec<&str> = vendors().iter().map(|vendor| vendor.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "openrouter",
                "openai",
                "anthropic",
                "gemini",
                "groq",
                "mistral",
                "deepseek",
                "xai",
                "ollama",
                "lmstudio",
                "vllm",
                "llamacpp"
            ]
        );
        for vendor in vendors() {
            let local = place_of(&vendor.base_url) == ModelPlace::ThisMachine;
            assert_eq!(local, vendor.local, "{}", vendor.id);
            assert_eq!(local, !vendor.needs_key, "{}", vendor.id);
            assert_eq!(vendor.key_url.is_some(), vendor.needs_key, "{}", vendor.id);
            assert_eq!(vendor_at(&vendor.base_url), Some(vendor), "{}", vendor.id);
            assert!(
                local || vendor.base_url.starts_with("https://"),
                "{}",
                vendor.id
            );
        }
    }

    #[test]
    fn quirks_go_by_address() {
        let id = |url| vendor_at(url).map(|vendor| vendor.id.as_str());
        assert_eq!(id("http://localhost:11434/v1"), Some("ollama"));
        assert_eq!(id("https://api.mistral.ai"), Some("mistral"));
        assert_eq!(id("https://api.mistral.ai.example.com/v1"), None);
        assert_eq!(id("http://127.0.0.1:9/v1"), None);
    }
}
