//! The few facts of a checked header that the rest of the app asks for.

use nexus_protocol::worker::{CallFormat, ModelSource};
use nexus_protocol::{ModelInfo, ModelPlace, ModelRef};

use super::estimate::{Weights, held_bytes};
use super::read::{Header, Tensor, Value};
use super::types::file_type;

/// Context that local models are run with unless a caller says otherwise, tokens. On a processor a longer prompt takes
/// minutes to read, and its memory is reserved twice.
pub const DEFAULT_CONTEXT_TOKENS: u32 = 8192;

/// Context up to which a model with scaled positions is run: the engine does not scale them, and past the length that
/// it was first trained with such a model talks nonsense.
const UNSCALED_CONTEXT_TOKENS: u32 = 8192;

const EMBEDDING: &str = "token_embd.weight";

/// What a sound GGUF file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GgufSummary {
    /// `llama`, `qwen2`, …
    pub architecture: String,
    /// The name in the file, for people; up to 80 characters on one line.
    pub name: Option<String>,
    /// Longest context that the engine can run it with, tokens.
    pub context_length: u32,
    /// `Q4_K_M` and the like.
    pub quantization: String,
    /// Weights.
    pub parameters: u64,
    /// Size of the file, or of all its parts.
    pub file_bytes: u64,
    /// Files that it is split into: 1 for most. Only llama.cpp puts several together.
    pub parts: usize,
    /// Whether it can chat. A model without a template cannot be run here.
    pub has_chat_template: bool,
    /// How it writes tool calls; `None` where its template does not offer it tools in a form that is known here.
    pub call_format: Option<CallFormat>,
    /// Whether it says that it is all of a model that could have been split. mistral.rs takes no second file beside it then.
    pub(super) says_split: bool,
    pub(super) shape: Shape,
}

/// Sizes from which memory is reckoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) layers: u64,
    pub(super) key_heads: u64,
    /// Of a key and a value together, numbers in one head.
    pub(super) head_width: u64,
    pub(super) rope_width: u64,
    /// Of what mistral.rs computes with, as in the file and unpacked.
    pub(super) packed_bytes: u64,
    pub(super) unpacked_bytes: u64,
    pub(super) embedding_elements: u64,
    pub(super) embedding_bytes: u64,
    pub(super) largest_bytes: u64,
    pub(super) largest_elements: u64,
    /// Of what llama.cpp keeps a second time, in an order that its kernels like better.
    pub(super) repacked_bytes: u64,
    /// Of what it leaves mapped from the file.
    pub(super) mapped_bytes: u64,
    pub(super) width: u64,
    pub(super) feed_forward: u64,
    pub(super) words: u64,
    pub(super) merges: u64,
    /// Whether the last layer uses the embedding's weights.
    pub(super) tied: bool,
}

impl GgufSummary {
    /// What the rest of the app knows of a model with this header.
    pub fn model_info(&self, model: ModelRef, display_name: String) -> ModelInfo {
        ModelInfo {
            model,
            display_name,
            place: ModelPlace::ThisMachine,
            context_tokens: Some(self.context_length.min(DEFAULT_CONTEXT_TOKENS)),
            max_output_tokens: None,
            tools: self.call_format.is_some(),
            images: false,
            pricing: None,
            file_bytes: Some(self.file_bytes),
            quantization: Some(self.quantization.clone()),
        }
    }

    /// What a worker is told to read.
    pub fn source(&self) -> ModelSource {
        ModelSource::Gguf {
            context_key: (!self.says_split)
                .then(|| format!("{}.context_length", self.architecture)),
        }
    }
}

