//! How much memory a model takes in mistral.rs. Reckoned from what candle 0.10 allocates, held against measurements of
//! SmolLM2-135M: 376 MB as it is and 625 MB unpacked were measured, 381 and 620 are reckoned.

use super::GgufSummary;

/// Code, tokenizer, runtime and scratch space, whatever the model.
const BASE_BYTES: u64 = 140 << 20;

/// The cache of keys and values grows by this many tokens.
const CACHE_STEP_TOKENS: u64 = 512;

/// How the weights lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// As in the file.
    Packed,
    /// Unpacked to 16 bits: more memory, but the prompt is read in batches and several times faster.
    Unpacked,
}

impl GgufSummary {
    /// Bytes of memory needed with the weights as in the file and a context of `context` tokens.
    pub fn estimate_bytes(&self, context: u32) -> u64 {
        self.estimate_with(context, Weights::Packed)
    }

    /// The same for either way to hold the weights.
    pub fn estimate_with(&self, context: u32, weights: Weights) -> u64 {
        let shape = &self.shape;
        let unpacked = match weights {
            Weights::Packed => 0,
            Weights::Unpacked => self.parameters.saturating_mul(2),
        };
        // The embedding is unpacked to 32 bits in any case, and kept a second time where the last layer shares it.
        let embedding = shape.embedding_elements.saturating_mul(4);
        let tied = if shape.tied { shape.embedding_bytes } else { 0 };
        // Their sines and cosines, for as many as the engine is told of.
        let told = if self.says_split {
            self.context_length
        } else {
            context.min(self.context_length)
        };
        let positions = u64::from(told)
            .saturating_mul(shape.rope_width)
            .saturating_mul(2);
        // While a sequence runs its cache is there twice: the grown one and the one being built.
        let cache = self.cache_bytes(context).saturating_mul(2);
        [
            shape.tensor_bytes,
            unpacked,
            embedding,
            tied,
            positions,
            cache,
            shape.largest_tensor_bytes,
            BASE_BYTES,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Bytes that the keys and values of `tokens` tokens take.
    pub fn cache_bytes(&self, tokens: u32) -> u64 {
        u64::from(tokens)
            .next_multiple_of(CACHE_STEP_TOKENS)
            .saturating_mul(self.shape.layers)
            .saturating_mul(self.shape.key_heads)
            .saturating_mul(self.shape.head_width)
            .saturating_mul(2)
    }
}
