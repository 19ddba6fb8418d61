//! A clock that stands still until a test moves it.
//!
//! Owns: time and ids that are the same in every run. Refuses to own: timers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use nexus_protocol::{Clock, UnixMillis};
use uuid::Uuid;

/// Time that only tests move, and ids that count up.
#[derive(Debug)]
pub struct FixedClock {
    now: AtomicI64,
    step: AtomicI64,
    ids: AtomicU64,
}

impl FixedClock {
    /// 2026-01-02T03:04:05Z.
    pub const START: UnixMillis = UnixMillis(1_767_323_045_000);

    /// A clock that stands at [`Self::START`].
    pub fn new() -> Self {
        Self::at(Self::START)
    }

    /// A clock that stands at `now`.
    pub fn at(now: UnixMillis) -> Self {
        Self {
            now: AtomicI64::new(now.0),
            step: AtomicI64::new(0),
            ids: AtomicU64::new(0),
        }
    }

    /// Moves on by `millis` with each look at it.
    #[must_use]
    pub fn ticking(self, millis: i64) -> Self {
        self.step.store(millis, Ordering::SeqCst);
        self
    }

    /// Moves it; backwards too.
    pub fn advance(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FixedClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(
            self.now
                .fetch_add(self.step.load(Ordering::SeqCst), Ordering::SeqCst),
        )
    }

    /// Version 7, ordered: 00000000-0000-7000-8000-000000000001 and up.
    fn new_uuid(&self) -> Uuid {
        let count = self.ids.fetch_add(1, Ordering::SeqCst) + 1;
        let version_and_variant = (0x7000_u128 << 64) | (0x8000_u128 << 48);
        Uuid::from_u128(version_and_variant | u128::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_only_when_told_and_ids_are_version_7_in_order() {
        let clock = FixedClock::new();
        assert_eq!(
            (clock.now(), clock.now()),
            (FixedClock::START, FixedClock::START)
        );
        clock.advance(-5);
        assert_eq!(clock.now(), UnixMillis(FixedClock::START.0 - 5));
        let ticking = FixedClock::at(UnixMillis(7)).ticking(2);
        assert_eq!(
            (ticking.now(), ticking.now()),
            (UnixMillis(7), UnixMillis(9))
        );
        let (first, second) = (clock.new_uuid(), clock.new_uuid());
        assert_eq!(first.to_string(), "00000000-0000-7000-8000-000000000001");
        assert_eq!(first.get_version_num(), 7);
        assert!(first < second);
    }
}
