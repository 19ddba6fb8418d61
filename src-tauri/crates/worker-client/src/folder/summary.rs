//! The few facts of a checked folder that the rest of the app asks for.

use nexus_protocol::worker::{ModelKind, ModelSource, Quantize};
use nexus_protocol::{ModelInfo, ModelPlace, ModelRef};

use super::architecture::sees_images;
use super::config::Config;
use super::weights::Weights;
use crate::gguf::DEFAULT_CONTEXT_TOKENS;

/// What a sound folder says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSummary {
    /// `LlamaForCausalLM`, `Qwen2VLForConditionalGeneration`, …
    pub architecture: String,
    /// What the model does.
    pub kind: ModelKind,
    /// Whether it sees images.
    pub images: bool,
    /// Longest context that it was made for, tokens.
    pub context_length: u32,
    /// `BF16`, `UQFF Q4K` and the like.
    pub quantization: String,
    /// Weights; of a UQFF file only those that it leaves as they are.
    pub parameters: u64,
    /// Size of all files of weights.
    pub file_bytes: u64,
    /// Whether it can chat.
    pub has_chat_template: bool,
    /// Whether its template offers tools in the form that is understood here.
    pub tools: bool,
    pub(super) config: Config,
    pub(super) weights: Weights,
}

impl FolderSummary {
    /// What the rest of the app knows of a model in this folder.
    pub fn model_info(&self, model: ModelRef, display_name: String) -> ModelInfo {
        ModelInfo {
            model,
            display_name,
            place: ModelPlace::ThisMachine,
            context_tokens: Some(self.context_length.min(DEFAULT_CONTEXT_TOKENS)),
            max_output_tokens: None,
            tools: self.tools,
            images: self.images,
            pricing: None,
            file_bytes: Some(self.file_bytes),
            quantization: Some(self.quantization.clone()),
        }
    }

    /// Whether the weights are quantized in the files already.
    pub(crate) fn is_quantized(&self) -> bool {
        self.weights.uqff.is_some() || self.config.quantized
    }

    /// How a worker is told to read it.
    pub(crate) fn source(&self, quantize: Option<Quantize>) -> ModelSource {
        match &self.weights.uqff {
            Some(file) => ModelSource::Uqff {
                kind: self.kind,
                file: file.clone(),
            },
            None => ModelSource::Safetensors {
                kind: self.kind,
                quantize,
            },
        }
    }
}

pub(super) fn summarize(
    architecture: String,
    kind: ModelKind,
    config: Config,
    template: Option<&str>,
    weights: Weights,
) -> FolderSummary {
    let chats = kind != ModelKind::Embedding;
    FolderSummary {
        images: sees_images(&architecture, kind),
        kind,
        context_length: config.context_length,
        quantization: weights.form.clone(),
        parameters: weights.elements,
        file_bytes: weights.file_bytes,
        has_chat_template: chats && template.is_some(),
        tools: chats && template.is_some_and(|t| t.contains("tools") && t.contains("<tool_call>")),
        architecture,
        config,
        weights,
    }
}
