//! Models on this disk: in the models folder, and those of other apps.

use serde::{Deserialize, Serialize};

use crate::{ErrorCard, Fit, KeyStatus, ModelInfo, ModelRef, ModelSkills};

/// What is in the models folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LocalModels {
    /// Usable ones, by name.
    pub models: Vec<LocalModelView>,
    /// Files and folders that cannot be used, and why.
    pub broken: Vec<BrokenModel>,
}

/// A model in the models folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalModelView {
    /// As everywhere.
    pub info: ModelInfo,
    /// Its file or folder.
    pub path: String,
    /// Whether it belongs to someone else too: removing the model frees nothing then.
    pub linked: bool,
    /// The model on the hub that it was fetched from.
    #[serde(default)]
    pub origin: Option<ModelOrigin>,
    /// What it can do, as its file says.
    #[serde(default)]
    pub skills: ModelSkills,
    /// Whether it runs here.
    pub fit: Fit,
    /// How it did on this machine; `None` before its first run.
    #[serde(default)]
    pub measured: Option<Measured>,
    /// Whether it is in memory now.
    #[serde(default)]
    pub loaded: bool,
}

/// Where a model was fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelOrigin {
    /// `author/name`.
    pub model: String,
    /// The path of the file there.
    pub file: String,
}

/// A file in the models folder that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenModel {
    /// Its name, as that of a model would be.
    pub model: ModelRef,
    /// The file or folder.
    pub path: String,
    /// Size of it.
    pub bytes: u64,
    /// Why.
    pub error: ErrorCard,
}

/// How a model did on this machine when it last ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// From the start of the worker to the moment when it could answer, milliseconds.
    pub load_ms: u64,
    /// How fast it reads.
    #[serde(default)]
    pub prompt_tokens_per_second: Option<f64>,
    /// How fast it writes.
    #[serde(default)]
    pub answer_tokens_per_second: Option<f64>,
    /// The most memory that the worker had, bytes.
    #[serde(default)]
    pub peak_bytes: Option<u64>,
    /// The engine, for people: `llama.cpp`, `mistral.rs`.
    pub backend: String,
}

/// How a file comes into the models folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// Linked where the disk allows it, else copied.
    #[default]
    Either,
    /// Linked: nothing is copied, and the file must stay where it is.
    Link,
    /// Copied: the file may go afterwards.
    Copy,
}

/// A model of another app on this disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundModel {
    /// Whose.
    pub app: FoundApp,
    /// As that app calls it.
    pub name: String,
    /// The file or folder.
    pub path: String,
    /// The size of its weights.
    pub bytes: u64,
    /// `Q4_K_M` and the like, where it can be used.
    #[serde(default)]
    pub quantization: Option<String>,
    /// Where it is in the models folder already.
    #[serde(default)]
    pub here: Option<ModelRef>,
    /// Why it cannot be used.
    #[serde(default)]
    pub problem: Option<ErrorCard>,
}

/// An app that keeps models on this disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundApp {
    /// LM Studio.
    LmStudio,
    /// Ollama.
    Ollama,
    /// Jan.
    Jan,
    /// llama.cpp's own cache.
    LlamaCpp,
    /// The cache of Hugging Face's tools.
    HuggingFace,
}

impl FoundApp {
    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::LmStudio => "LM Studio",
            Self::Ollama => "Ollama",
            Self::Jan => "Jan",
            Self::LlamaCpp => "llama.cpp",
            Self::HuggingFace => "Hugging Face cache",
        }
    }
}

/// What a removal did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRemoved {
    /// Bytes that the disk has again; 0 where the file was a link and stays elsewhere.
    pub bytes_freed: u64,
    /// Whether the file itself is still on this disk, because it belongs to someone else too.
    pub still_elsewhere: bool,
}

/// Where models are kept and where they come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelsPlace {
    /// The models folder.
    pub folder: String,
    /// Whether the environment names it (`NEXUS_MODELS_DIR`): then it cannot be moved here.
    pub fixed: bool,
    /// Free on that disk, bytes; `None` where the system does not say.
    #[serde(default)]
    pub free_bytes: Option<u64>,
    /// What the models take there, bytes.
    pub used_bytes: u64,
    /// The hub's address.
    pub hub_url: String,
    /// Whether there is a token for it. It is set and deleted as a key: `key_set("huggingface", …)`.
    pub token: KeyStatus,
}

impl ModelsPlace {
    /// The name of the hub's token among the keys.
    pub const TOKEN: &'static str = "huggingface";
}

/// How far a move of the models folder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveProgress {
    /// Where to.
    pub to: String,
    /// Bytes that are there and checked.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorAction, ErrorCode, FitLabel, MemoryEstimate, ModelPlace};

    fn round<T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug>(value: &T) {
        let text = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }

    #[test]
    fn the_library_comes_back_as_it_went() {
        let card = ErrorCard::new(
            ErrorCode::NotGguf,
            "Broken",
            "Get it again.",
            ErrorAction::None,
        );
        round(&LocalModels {
            models: vec![LocalModelView {
                info: ModelInfo {
                    model: ModelRef("local/m".into()),
                    display_name: "M".into(),
                    place: ModelPlace::ThisMachine,
                    context_tokens: Some(512),
                    max_output_tokens: None,
                    tools: true,
                    images: false,
                    pricing: None,
                    file_bytes: Some(1),
                    quantization: Some("Q4_0".into()),
                },
                path: "/models/m/m.gguf".into(),
                linked: true,
                origin: Some(ModelOrigin {
                    model: "maker/m".into(),
                    file: "m.gguf".into(),
                }),
                skills: ModelSkills::default(),
                fit: Fit {
                    label: FitLabel::Fits,
                    reason: "There is room.".into(),
                    estimate: MemoryEstimate::default(),
                },
                measured: Some(Measured {
                    load_ms: 1,
                    prompt_tokens_per_second: Some(2.5),
                    answer_tokens_per_second: None,
                    peak_bytes: Some(4),
                    backend: "llama".into(),
                }),
                loaded: true,
            }],
            broken: vec![BrokenModel {
                model: ModelRef("local/b".into()),
                path: "/models/b.gguf".into(),
                bytes: 3,
                error: card.clone(),
            }],
        });
        round(&FoundModel {
            app: FoundApp::LmStudio,
            name: "maker/m".into(),
            path: "/elsewhere/m.gguf".into(),
            bytes: 1,
            quantization: None,
            here: None,
            problem: Some(card),
        });
        round(&ModelsPlace {
            folder: "/models".into(),
            fixed: false,
            free_bytes: Some(1),
            used_bytes: 2,
            hub_url: "https://huggingface.co".into(),
            token: KeyStatus::Missing,
        });
        round(&MoveProgress {
            to: "/other".into(),
            done: 1,
            total: 2,
        });
        round(&ModelRemoved {
            bytes_freed: 1,
            still_elsewhere: false,
        });
        round(&ImportMode::Link);
    }

    #[test]
    fn apps_have_names_for_programs_and_for_people() {
        assert_eq!(
            serde_json::to_string(&FoundApp::LlamaCpp).unwrap(),
            "\"llama_cpp\""
        );
        assert_eq!(FoundApp::LmStudio.title(), "LM Studio");
    }
}
