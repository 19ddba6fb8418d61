//! How much of a prompt is read at once. Batches are quicker than single tokens, but only between two of them can a
//! generation be stopped.

use std::time::Duration;

/// What llama.cpp takes at once, at most.
pub(crate) const MOST: usize = 512;

/// The largest models on the slowest machines read this many tokens within the parent's patience.
const LEAST: usize = 16;

/// With how many it begins: not the least, for small batches cost more, and not the most, for nothing is known yet.
const FIRST: usize = 64;

/// How long one batch may take. Whoever stops an answer has been told so before the worker stops; only the next question waits for
/// the end of a batch. A model of 1.5 GB on two cores reads a prompt in half the time with this that it takes with 200 ms.
const GOAL: Duration = Duration::from_millis(1500);

/// The size of the next batch, from how long the last ones took.
#[derive(Debug)]
pub(crate) struct Pace {
    tokens: usize,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { tokens: FIRST }
    }

    /// Tokens to read next.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Notes how long a batch took. Smaller ones than any that is asked for say nothing: a token costs more in them.
    pub(crate) fn took(&mut self, tokens: usize, time: Duration) {
        if tokens < LEAST {
            return;
        }
        let affordable = GOAL.as_micros() * tokens as u128 / time.as_micros().max(1);
        // Not much more than was tried: the next batch may meet attention over a much longer past.
        let grown = tokens.max(self.tokens) * 4;
        self.tokens = usize::try_from(affordable)
            .unwrap_or(MOST)
            .min(grown)
            .clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_the_size_that_takes_as_long_as_wanted() {
        let mut pace = Pace::new();
        for _ in 0..4 {
            let tokens = pace.tokens();
            pace.took(
                tokens,
                Duration::from_millis(20) * u32::try_from(tokens).unwrap(),
            );
        }
        assert_eq!(pace.tokens(), 75);
    }

    #[test]
    fn it_stays_within_bounds_and_grows_step_by_step() {
        let mut pace = Pace::new();
        pace.took(LEAST, Duration::ZERO);
        assert_eq!(pace.tokens(), FIRST * 4);
        pace.took(FIRST * 4, Duration::ZERO);
        assert_eq!(pace.tokens(), MOST);
        pace.took(MOST, Duration::from_mins(100));
        assert_eq!(pace.tokens(), LEAST);
    }

    #[test]
    fn a_few_tokens_teach_nothing() {
        let mut pace = Pace::new();
        pace.took(1, Duration::from_secs(1));
        pace.took(1, Duration::ZERO);
        assert_eq!(pace.tokens(), FIRST);
    }
}
