//! A local model on the disk, whatever form it has: one GGUF file, or a folder.

use std::path::Path;

use nexus_llm::LocalError;
use nexus_protocol::worker::{CallFormat, ModelKind, ModelSource};
use nexus_protocol::{ModelInfo, ModelRef};

use crate::folder::{self, FolderSummary};
use crate::gguf::{self, GgufSummary, Weights};
use crate::memory::{self, Plan};

/// What a sound local model says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelFile {
    /// One GGUF file.
    Gguf(GgufSummary),
    /// A folder with weights in safetensors or UQFF.
    Folder(FolderSummary),
}

impl ModelFile {
    /// Looks at the file or folder at `path`. Blocks on the disk.
    ///
    /// # Errors
    /// As [`gguf::inspect`] and [`folder::inspect`].
    pub fn inspect(path: &Path) -> Result<Self, LocalError> {
        if path.is_dir() || folder::is_one(path) {
            folder::inspect(path).map(Self::Folder)
        } else {
            gguf::inspect(path).map(Self::Gguf)
        }
    }

    /// What the rest of the app knows of it.
    pub fn model_info(&self, model: ModelRef, display_name: String) -> ModelInfo {
        match self {
            Self::Gguf(summary) => summary.model_info(model, display_name),
            Self::Folder(summary) => summary.model_info(model, display_name),
        }
    }

    /// The name it gives itself, for people.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Gguf(summary) => summary.name.as_deref(),
            Self::Folder(_) => None,
        }
    }

    /// `llama`, `LlamaForCausalLM`, …
    pub fn architecture(&self) -> &str {
        match self {
            Self::Gguf(summary) => &summary.architecture,
            Self::Folder(summary) => &summary.architecture,
        }
    }

    /// How it writes tool calls.
    pub fn call_format(&self) -> CallFormat {
        match self {
            Self::Gguf(summary) => summary.call_format.unwrap_or_default(),
            // The only form that folders are looked at for.
            Self::Folder(summary) if summary.tools => CallFormat::Tags,
            Self::Folder(_) => CallFormat::default(),
        }
    }

    /// Longest context that the engine can run it with, tokens.
    pub fn context_length(&self) -> u32 {
        match self {
            Self::Gguf(summary) => summary.context_length,
            Self::Folder(summary) => summary.context_length,
        }
    }

    /// Bytes on the disk.
    pub fn file_bytes(&self) -> u64 {
        match self {
            Self::Gguf(summary) => summary.file_bytes,
            Self::Folder(summary) => summary.file_bytes,
        }
    }

    /// Whether it is a GGUF model in several files.
    pub fn is_split(&self) -> bool {
        matches!(self, Self::Gguf(summary) if summary.parts > 1)
    }

    /// `Q4_1`, `BF16`, `UQFF Q4K`, ….
    pub fn quantization(&self) -> &str {
        match self {
            Self::Gguf(summary) => &summary.quantization,
            Self::Folder(summary) => &summary.quantization,
        }
    }

    /// Whether it can chat.
    pub fn has_chat_template(&self) -> bool {
        match self {
            Self::Gguf(summary) => summary.has_chat_template,
            Self::Folder(summary) => summary.has_chat_template,
        }
    }

    /// Whether it makes vectors of texts, and nothing else.
    pub fn is_embedding(&self) -> bool {
        matches!(self, Self::Folder(summary) if summary.kind == ModelKind::Embedding)
    }

    /// Bytes that the keys and values of `tokens` tokens take.
    pub(crate) fn cache_bytes(&self, tokens: u32) -> u64 {
        match self {
            Self::Gguf(summary) => summary.cache_bytes(tokens),
            Self::Folder(summary) => summary.cache_bytes(tokens),
        }
    }

    /// Decides whether and how mistral.rs holds it in `available` bytes, and what a worker is told to read.
    pub(crate) fn plan(
        &self,
        context: u32,
        wish: Option<Weights>,
        available: Option<u64>,
        prefix_limit: u64,
    ) -> Result<(Plan, ModelSource), LocalError> {
        match self {
            Self::Gguf(summary) => memory::plan(summary, context, wish, available, prefix_limit)
                .map(|plan| (plan, summary.source())),
            Self::Folder(summary) => {
                memory::plan_folder(summary, context, wish, available, prefix_limit)
                    .map(|(plan, quantize)| (plan, summary.source(quantize)))
            }
        }
    }
}
