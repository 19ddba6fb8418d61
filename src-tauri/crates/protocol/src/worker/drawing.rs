//! How a worker draws the next token: what a request leaves open, filled in, and all of it within its bounds.

use crate::ChatRequest;

/// The same in both engines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// 0.0 takes the likeliest token always.
    pub temperature: f32,
    /// 1.0 keeps all.
    pub top_p: f32,
    /// Never 0: without a bound an engine sorts the whole vocabulary for each token.
    pub top_k: u32,
    /// 0.0 keeps all.
    pub min_p: f32,
    /// 1.0 changes nothing.
    pub repetition_penalty: f32,
    /// `None` for any.
    pub seed: Option<u32>,
}

impl Drawing {
    /// Most tokens that are looked at, whatever is asked.
    const WIDEST: u32 = 1000;

    /// What `request` asks for.
    pub fn of(request: &ChatRequest) -> Self {
        let within = |asked: Option<f32>, usual: f32, least: f32, most: f32| {
            let asked = asked.filter(|value| value.is_finite());
            asked.unwrap_or(usual).clamp(least, most)
        };
        let sampling = request.sampling;
        Self {
            temperature: within(request.temperature, 0.7, 0.0, 2.0),
            top_p: within(sampling.top_p, 0.95, 0.01, 1.0),
            top_k: match sampling.top_k.unwrap_or(40) {
                0 => Self::WIDEST,
                asked => asked.min(Self::WIDEST),
            },
            min_p: within(sampling.min_p, 0.0, 0.0, 1.0),
            repetition_penalty: within(sampling.repetition_penalty, 1.0, 0.5, 2.0),
            seed: sampling.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;

    #[test]
    fn what_is_open_is_filled_in_and_the_rest_is_kept_within_bounds() {
        let usual = Drawing {
            temperature: 0.7,
            top_p: 0.95,
            top_k: 40,
            min_p: 0.0,
            repetition_penalty: 1.0,
            seed: None,
        };
        assert_eq!(Drawing::of(&ChatRequest::default()), usual);
        let odd = ChatRequest {
            temperature: Some(f32::NAN),
            sampling: Sampling {
                top_p: Some(-1.0),
                top_k: Some(0),
                min_p: Some(7.0),
                repetition_penalty: Some(f32::INFINITY),
                seed: Some(3),
            },
            ..ChatRequest::default()
        };
        let kept = Drawing {
            top_p: 0.01,
            top_k: 1000,
            min_p: 1.0,
            seed: Some(3),
            ..usual
        };
        assert_eq!(Drawing::of(&odd), kept);
    }
}
