//! Models that could be had: what the hub offers, what the built-in catalogue knows, and whether this machine can run them.
//!
//! Owns the words of the Models page for what is not here yet. Refuses to own fetching (`download`) and what is here (`library`).

use serde::{Deserialize, Serialize};

use crate::{DownloadId, ErrorCard, ModelRef};

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubPage {
    /// The most downloaded first. A name or address that leads to one model gives that one.
    pub models: Vec<HubModel>,
    /// What to ask with for more; `None` at the end.
    #[serde(default)]
    pub next: Option<String>,
    /// The file that the address named, where it named one: of the only model.
    #[serde(default)]
    pub file: Option<String>,
    /// Why the hub could not be asked. `models` are then those of the built-in catalogue that match.
    #[serde(default)]
    pub trouble: Option<ErrorCard>,
}

/// A model as lists show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubModel {
    /// `author/name`.
    pub id: String,
    /// The part before the slash.
    pub author: String,
    /// In the last thirty days; `None` in the built-in catalogue.
    #[serde(default)]
    pub downloads: Option<u64>,
    /// Hearts; `None` in the built-in catalogue.
    #[serde(default)]
    pub likes: Option<u64>,
    /// `apache-2.0`, …
    #[serde(default)]
    pub license: Option<String>,
    /// Whether terms must be accepted before it can be fetched.
    #[serde(default)]
    pub gate: Gate,
    /// What it can do, as far as the hub says.
    #[serde(default)]
    pub skills: ModelSkills,
    /// The entry of the built-in catalogue that is this model: a good choice for most.
    #[serde(default)]
    pub known: Option<KnownModel>,
}

/// What the built-in catalogue says of a model: it works offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownModel {
    /// A short name that `nexus models pull` takes: `qwen2.5-0.5b`.
    pub name: String,
    /// For people: `Qwen2.5 0.5B`.
    pub title: String,
    /// What it is good for, one sentence.
    pub about: String,
    /// The file to take.
    pub file: String,
    /// Its size, bytes. Rounded: the hub has the last word, and the download checks against that.
    pub about_bytes: u64,
    /// Weights, rounded.
    pub parameters: u64,
    /// Longest context, tokens.
    pub context_tokens: u32,
    /// Whether it runs here, by the rounded size.
    pub fit: Fit,
    /// Where it is on this disk already.
    #[serde(default)]
    pub here: Option<ModelRef>,
}

/// Whether terms must be accepted before files are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Open, or the hub does not say.
    #[default]
    Open,
    /// Terms to accept on the model's page, and a token of that account.
    Terms,
    /// The author looks at each request.
    Approval,
}

/// What a model can do besides chatting. A `false` may mean that nobody said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSkills {
    /// Calls tools.
    #[serde(default)]
    pub tools: bool,
    /// Looks at images.
    #[serde(default)]
    pub vision: bool,
    /// Thinks before it answers.
    #[serde(default)]
    pub reasoning: bool,
    /// Makes vectors of texts, and does not chat.
    #[serde(default)]
    pub embedding: bool,
}

/// A model with all that can be fetched of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubDetails {
    /// As lists show it.
    pub model: HubModel,
    /// Its page, for people.
    pub page: String,
    /// The commit that was listed: give it back to the download, so that the two cannot disagree.
    pub revision: String,
    /// `qwen2`, `llama`, …
    #[serde(default)]
    pub architecture: Option<String>,
    /// Weights.
    #[serde(default)]
    pub parameters: Option<u64>,
    /// Longest context, tokens.
    #[serde(default)]
    pub context_tokens: Option<u32>,
    /// The context that the estimates of memory are for, tokens.
    pub estimated_context: u32,
    /// The smallest first.
    pub choices: Vec<ModelChoice>,
    /// Files that are left out, and why: one sentence each.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// One packing of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelChoice {
    /// What names it among the choices of its model: the path of its (first) file.
    pub file: String,
    /// What people read: `Q4_K_M`, or the file's name.
    pub label: String,
    /// As the file's name says.
    #[serde(default)]
    pub quantization: Option<String>,
    /// By bits.
    pub group: SizeGroup,
    /// The one to take on this machine; at most one choice of a model has it.
    pub recommended: bool,
    /// Of all its files, bytes.
    pub bytes: u64,
    /// How many files it is split into.
    pub files: u32,
    /// Whether it runs here.
    pub fit: Fit,
    /// Why the engines of this app cannot run it, whatever the memory; one sentence.
    #[serde(default)]
    pub unsupported: Option<String>,
    /// Whether it is here or on its way.
    pub state: ChoiceState,
}

