//! How the missing bytes are shared among connections. Pure.

use std::ops::Range;

use super::Limits;

/// Smaller pieces cost more in requests than they gain.
const MIN_PIECE: u64 = 256 * 1024;

/// In the order of the file: the parts then grow together, and a file system without holes has little to fill.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) workers: usize,
    pub(crate) pieces: Vec<Range<u64>>,
}

pub(crate) fn plan(missing: &[Range<u64>], limits: &Limits) -> Plan {
    let total: u64 = missing.iter().map(|range| range.end - range.start).sum();
    let worth = total.div_ceil(limits.part_at_least.max(1)).max(1);
    let workers = usize::try_from(worth)
        .unwrap_or(usize::MAX)
        .min(limits.parts.max(1));
    let share = total.div_ceil(workers as u64);
    let piece = limits.piece.min(share).max(MIN_PIECE);
    let mut pieces = Vec::new();
    for range in missing {
        let mut at = range.start;
        while at < range.end {
            let end = at.saturating_add(piece).min(range.end);
            pieces.push(at..end);
            at = end;
        }
    }
    Plan { workers, pieces }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn small_files_have_fewer_connections() {
        let workers =
            |size: u64| plan(std::slice::from_ref(&(0..size)), &Limits::default()).workers;
        assert_eq!(workers(1), 1);
        assert_eq!(workers(4 * MIB), 1);
        assert_eq!(workers(9 * MIB), 3);
        assert_eq!(workers(16 * 1024 * MIB), 4);
    }

    proptest! {
        #[test]
        fn the_pieces_are_what_is_missing(
            cuts in prop::collection::btree_set(0_u64..400 * MIB, 0..6),
        ) {
            let cuts: Vec<u64> = cuts.into_iter().collect();
            let missing: Vec<Range<u64>> = cuts.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
            let plan = plan(&missing, &Limits::default());
            let mut joined: Vec<Range<u64>> = Vec::new();
            for piece in plan.pieces {
                prop_assert!(piece.start < piece.end);
                match joined.last_mut() {
                    Some(last) if last.end == piece.start => last.end = piece.end,
                    _ => joined.push(piece),
                }
            }
            prop_assert_eq!(joined, missing);
        }
    }
}
