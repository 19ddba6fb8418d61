//! Whether memory is short on this machine, so that idle models have to go. Pure but for [`MemoryReading::now`].

use std::fmt;
use std::sync::Arc;

/// What the system says of its memory at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MemoryReading {
    /// Bytes that a new process can take without pushing others out; `None` where the system does not say.
    pub available: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
    /// How much of the last ten seconds all processes stood still for want of memory, percent; Linux only.
    pub stall_percent: Option<f64>,
}

impl MemoryReading {
    /// Asks the system.
    pub fn now() -> Self {
        let mut system = sysinfo::System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_memory();
        }
        Self {
            available: crate::memory::available(),
            total: system
                .map(|system| system.total_memory())
                .filter(|total| *total > 0),
            stall_percent: std::fs::read_to_string("/proc/pressure/memory")
                .ok()
                .and_then(|text| stalls(&text)),
        }
    }

    /// Whether what is idle has to leave.
    pub fn is_short(&self) -> bool {
        /// Less than this is little on any machine that runs models.
        const LITTLE: u64 = 128 << 20;
        /// Of all memory, what has to be left.
        const PART: u64 = 32;
        /// A machine that stands still so much is about to run out, whatever it calls available.
        const STALL_PERCENT: f64 = 10.0;
        let keep = self
            .total
            .map_or(LITTLE, |total| (total / PART).max(LITTLE));
        self.available.is_some_and(|available| available < keep)
            || self
                .stall_percent
                .is_some_and(|stall| stall > STALL_PERCENT)
    }
}

/// The line `full` of the kernel's own account: the share of time in which nothing could go on.
fn stalls(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("full "))?;
    let value = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("avg10="))?;
    value.parse().ok()
}

/// Where readings come from: the system, or a test.
#[derive(Clone)]
pub struct MemoryGauge(Arc<dyn Fn() -> MemoryReading + Send + Sync>);

impl MemoryGauge {
    /// From a function, which may block for some milliseconds.
    pub fn new(read: impl Fn() -> MemoryReading + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) fn read(&self) -> MemoryReading {
        (self.0)()
    }
}

impl Default for MemoryGauge {
    fn default() -> Self {
        Self::new(MemoryReading::now)
    }
}

impl fmt::Debug for MemoryGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryGauge")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_or_standing_still_is_pressure() {
        let reading = |available, stall_percent| MemoryReading {
            available,
            total: Some(16 << 30),
            stall_percent,
        };
        assert!(!reading(Some(4 << 30), Some(0.5)).is_short());
        assert!(!reading(None, None).is_short());
        assert!(reading(Some(400 << 20), None).is_short());
        assert!(reading(Some(4 << 30), Some(25.0)).is_short());
    }

    #[test]
    fn the_kernels_account_is_read() {
        let text = "some avg10=3.10 avg60=1.00 avg300=0.00 total=9\nfull avg10=1.25 avg60=0.00 avg300=0.00 total=1\n";
        assert_eq!(stalls(text), Some(1.25));
        assert_eq!(stalls("some avg10=x"), None);
        assert!(MemoryReading::now().available.is_some());
    }
}
