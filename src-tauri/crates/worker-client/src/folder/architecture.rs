//! Which architectures the engine knows, and what a model of each does.

use nexus_protocol::worker::ModelKind;
use serde_json::Value;

use super::{Fault, bad};

/// What mistral.rs 0.8.1 runs as a model of text.
const TEXT: &[&str] = &[
    "DeepseekV2ForCausalLM",
    "DeepseekV3ForCausalLM",
    "Gemma2ForCausalLM",
    "GemmaForCausalLM",
    "Glm4ForCausalLM",
    "Glm4MoeForCausalLM",
    "Glm4MoeLiteForCausalLM",
    "GptOssForCausalLM",
    "GraniteMoeHybridForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "MixtralForCausalLM",
    "Phi3ForCausalLM",
    "PhiForCausalLM",
    "PhiMoEForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "Qwen3MoeForCausalLM",
    "Qwen3NextForCausalLM",
    "SmolLM3ForCausalLM",
    "Starcoder2ForCausalLM",
];

/// What it runs as a model that may see images.
const IMAGES: &[&str] = &[
    "Gemma3ForCausalLM",
    "Gemma3ForConditionalGeneration",
    "Gemma3nForConditionalGeneration",
    "Gemma4ForConditionalGeneration",
    "Idefics2ForConditionalGeneration",
    "Idefics3ForConditionalGeneration",
    "Llama4ForConditionalGeneration",
    "LlavaForConditionalGeneration",
    "LlavaNextForConditionalGeneration",
    "MiniCPMO",
    "Mistral3ForConditionalGeneration",
    "MllamaForConditionalGeneration",
    "Phi3VForCausalLM",
    "Phi4MMForCausalLM",
    "Qwen2VLForConditionalGeneration",
    "Qwen2_5_VLForConditionalGeneration",
    "Qwen3VLForConditionalGeneration",
    "Qwen3VLMoeForConditionalGeneration",
    "Qwen3_5ForConditionalGeneration",
    "Qwen3_5MoeForConditionalGeneration",
];

/// What it makes vectors with.
const EMBEDDING: &[&str] = &["Gemma3TextModel", "Qwen3ForCausalLM"];

/// Ways to quantize that it computes with on every machine.
const QUANTIZED: &[&str] = &["fp8", "mxfp4"];

/// Whether models of this architecture, as a folder names it, can be run.
pub(crate) fn knows(architecture: &str) -> bool {
    [TEXT, IMAGES, EMBEDDING]
        .iter()
        .any(|known| known.contains(&architecture))
}

/// The architecture, and what kind of model it is; `modules` where the folder says that it makes vectors.
pub(super) fn identify(config: &Value, modules: bool) -> Result<(String, ModelKind), Fault> {
    let name = match config.get("architectures").and_then(Value::as_array) {
        Some(names) => match names.as_slice() {
            [Value::String(name)] => name.as_str(),
            _ => return bad("config.json does not name one architecture"),
        },
        None => return bad("config.json does not say its architecture"),
    };
    let shown: String = name.chars().take(60).collect();
    let kind = if modules && EMBEDDING.contains(&name) {
        ModelKind::Embedding
    } else if TEXT.contains(&name) {
        ModelKind::Text
    } else if IMAGES.contains(&name) {
        ModelKind::Images
    } else {
        return Err(Fault::Architecture(shown));
    };
    if let Some(quantized) = config.get("quantization_config") {
        let method = quantized.get("quant_method").and_then(Value::as_str);
        if !method.is_some_and(|method| QUANTIZED.contains(&method)) {
            let method = method.unwrap_or("of an unknown kind");
            return Err(Fault::Quantization(method.chars().take(40).collect()));
        }
    }
    Ok((shown, kind))
}

/// Built by the engine as ones that see, and yet blind: Gemma 3's smallest has no eye; and after an image, mistral.rs 0.8.1
/// reads past the end of a tensor at the second word of Qwen2-VL, which is an error on a processor and nonsense elsewhere.
const BLIND: &[&str] = &["Gemma3ForCausalLM", "Qwen2VLForConditionalGeneration"];

/// Whether a model of this kind can be shown images.
pub(super) fn sees_images(architecture: &str, kind: ModelKind) -> bool {
    kind == ModelKind::Images && !BLIND.contains(&architecture)
}

/// Whether a template writes as gpt-oss does. The engine looks for the same marks, and then needs a vocabulary that it
/// would fetch from the network.
pub(super) fn is_harmony(template: &str) -> bool {
    template.contains("<|channel|>")
        || ["<|start|>", "<|message|>", "<|end|>"]
            .iter()
            .all(|mark| template.contains(mark))
}
