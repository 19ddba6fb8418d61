//! How much memory a model in a folder takes: what it has while it loads, or what it has then. Files are mapped, so what is read
//! from them is not counted, only what becomes of it. Read from the sources of mistral.rs, and held against measurements in
//! `tests/fit.rs`.

use nexus_protocol::worker::{ModelKind, Quantize};

use super::FolderSummary;
use crate::engine::usual_threads;
use crate::gguf::{BASE_BYTES, WORD_BYTES, prompt_bytes};

/// The cache of keys and values grows by this many tokens.
const CACHE_STEP_TOKENS: u64 = 512;

/// What a model in a folder takes, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderMemory {
    /// The weights as they lie in memory.
    pub weights: u64,
    /// What is needed beside them while they are read, or while a prompt is: whichever is more.
    pub reading: u64,
    /// Keys and values of a full context.
    pub cache: u64,
    /// The engine itself, and its words.
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
        let words = (self.weights.embedding / self.config.width.max(1)).saturating_mul(WORD_BYTES);
        let weights = self.weight_bytes(quantize);
        let cache = self.cache_bytes(context);
        // For the answer the cache is built anew from what the prompt left.
        let running = self.prompt_bytes(context, quantize).max(cache);
        // The words are read after the weights.
        let loading = self.quantizing_bytes(quantize).saturating_sub(
            [weights, words, cache]
                .into_iter()
                .fold(0, u64::saturating_add),
        );
        FolderMemory {
            weights,
            reading: running.max(loading),
            cache,
            base: BASE_BYTES.saturating_add(words),
        }
    }

    /// The weights as they lie in memory.
    fn weight_bytes(&self, quantize: Option<Quantize>) -> u64 {
        let weights = &self.weights;
        match (&weights.uqff, quantize) {
            (Some(_), _) => weights.file_bytes,
            (None, None) => weights.elements.saturating_mul(self.number_bytes()),
            (None, Some(quantize)) => {
                // The table of words stays as it is, and where it is the last layer too it is there twice.
                let shared = self.head().saturating_sub(weights.head);
                let quantized = weights.quantizable.saturating_add(shared);
                weights
                    .elements
                    .saturating_sub(weights.quantizable)
                    .saturating_mul(self.number_bytes())
                    .saturating_add(packed(quantized, quantize))
            }
        }
    }

    /// All that there is when most is quantized: each thread has one matrix as it was, in 32 bits, and twice as it becomes, and
    /// the next one waits. The last layer comes first, as the first does.
    fn quantizing_bytes(&self, quantize: Option<Quantize>) -> u64 {
        let (Some(quantize), None) = (quantize, &self.weights.uqff) else {
            return 0;
        };
        let threads = u64::try_from(usual_threads()).unwrap_or(1);
        let plain = |numbers: u64| numbers.saturating_mul(self.number_bytes());
        let job = |numbers: u64| {
            let becoming = packed(numbers, quantize).saturating_mul(2);
            plain(numbers)
                .saturating_add(numbers.saturating_mul(4))
                .saturating_add(becoming)
        };
        let matrix = self.weights.largest;
        let first = plain(self.weights.embedding)
            .saturating_add(job(self.head()))
            .saturating_add(job(matrix).saturating_mul(threads.saturating_sub(1)));
        let last = self
            .weight_bytes(Some(quantize))
            .saturating_add(job(matrix).saturating_mul(threads));
        first.max(last).saturating_add(plain(matrix))
    }

    fn prompt_bytes(&self, context: u32, quantize: Option<Quantize>) -> u64 {
        // Four rows of numbers; where matrices are packed, what goes in and out of one has 32 bits.
        let each = match (self.number_bytes(), quantize) {
            (2, None) if !self.is_quantized() => 8,
            (2, _) => 10,
            _ => 13,
        };
        let tokens = context.min(self.context_length);
        let keys = [self.config.key_heads, self.config.head_width, 2]
            .into_iter()
            .fold(1, u64::saturating_mul);
        let width = self.config.width.saturating_add(keys);
        prompt_bytes(tokens, width, self.config.inner, each)
    }

    /// Numbers in the last layer, be they those of the table of words.
    fn head(&self) -> u64 {
        match (self.kind, self.weights.head) {
            (ModelKind::Embedding, _) => 0,
            (_, 0) => self.weights.embedding,
            (_, head) => head,
        }
    }

    /// Bytes of a number that is not quantized.
    fn number_bytes(&self) -> u64 {
        match self.kind {
            // Vectors are computed with 32 bits.
            ModelKind::Embedding => 4,
            ModelKind::Text | ModelKind::Images => 2,
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

/// Bytes of so many numbers once they are quantized.
fn packed(numbers: u64, quantize: Quantize) -> u64 {
    let sixteenths_of_a_bit = match quantize {
        Quantize::Q4 => 72,
        Quantize::Q6 => 105,
        Quantize::Q8 => 136,
    };
    numbers.saturating_mul(sixteenths_of_a_bit) / 16 / 8
}
