//! Draws tokens from a seed. The engine has one source of chance for all requests, so for a request with a seed the choice is
//! made here, and the engine is left nothing to choose from.

use std::sync::OnceLock;

use mistralrs::{CustomLogitsProcessor, Result, Tensor};
use nexus_protocol::worker::Drawing;

/// One request's.
#[derive(Debug)]
pub(crate) struct Seeded {
    drawing: Drawing,
    seed: u32,
    /// Tokens before the answer, known with its first: what the engine shows of a prompt depends on what it remembers.
    before: OnceLock<usize>,
}

impl Seeded {
    /// `None` where the request has no seed, or nothing is left to chance.
    pub(crate) fn of(drawing: Drawing) -> Option<Self> {
        let seed = drawing.seed.filter(|_| drawing.temperature > 0.0)?;
        Some(Self {
            drawing,
            seed,
            before: OnceLock::new(),
        })
    }
}

impl CustomLogitsProcessor for Seeded {
    fn apply(&self, logits: &Tensor, context: &[u32]) -> Result<Tensor> {
        let mut weights: Vec<f32> = logits.to_vec1()?;
        let place = context
            .len()
            .saturating_sub(*self.before.get_or_init(|| context.len()));
        // The same place draws the same number, also where a first choice did not fit the form that is asked for.
        let chosen = choose(&weights, &self.drawing, number(self.seed, place));
        weights.fill(f32::NEG_INFINITY);
        if let Some(weight) = weights.get_mut(chosen) {
            *weight = 0.0;
        }
        Tensor::from_vec(weights, logits.shape(), logits.device())
    }
}

/// A number from 0 up to 1 for a place in an answer: the finish of SplitMix64.
fn number(seed: u32, place: usize) -> f32 {
    let mut bits = (u64::from(seed) << 32 | place as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    let share = (bits >> 40) as f32;
    share / 16_777_216.0
}

/// The token that `number` falls on among those that may be drawn.
fn choose(weights: &[f32], drawing: &Drawing, number: f32) -> usize {
    let mut candidates: Vec<(usize, f32)> = weights
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, weight)| *weight > f32::NEG_INFINITY)
        .collect();
    let keep = drawing.top_k as usize;
    if keep < candidates.len() {
        candidates.select_nth_unstable_by(keep, heavier_first);
        candidates.truncate(keep);
    }
    candidates.sort_unstable_by(heavier_first);
    let Some(&(likeliest, most)) = candidates.first() else {
        return 0;
    };
    for (_, weight) in &mut candidates {
        *weight = ((*weight - most) / drawing.temperature).exp();
    }
    let all: f32 = candidates.iter().map(|(_, share)| share).sum();
    let mut sum = 0.0;
    let within = candidates
        .iter()
        .take_while(|(_, share)| {
            let is_within = sum < drawing.top_p * all && *share >= drawing.min_p;
            sum += share;
            is_within
        })
        .count();
    candidates.truncate(within.max(1));
    let total: f32 = candidates.iter().map(|(_, share)| share).sum();
    let mut left = number * total;
    for (token, share) in candidates {
        left -= share;
        if left < 0.0 {
            return token;
        }
    }
    likeliest
}

/// Equal weights in the order of the vocabulary, so that it is always the same one.
fn heavier_first(a: &(usize, f32), b: &(usize, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use nexus_protocol::ChatRequest;

    use super::*;

    fn wild() -> Drawing {
        Drawing {
            temperature: 1.0,
            top_p: 1.0,
            ..Drawing::of(&ChatRequest::default())
        }
    }

    #[test]
    fn shares_are_drawn_as_often_as_they_weigh() {
        let weights = [0.6_f32.ln(), f32::NEG_INFINITY, 0.3_f32.ln(), 0.1_f32.ln()];
        let mut counts = [0_u32; 4];
        for place in 0..10_000 {
            counts[choose(&weights, &wild(), number(7, place))] += 1;
        }
        for (count, expected) in counts.into_iter().zip([6000_u32, 0, 3000, 1000]) {
            assert!(count.abs_diff(expected) < 300, "{counts:?}");
        }
    }

    #[test]
    fn what_is_unlikely_is_left_out_as_asked() {
        let weights = [0.6_f32.ln(), 0.3_f32.ln(), 0.1_f32.ln()];
        let last = |drawing: Drawing| choose(&weights, &drawing, 0.9999);
        assert_eq!(last(wild()), 2);
        assert_eq!(last(Drawing { top_k: 1, ..wild() }), 0);
        assert_eq!(
            last(Drawing {
                top_p: 0.8,
                ..wild()
            }),
            1
        );
        assert_eq!(
            last(Drawing {
                min_p: 0.3,
                ..wild()
            }),
            1
        );
        assert_eq!(choose(&[f32::NEG_INFINITY], &wild(), 0.5), 0);
    }
}
