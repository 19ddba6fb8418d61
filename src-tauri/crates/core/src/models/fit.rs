//! Whether a model runs on this machine, in words.
//!
//! Owns the estimate's split and the label. Pure: what is free and what was measured is given. Refuses to refuse a model: the engine
//! decides at the moment of loading, by the file's own header.

use nexus_protocol::{Fit, FitLabel, Measured, MemoryEstimate};
use nexus_worker_client::folder::FolderSummary;
use nexus_worker_client::gguf::{GgufSummary, prompt_bytes};
use nexus_worker_client::{ModelFile, memory};

use super::shape::Shape;

/// Code, tokenizer and scratch space of llama.cpp, which maps the weights; and of mistral.rs, without what it computes for a prompt.
const MAPPED_BASE: u64 = 200 << 20;
const UNPACKING_BASE: u64 = 140 << 20;
/// What the engine keeps free besides, in per cent of what it needs: it refuses to load without.
const SPARE: u64 = 15;
/// Slower than this and one waits for the words.
const READING_TOKENS_PER_SECOND: f64 = 5.0;
/// Weights that a common processor reads in a second until something was measured: each word takes all of them.
const USUAL_BYTES_PER_SECOND: f64 = 25e9;

/// What a label depends on, besides the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Bytes free now; `None` where the system does not say.
    pub free: Option<u64>,
    /// Bytes that the model in memory gives back before another is loaded.
    pub freed_by_unloading: u64,
    /// Whether the engine maps the weights from the file instead of unpacking some of them.
    pub maps: bool,
    /// Weights read in a second by the models that were measured here; `None` before the first.
    pub bytes_per_second: Option<f64>,
}

impl Machine {
    /// What a new model may take.
    pub fn room(&self) -> Option<u64> {
        self.free
            .map(|free| free.saturating_add(self.freed_by_unloading))
    }
}

/// For a file that is not here.
pub fn estimate(shape: &Shape, weights: u64, context: u32, machine: &Machine) -> MemoryEstimate {
    let cache = shape
        .cache_bytes_per_token
        .saturating_mul(u64::from(context));
    // Without mapping the embedding lies unpacked beside the weights; and a prompt is read at once, or the cache built anew from
    // what it left, whichever takes more. Of the prompt only the part is known that grows the most.
    let (embedding, base) = if machine.maps {
        (0, MAPPED_BASE)
    } else {
        let embedding = shape.embedding_elements.saturating_mul(4);
        let prompt = prompt_bytes(context, 0, 0, 0).max(cache);
        (embedding, UNPACKING_BASE.saturating_add(prompt))
    };
    let parts = [weights, embedding, cache, base];
    MemoryEstimate {
        weights,
        embedding,
        kv_cache: cache,
        context_tokens: context,
        base,
        total: parts.into_iter().fold(0, u64::saturating_add),
        free: machine.free,
        freed_by_unloading: machine.freed_by_unloading,
        approximate: shape.guessed,
    }
}

/// For a model that is here: the numbers that the engine itself reckons with.
pub fn estimate_file(file: &ModelFile, context: u32, machine: &Machine) -> MemoryEstimate {
    match file {
        ModelFile::Gguf(summary) => estimate_gguf(summary, context, machine),
        ModelFile::Folder(summary) => estimate_folder(summary, context, machine),
    }
}

/// Its weights are quantized while they are read, where memory is short: so what it takes depends on what there is.
fn estimate_folder(summary: &FolderSummary, context: u32, machine: &Machine) -> MemoryEstimate {
    let memory = memory::of_folder(summary, context, machine.room());
    MemoryEstimate {
        weights: memory.weights,
        embedding: 0,
        kv_cache: memory.cache,
        context_tokens: context,
        base: memory.base.saturating_add(memory.reading),
        total: memory.total(),
        free: machine.free,
        freed_by_unloading: machine.freed_by_unloading,
        approximate: false,
    }
}

fn estimate_gguf(summary: &GgufSummary, context: u32, machine: &Machine) -> MemoryEstimate {
    let weights = summary.file_bytes;
    let cache = summary.cache_bytes(context);
    let (embedding, total) = if machine.maps {
        (0, summary.estimate_mapped(context))
    } else {
        let total = summary.estimate_bytes(context);
        (summary.embedding_bytes(), total)
    };
    MemoryEstimate {
        weights,
        embedding,
        kv_cache: cache,
        context_tokens: context,
        // Weights that are held twice, what is computed for a prompt, the vocabulary.
        base: total
            .saturating_sub(weights)
            .saturating_sub(cache)
            .saturating_sub(embedding),
        total,
        free: machine.free,
        freed_by_unloading: machine.freed_by_unloading,
        approximate: false,
    }
}

/// The label, and why.
pub fn judge(estimate: MemoryEstimate, measured: Option<&Measured>, machine: &Machine) -> Fit {
    let need = estimate.total.saturating_add(estimate.total / 100 * SPARE);
    let speed = measured.and_then(|measured| measured.answer_tokens_per_second);
    let (label, reason) = match (machine.room(), speed) {
        (Some(room), _) if need > room => (
            FitLabel::WontFit,
            format!(
                "With a reserve it needs about {}, and there {} {}{}.",
                bytes(need),
                if room == 0 { "is" } else { "are" },
                bytes(room),
                unloading(machine),
            ),
        ),
        (_, Some(speed)) if speed < READING_TOKENS_PER_SECOND => (
            FitLabel::Slow,
            format!("It wrote {speed:.1} tokens a second here, slower than one reads."),
        ),
        (_, Some(speed)) => (
            FitLabel::Fits,
            format!("It wrote {speed:.0} tokens a second here."),
        ),
        (Some(room), None) if need > room / 100 * 85 => (
            FitLabel::Slow,
            format!(
                "It barely fits: with a reserve it needs about {} of {}{}. Other programs may have to make room.",
                bytes(need),
                bytes(room),
                unloading(machine),
            ),
        ),
        (room, None) => {
            let usual = machine.bytes_per_second.unwrap_or(USUAL_BYTES_PER_SECOND);
            let expected = usual / estimate.weights.max(1) as f64;
            if expected < READING_TOKENS_PER_SECOND {
                (
                    FitLabel::Slow,
                    format!(
                        "There is room, but expect about {expected:.1} tokens a second on {}.",
                        if machine.bytes_per_second.is_some() {
                            "this machine"
                        } else {
                            "a usual processor"
                        }
                    ),
                )
            } else {
                let reason = match room {
                    Some(room) => format!(
                        "With a reserve it needs about {} of {}{}.",
                        bytes(need),
                        bytes(room),
                        unloading(machine)
                    ),
                    None => format!(
                        "With a reserve it needs about {}; this system does not say how much is free.",
                        bytes(need)
                    ),
                };
                (FitLabel::Fits, reason)
            }
        }
    };
    Fit {
        label,
        reason,
        estimate,
    }
}

fn unloading(machine: &Machine) -> &'static str {
    if machine.freed_by_unloading > 0 {
        " free once the model in memory is unloaded"
    } else {
        " free"
    }
}

/// `1.2 GB`, for people.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests;
