//! How much memory a model takes in mistral.rs: what it has while it loads, or what it has then. Read from its sources and
//! those of candle 0.10, and held against measurements in `tests/fit.rs`.

use super::GgufSummary;
use super::read::Tensor;

/// The program, and what it keeps whatever the model.
pub const BASE_BYTES: u64 = 42_000_000;

/// A word of the vocabulary with its merge: as the tokenizer has it, and as the one that holds answers to a grammar does.
pub const WORD_BYTES: u64 = 1_100;

/// Of a number in 32 bits.
const PLAIN: u64 = 4;

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
        let held = match weights {
            Weights::Packed => shape.packed_bytes,
            Weights::Unpacked => shape.unpacked_bytes,
        };
        // Their sines and cosines, for as many as the engine is told of.
        let told = if self.says_split {
            self.context_length
        } else {
            context.min(self.context_length)
        };
        let positions = u64::from(told).saturating_mul(shape.rope_width);
        // The embedding stays packed until all is loaded, and so does the last layer, which is the last to be unpacked.
        let unpacking = match weights {
            Weights::Packed => 0,
            Weights::Unpacked => shape.largest_elements.saturating_mul(PLAIN),
        };
        let loading = [shape.embedding_bytes, shape.largest_bytes, unpacking];
        sum([
            BASE_BYTES,
            shape.words.saturating_mul(WORD_BYTES),
            held,
            self.embedding_bytes(),
            positions.saturating_mul(2),
            sum(loading).max(self.running_bytes(context, weights)),
        ])
    }

    /// Bytes of the embedding, which is unpacked to 32 bits in any case.
    pub fn embedding_bytes(&self) -> u64 {
        self.shape.embedding_elements.saturating_mul(PLAIN)
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

    /// A prompt that fills the context and its answer.
    fn running_bytes(&self, context: u32, weights: Weights) -> u64 {
        let tokens = context.min(self.context_length);
        let cache = self.cache_bytes(tokens);
        // In 32 bits: the row itself and what it was, the two halves of the inner one and their product; and what of that is
        // turned into 8 bits for a matrix that is packed, or into 16 bits and back.
        let each = match weights {
            Weights::Packed => 13,
            Weights::Unpacked => 16,
        };
        let keys = self.shape.key_heads.saturating_mul(self.shape.head_width);
        let width = self.shape.width.saturating_add(keys);
        let prompt = prompt_bytes(tokens, width, self.shape.feed_forward, each);
        // For the answer the cache is built anew from what the prompt left.
        cache.saturating_add(prompt.max(cache))
    }
}

/// What is computed for a prompt, besides the cache: all of it is read at once, in rows of `width` numbers between two layers and
/// for a key and a value, and of `inner` ones within a layer, that take `each` bytes.
pub fn prompt_bytes(tokens: u32, width: u64, inner: u64, each: u64) -> u64 {
    /// What was given back in smaller pieces stays with the process: the GNU C library's largest limit.
    const KEPT_BYTES: u64 = 32 << 20;
    let tokens = u64::from(tokens);
    // Which token sees which: in 16 bits, and in 32 more while it is used.
    let pairs = |bytes: u64| tokens.saturating_mul(tokens).saturating_mul(bytes);
    let rows = |numbers: u64| tokens.saturating_mul(numbers).saturating_mul(each);
    let all = width.saturating_add(inner);
    if rows(inner) / 4 < KEPT_BYTES {
        pairs(6).saturating_add(rows(all))
    } else {
        let attention = pairs(6).saturating_add(rows(width));
        attention.max(pairs(2).saturating_add(rows(all)))
    }
}

/// What is computed with this tensor lies so in memory. What the file has as plain numbers is held in 32 bits.
pub(super) fn held_bytes(tensor: &Tensor, weights: Weights) -> u64 {
    match weights {
        _ if tensor.kind.block == 1 => tensor.elements.saturating_mul(PLAIN),
        Weights::Packed => tensor.bytes,
        Weights::Unpacked => tensor.elements.saturating_mul(2),
    }
}

fn sum(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}
