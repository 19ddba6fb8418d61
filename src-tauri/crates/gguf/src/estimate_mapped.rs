//! How much memory a model takes in llama.cpp: what it has while it loads, or what it has then. Read from its sources, and
//! held against measurements in `tests/fit.rs`.

use super::GgufSummary;

/// The program, and what llama.cpp keeps whatever the model.
const BASE_BYTES: u64 = 12_000_000;

/// A word of the vocabulary: itself with its score and kind, its node in the table that finds it, and its text once more as
/// it is shown.
const WORD_BYTES: u64 = 40 + 64 + 12 + 32;

/// A merge: two texts in a node of the table that finds it.
const MERGE_BYTES: u64 = 96 + 12;

/// A text of the header, which stays until all is loaded.
const HEADER_TEXT_BYTES: u64 = 32;

/// A layer's thirty-five steps, as three graphs and the plan of their memory describe them.
const LAYER_BYTES: u64 = 35 * (3 * 368 + 3 * 512 + 320);

/// For each word where an answer is drawn: its score twice, its number, and two lists of candidates.
const DRAWN_BYTES: u64 = 4 + 4 + 4 + 2 * 12;

/// Tokens that are read at once at most.
const BATCH_TOKENS: u64 = 512;

/// The context is rounded up to this many tokens.
const CELLS: u64 = 256;

impl GgufSummary {
    /// Bytes of memory needed in llama.cpp with a context of `context` tokens.
    pub fn estimate_mapped(&self, context: u32) -> u64 {
        let shape = &self.shape;
        let texts = shape.words.saturating_add(shape.merges);
        let cell = [shape.layers, shape.key_heads, shape.head_width, 2]
            .into_iter()
            .fold(1, u64::saturating_mul);
        // All of the file, and what its header says.
        let loading = [self.file_bytes, texts.saturating_mul(HEADER_TEXT_BYTES)];
        let running = [
            shape.mapped_bytes,
            self.cells(context).saturating_mul(cell),
            self.batch_bytes(context),
            shape.words.saturating_mul(DRAWN_BYTES),
        ];
        sum([
            BASE_BYTES,
            shape.repacked_bytes,
            shape.words.saturating_mul(WORD_BYTES),
            shape.merges.saturating_mul(MERGE_BYTES),
            shape.layers.saturating_mul(LAYER_BYTES),
            sum(loading).max(sum(running)),
        ])
    }

    /// Tokens that the cache has room for.
    fn cells(&self, context: u32) -> u64 {
        u64::from(context.min(self.context_length)).next_multiple_of(CELLS)
    }

    /// What is computed for the largest batch. A slow machine reads smaller ones, so that it can be stopped in time, and takes
    /// less.
    fn batch_bytes(&self, context: u32) -> u64 {
        let shape = &self.shape;
        let cells = self.cells(context);
        let tokens = cells.min(BATCH_TOKENS);
        // Numbers of 32 bits: three rows of the layer's own width, and the two halves of the inner one with their product,
        // which is quantized for the next matrix.
        let rows = sum([
            shape.width.saturating_mul(3 * 4),
            shape.feed_forward.saturating_mul(3 * 4),
            shape.feed_forward.saturating_mul(5) / 4,
        ]);
        // Which token sees which, 16 bits each.
        rows.saturating_add(cells.saturating_mul(2))
            .saturating_mul(tokens)
    }
}

fn sum(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}
