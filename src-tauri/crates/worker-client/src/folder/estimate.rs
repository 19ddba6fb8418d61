//! How much memory a model in a folder takes. Files are mapped, so what is read from them is not counted, only what becomes
//! of it.

use nexus_protocol::worker::{ModelKind, Quantize};

use super::FolderSummary;

/// Code, tokenizer, runtime and scratch space, whatever the model.
const BASE_BYTES: u64 = 160 << 20;

/// The cache of keys and values grows by this many tokens.
const CACHE_STEP_TOKENS: u64 = 512;

/// What a tensor takes for each of its numbers while it is quantized: as 32 bits, and once more for a second thread.
const WORK_BYTES: u64 = 8;

/// What a model in a folder takes, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderMemory {
    /// The weights as they lie in memory.
    pub weights: u64,
    /// What is needed beside them while they are read.
    pub reading: u64,
    /// Keys and values of a full context.
    pub cache: u64,
    /// The engine itself.
    pub base: u64,
}

impl FolderMemory {
    /// All of it.
    pub fn total(self) -> u64 {
        [self.weights, self.reading, self.cache, self.base]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

impl FolderSummary {
    /// Bytes of memory needed with a context of `context` tokens.
    pub fn estimate(&self, context: u32, quantize: Option<Quantize>) -> u64 {
        self.memory(context, quantize).total()
    }

    /// The same by what needs it.
    pub fn memory(&self, context: u32, quantize: Option<Quantize>) -> FolderMemory {
        let plain = match self.kind {
            // Vectors are computed with 32 bits.
            ModelKind::Embedding => 4,
            ModelKind::Text | ModelKind::Images => 2,
        };
        let weights = match (&self.weights.uqff, quantize) {
            (Some(_), _) => self.weights.file_bytes,
            (None, None) => self.weights.elements.saturating_mul(plain),
            (None, Some(quantize)) => {
                let rest = self
                    .weights
                    .elements
                    .saturating_sub(self.weights.quantizable);
                let quantized = self.weights.quantizable.saturating_mul(bits(quantize)) / 16 / 8;
                rest.saturating_mul(plain).saturating_add(quantized)
            }
        };
        FolderMemory {
            weights,
            reading: self.weights.largest.saturating_mul(WORK_BYTES),
            // While a sequence runs its cache is there twice: the grown one and the one being built.
            cache: self.cache_bytes(context).saturating_mul(2),
            base: BASE_BYTES,
        }
    }

    /// Bytes that the keys and values of `tokens` tokens take.
    pub fn cache_bytes(&self, tokens: u32) -> u64 {
        if self.kind == ModelKind::Embedding {
            return 0;
        }
        u64::from(tokens)
            .next_multiple_of(CACHE_STEP_TOKENS)
            .saturating_mul(self.config.layers)
            .saturating_mul(self.config.key_heads)
            .saturating_mul(self.config.head_width)
            .saturating_mul(4)
    }
}

/// Sixteenths of a bit for each number.
fn bits(quantize: Quantize) -> u64 {
    match quantize {
        Quantize::Q4 => 72,
        Quantize::Q6 => 105,
        Quantize::Q8 => 136,
    }
}
