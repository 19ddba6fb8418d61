//! Which bytes of a file are there.
//!
//! Owns: a set of ranges, sorted, apart from each other. Refuses to own: where the bytes are.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Sorted, non-empty, not touching each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds a range; what overlaps or touches becomes one.
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        let (mut start, mut end) = (range.start, range.end);
        if start >= end {
            return;
        }
        let from = self.0.partition_point(|&(_, e)| e < start);
        let to = self.0.partition_point(|&(s, _)| s <= end);
        if from < to {
            start = start.min(self.0[from].0);
            end = end.max(self.0[to - 1].1);
        }
        self.0.splice(from..to, [(start, end)]);
    }

    /// Bytes in all.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    /// What is not there of a file of this size.
    pub(crate) fn missing(&self, size: u64) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        let mut at = 0;
        for &(start, end) in &self.0 {
            if at < start {
                missing.push(at..start.min(size));
            }
            at = at.max(end);
        }
        if at < size {
            missing.push(at..size);
        }
        missing
    }

    /// Whether this can be what is there of a file of this size: it may come from a damaged journal.
    pub(crate) fn is_sound(&self, size: u64) -> bool {
        self.0
            .iter()
            .all(|&(start, end)| start < end && end <= size)
            && self.0.windows(2).all(|pair| pair[0].1 < pair[1].0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_ranges_is_a_set_of_bytes(
            parts in prop::collection::vec((0_u64..64, 0_u64..64), 0..12),
        ) {
            let mut ranges = Ranges::default();
            let mut bytes = [false; 64];
            for (a, b) in parts {
                ranges.insert(a..b);
                for at in a..b {
                    bytes[at as usize] = true;
                }
            }
            prop_assert!(ranges.is_sound(64));
            prop_assert_eq!(ranges.total(), bytes.iter().filter(|there| **there).count() as u64);
            let mut absent = [true; 64];
            for range in ranges.missing(64) {
                for at in range {
                    absent[at as usize] = false;
                }
            }
            prop_assert_eq!(absent, bytes);
        }
    }

    #[test]
    fn a_damaged_set_is_noticed() {
        for damaged in [
            "[[5,5]]",
            "[[5,4]]",
            "[[0,11]]",
            "[[4,6],[0,2]]",
            "[[0,4],[3,6]]",
        ] {
            let ranges: Ranges = serde_json::from_str(damaged).unwrap();
            assert!(!ranges.is_sound(10), "{damaged}");
        }
    }
}
