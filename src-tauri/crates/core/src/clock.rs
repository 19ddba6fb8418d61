//! The system's clock and fresh ids. The only place of the core's crates that reads either.

use std::time::{SystemTime, UNIX_EPOCH};

use nexus_protocol::{Clock, UnixMillis};
use uuid::Uuid;

/// The machine's clock and random version 7 UUIDs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        // A clock set before 1970 reads as 1970: times are shown and sorted, nothing depends on them.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn new_uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
