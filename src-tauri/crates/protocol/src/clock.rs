//! The clock and the source of ids that the core's crates are given, so that tests decide both.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Milliseconds from `earlier` to `self`; 0 where the clock went backwards.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// Where time and fresh ids come from. The core passes the system's; tests pass their own.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixMillis;
    /// A fresh UUID, version 7 in production.
    fn new_uuid(&self) -> Uuid;
}