/// How much of a model's quality a packing keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeGroup {
    /// Three bits a weight and less.
    Small,
    /// Four and five bits.
    Balanced,
    /// Six bits and more.
    Large,
}

/// Whether a packing is here or on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ChoiceState {
    /// Neither.
    #[default]
    Absent,
    /// A download of it runs or waits.
    Downloading {
        /// Which.
        download: DownloadId,
    },
    /// On this disk.
    Here {
        /// Its name.
        model: ModelRef,
    },
}

/// Whether a model runs on this machine, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// The word.
    pub label: FitLabel,
    /// Why: one sentence.
    pub reason: String,
    /// What it was reckoned from.
    pub estimate: MemoryEstimate,
}

/// The word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FitLabel {
    /// With room to spare, at a speed that one can read along with.
    Fits,
    /// It runs, but slower than one reads, or barely within the memory.
    Slow,
    /// There is not enough memory.
    WontFit,
}

/// Memory, in bytes, and what is free for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryEstimate {
    /// The weights.
    pub weights: u64,
    /// The embedding where the engine unpacks it beside the weights, else 0.
    pub embedding: u64,
    /// Keys and values of a full context.
    pub kv_cache: u64,
    /// That context, tokens.
    pub context_tokens: u32,
    /// The engine itself, and what it computes beside the context.
    pub base: u64,
    /// All of it.
    pub total: u64,
    /// Free now; `None` where the system does not say.
    #[serde(default)]
    pub free: Option<u64>,
    /// What the model that is in memory now gives back before this one is loaded. Comes on top of `free`.
    #[serde(default)]
    pub freed_by_unloading: u64,
    /// Whether the shape of the model was guessed from its number of weights instead of read from its file.
    #[serde(default)]
    pub approximate: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorAction, ErrorCode};

    fn round<T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug>(value: &T) {
        let text = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }

    fn fit() -> Fit {
        Fit {
            label: FitLabel::Slow,
            reason: "About 3 words a second.".into(),
            estimate: MemoryEstimate {
                weights: 1,
                embedding: 2,
                kv_cache: 3,
                context_tokens: 8192,
                base: 4,
                total: 10,
                free: Some(11),
                freed_by_unloading: 12,
                approximate: true,
            },
        }
    }

    #[test]
    fn pages_and_details_come_back_as_they_went() {
        let model = HubModel {
            id: "maker/model-GGUF".into(),
            author: "maker".into(),
            downloads: Some(1234),
            likes: Some(7),
            license: Some("apache-2.0".into()),
            gate: Gate::Terms,
            skills: ModelSkills {
                tools: true,
                vision: false,
                reasoning: true,
                embedding: false,
            },
            known: Some(KnownModel {
                name: "model".into(),
                title: "Model".into(),
                about: "Good.".into(),
                file: "model-Q4_K_M.gguf".into(),
                about_bytes: 5,
                parameters: 6,
                context_tokens: 512,
                fit: fit(),
                here: Some(ModelRef("local/model".into())),
            }),
        };
        round(&HubPage {
            models: vec![model.clone()],
            next: Some("cursor".into()),
            file: Some("model-Q4_K_M.gguf".into()),
            trouble: Some(ErrorCard::new(
                ErrorCode::Unreachable,
                "No hub",
                "Offline.",
                ErrorAction::Retry,
            )),
        });
        round(&HubDetails {
            model,
            page: "https://hub.example/maker/model-GGUF".into(),
            revision: "main".into(),
            architecture: Some("llama".into()),
            parameters: Some(8),
            context_tokens: Some(512),
            estimated_context: 512,
            choices: [
                ChoiceState::Absent,
                ChoiceState::Downloading {
                    download: DownloadId(uuid::Uuid::from_u128(9)),
                },
                ChoiceState::Here {
                    model: ModelRef("local/model".into()),
                },
            ]
            .map(|state| ModelChoice {
                file: "model-Q4_K_M.gguf".into(),
                label: "Q4_K_M".into(),
                quantization: Some("Q4_K_M".into()),
                group: SizeGroup::Balanced,
                recommended: true,
                bytes: 10,
                files: 1,
                fit: fit(),
                unsupported: None,
                state,
            })
            .to_vec(),
            left_out: vec!["One.".into()],
        });
    }

    #[test]
    fn what_a_front_end_reads_has_these_names() {
        assert_eq!(
            serde_json::to_value(ChoiceState::Here {
                model: ModelRef("local/m".into())
            })
            .unwrap(),
            serde_json::json!({ "state": "here", "model": "local/m" })
        );
        assert_eq!(
            serde_json::to_value(FitLabel::WontFit).unwrap(),
            serde_json::json!("wont_fit")
        );
    }
}
