//! The shapes of the hub's answers, and what is kept of them.
//!
//! Owns: reading JSON that may be anything: what is missing has a default, what has the wrong type is an error of the whole
//! answer. Refuses to own: getting it (`client`).

use serde::Deserialize;

use crate::{ModelId, error::HubError, skills::Skills};

/// Whether terms must be accepted before files are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gated {
    /// Open.
    #[default]
    No,
    /// Accepting the terms is enough.
    Automatic,
    /// The author looks at each request.
    Manual,
}

/// A model in a list of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSummary {
    /// Its name.
    pub id: ModelId,
    /// In the last thirty days.
    pub downloads: u64,
    /// Hearts.
    pub likes: u64,
    /// `license:…` among its tags, without the prefix.
    pub license: Option<String>,
    /// Lists do not always say it.
    pub gated: Option<Gated>,
    /// As tags and task say.
    pub skills: Skills,
}

/// What the hub read out of the model's GGUF files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GgufFacts {
    /// Weights, as a count.
    #[serde(rename = "total")]
    pub parameters: Option<u64>,
    /// `qwen2`, `llama`, …
    pub architecture: Option<String>,
    /// In tokens.
    pub context_length: Option<u64>,
    /// What turns a conversation into a prompt.
    pub chat_template: Option<String>,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its name.
    pub id: ModelId,
    /// The commit that was described: pin listings and downloads to it, so that they cannot disagree.
    pub commit: Option<String>,
    /// In the last thirty days.
    pub downloads: u64,
    /// Hearts.
    pub likes: u64,
    /// Whether terms must be accepted.
    pub gated: Gated,
    /// `apache-2.0`, …
    pub license: Option<String>,
    /// Where the hub gives it.
    pub gguf: Option<GgufFacts>,
    /// As tags, task and template say.
    pub skills: Skills,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireModel {
    id: String,
    #[serde(default)]
    sha: Option<String>,
    #[serde(default)]
    downloads: u64,
    #[serde(default)]
    likes: u64,
    #[serde(default)]
    gated: Option<WireGated>,
    #[serde(default)]
    tags: Vec<String>,
    // The one name of this interface with an underscore.
    #[serde(default, rename = "pipeline_tag")]
    task: Option<String>,
    #[serde(default)]
    card_data: Option<WireCard>,
    #[serde(default)]
    gguf: Option<GgufFacts>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireGated {
    Flag(bool),
    How(String),
}

#[derive(Deserialize)]
struct WireCard {
    #[serde(default)]
    license: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// One row of a tree.
#[derive(Deserialize)]
pub(crate) struct TreeEntry {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) path: String,
    /// What Git calls the content, or the pointer to it.
    #[serde(default)]
    pub(crate) oid: String,
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) lfs: Option<TreeLfs>,
}

#[derive(Deserialize)]
pub(crate) struct TreeLfs {
    /// The SHA-256 of the content.
    pub(crate) oid: String,
    pub(crate) size: u64,
}

impl WireModel {
    fn license(&self) -> Option<String> {
        let card = self
            .card_data
            .as_ref()
            .and_then(|card| card.license.as_ref());
        let text = match card {
            Some(OneOrMany::One(license)) => Some(license.clone()),
            Some(OneOrMany::Many(licenses)) => Some(licenses.join(", ")),
            None => self
                .tags
                .iter()
                .find_map(|tag| tag.strip_prefix("license:"))
                .map(str::to_owned),
        };
        text.filter(|text| !text.is_empty())
            .map(|text| text.chars().filter(|c| !c.is_control()).take(80).collect())
    }

    fn gated(&self) -> Option<Gated> {
        self.gated.as_ref().map(|gated| match gated {
            WireGated::Flag(false) => Gated::No,
            WireGated::How(how) if how == "manual" => Gated::Manual,
            // An unknown way to ask is still a gate.
            WireGated::Flag(true) | WireGated::How(_) => Gated::Automatic,
        })
    }

    fn skills(&self) -> Skills {
        let template = self
            .gguf
            .as_ref()
            .and_then(|gguf| gguf.chat_template.as_deref());
        let tags = self.tags.iter().map(String::as_str);
        Skills::read(tags, self.task.as_deref(), template)
    }

    /// Lists hold old models without an author (`gpt2`): those are left out, none of them is a GGUF.
    pub(crate) fn summary(self) -> Option<ModelSummary> {
        Some(ModelSummary {
            id: self.id.parse().ok()?,
            downloads: self.downloads,
            likes: self.likes,
            license: self.license(),
            gated: self.gated(),
            skills: self.skills(),
        })
    }

    pub(crate) fn info(self) -> Result<ModelInfo, HubError> {
        let commit = self
            .sha
            .clone()
            .filter(|sha| sha.len() == 40 && sha.bytes().all(|b| b.is_ascii_hexdigit()));
        Ok(ModelInfo {
            id: self
                .id
                .parse()
                .map_err(|_| HubError::BadAnswer("the model has no usable name".into()))?,
            commit,
            downloads: self.downloads,
            likes: self.likes,
            gated: self.gated().unwrap_or_default(),
            license: self.license(),
            skills: self.skills(),
            gguf: self.gguf,
        })
    }
}