/// `header` was checked: what is missing all the same counts as zero.
pub(super) fn summarize(header: &Header) -> GgufSummary {
    let text = |key: &str| match header.entries.get(key) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let architecture = text("general.architecture").unwrap_or_default().to_owned();
    let number = |name: &str| match header.entries.get(&format!("{architecture}.{name}")) {
        Some(Value::Unsigned(number, _)) => Some(*number),
        _ => None,
    };
    let template = text("tokenizer.chat_template").filter(|template| !template.trim().is_empty());
    let context = u32::try_from(number("context_length").unwrap_or_default()).unwrap_or(u32::MAX);
    let scaled = header.tensors.contains_key("rope_freqs.weight")
        || header
            .entries
            .keys()
            .any(|key| key.contains(".rope.scaling."));
    let heads = number("attention.head_count").unwrap_or(1).max(1);
    let width = number("embedding_length").unwrap_or_default();
    let head = width / heads;
    let key_width = number("attention.key_length").unwrap_or(head);
    let embedding = header.tensors.get(EMBEDDING);
    let sum = |of: fn(&Tensor) -> u64| {
        header
            .tensors
            .values()
            .fold(0_u64, |sum, tensor| sum.saturating_add(of(tensor)))
    };
    let most = |of: fn(&Tensor) -> u64| header.tensors.values().map(of).max().unwrap_or_default();
    let tied = !header.tensors.contains_key("output.weight");
    // An embedding that is nothing else is only looked up.
    let held = |weights| {
        header
            .tensors
            .iter()
            .filter(|(name, _)| tied || *name != EMBEDDING)
            .fold(0_u64, |sum, (_, tensor)| {
                sum.saturating_add(held_bytes(tensor, weights))
            })
    };
    let elements = |name: &str| match header.entries.get(name) {
        Some(Value::Array { elements, .. }) => *elements,
        _ => 0,
    };
    GgufSummary {
        name: text("general.name").and_then(shown),
        context_length: if scaled {
            context.min(UNSCALED_CONTEXT_TOKENS)
        } else {
            context
        },
        quantization: quantization(header),
        parameters: sum(|tensor| tensor.elements),
        file_bytes: header.file_bytes,
        parts: header.parts,
        has_chat_template: template.is_some(),
        call_format: template.and_then(CallFormat::of_template),
        says_split: header.entries.contains_key("split.count"),
        shape: Shape {
            layers: number("block_count").unwrap_or_default(),
            key_heads: number("attention.head_count_kv").unwrap_or_default(),
            head_width: key_width.saturating_add(number("attention.value_length").unwrap_or(head)),
            rope_width: number("rope.dimension_count").unwrap_or(key_width),
            packed_bytes: held(Weights::Packed),
            unpacked_bytes: held(Weights::Unpacked),
            embedding_elements: embedding.map_or(0, |tensor| tensor.elements),
            embedding_bytes: embedding.map_or(0, |tensor| tensor.bytes),
            largest_bytes: most(|tensor| tensor.bytes),
            largest_elements: most(|tensor| tensor.elements),
            repacked_bytes: repacked_bytes(header, tied),
            mapped_bytes: match header.parts {
                1 => mapped_bytes(header),
                // Each has places of its own.
                _ => sum(|tensor| tensor.bytes),
            },
            width,
            feed_forward: number("feed_forward_length").unwrap_or_else(|| width.saturating_mul(4)),
            words: elements("tokenizer.ggml.tokens"),
            merges: elements("tokenizer.ggml.merges"),
            tied,
        },
        architecture,
    }
}

/// Of what llama.cpp keeps a second time on a processor. An embedding that is nothing else is only looked up.
fn repacked_bytes(header: &Header, tied: bool) -> u64 {
    header
        .tensors
        .iter()
        .filter(|(name, tensor)| is_repacked(tensor) && (tied || *name != EMBEDDING))
        .fold(0, |sum: u64, (_, tensor)| sum.saturating_add(tensor.bytes))
}

/// What llama.cpp leaves mapped once all is loaded: from the first tensor that it computes with where it lies to the last.
fn mapped_bytes(header: &Header) -> u64 {
    let used = header
        .tensors
        .iter()
        .filter(|(name, tensor)| !is_repacked(tensor) || *name == EMBEDDING);
    let ends = used.map(|(_, tensor)| (tensor.offset, tensor.offset.saturating_add(tensor.bytes)));
    let span = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    span.map_or(0, |(first, last)| last - first)
}

/// Whether it is a matrix that llama.cpp has quicker code for where some of its rows are put together.
fn is_repacked(tensor: &Tensor) -> bool {
    match (
        tensor.dimensions.as_slice(),
        repacked_rows(tensor.kind.name),
    ) {
        ([_, rows, ..], Some(together)) => rows % together == 0,
        _ => false,
    }
}

/// How many rows of a matrix of this kind llama.cpp puts together, if any.
#[cfg(target_arch = "aarch64")]
fn repacked_rows(kind: &str) -> Option<u64> {
    match kind {
        "Q4_0" | "Q8_0" => Some(4),
        "Q4_K" | "Q5_K" | "Q6_K" => Some(8),
        _ => None,
    }
}

/// The same.
#[cfg(not(target_arch = "aarch64"))]
fn repacked_rows(kind: &str) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    let has_long_vectors = std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    let has_long_vectors = false;
    match kind {
        "Q4_0" | "Q4_K" => Some(8),
        "Q2_K" if has_long_vectors => Some(8),
        _ => None,
    }
}

fn shown(name: &str) -> Option<String> {
    let line: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(80)
        .collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The file's own word for it, else the type that most weights have.
fn quantization(header: &Header) -> String {
    if let Some(Value::Unsigned(number, _)) = header.entries.get("general.file_type")
        && let Some(name) = file_type(*number)
    {
        return name.to_owned();
    }
    let mut weights = std::collections::BTreeMap::<&str, u64>::new();
    for tensor in header.tensors.values() {
        let sum = weights.entry(tensor.kind.name).or_default();
        *sum = sum.saturating_add(tensor.elements);
    }
    weights
        .into_iter()
        .max_by_key(|(_, sum)| *sum)
        .map_or_else(|| "unknown".to_owned(), |(name, _)| name.to_owned())
}
