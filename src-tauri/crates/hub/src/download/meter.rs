//! How fast it goes, without jumping about.

use std::time::{Duration, Instant};

/// Seconds after which an old rate counts for a third.
const SMOOTHING: f64 = 5.0;

#[derive(Debug)]
pub(crate) struct Meter {
    last: Option<(Instant, u64)>,
    rate: Option<f64>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            last: None,
            rate: None,
        }
    }

    /// After a pause: what was before says nothing.
    pub(crate) fn restart(&mut self) {
        *self = Self::new();
    }

    /// Bytes a second, now that this many are there.
    pub(crate) fn note(&mut self, now: Instant, received: u64) -> Option<u64> {
        if let Some((then, before)) = self.last {
            let seconds = now.duration_since(then).as_secs_f64();
            if seconds < 0.05 {
                return self.rate.map(|rate| rate as u64);
            }
            // A file that begins anew has fewer bytes than before: that is no negative rate.
            let current = received.saturating_sub(before) as f64 / seconds;
            let weight = (-seconds / SMOOTHING).exp();
            self.rate = Some(match self.rate {
                Some(rate) => rate * weight + current * (1.0 - weight),
                None => current,
            });
        }
        self.last = Some((now, received));
        self.rate.map(|rate| rate as u64)
    }
}

/// Until the rest is there; `None` where nobody can say.
pub(crate) fn left(rate: Option<u64>, received: u64, total: u64) -> Option<Duration> {
    let rate = rate.filter(|rate| *rate > 0)?;
    Some(Duration::from_secs(
        total.saturating_sub(received).div_ceil(rate),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_shown_and_a_stall_fades() {
        let mut meter = Meter::new();
        let start = Instant::now();
        let at = |quarters: u64| start + Duration::from_millis(250) * quarters as u32;
        assert_eq!(meter.note(start, 0), None);
        for quarter in 1..40 {
            assert_eq!(meter.note(at(quarter), quarter * 250), Some(1000));
        }
        let stalled = meter.note(at(60), 39 * 250).unwrap();
        assert!((300..450).contains(&stalled), "{stalled}");
        assert_eq!(left(Some(1000), 500, 2500), Some(Duration::from_secs(2)));
        assert_eq!(left(Some(0), 500, 2500), None);
    }
}
