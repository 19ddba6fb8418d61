//! Stops a file that kills its worker again and again from being tried for ever.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

/// Counts deaths by file. Deaths before the last finished answer do not count.
#[derive(Debug)]
pub(super) struct Breaker {
    deaths: HashMap<PathBuf, Vec<Death>>,
    limit: usize,
    window: Duration,
}

#[derive(Debug)]
struct Death {
    at: Instant,
    reason: String,
}

impl Breaker {
    pub(super) fn new(limit: usize, window: Duration) -> Self {
        Self {
            deaths: HashMap::new(),
            limit,
            window,
        }
    }

    pub(super) fn died(&mut self, path: &Path, reason: &str, at: Instant) {
        self.deaths.entry(path.to_owned()).or_default().push(Death {
            at,
            reason: reason.to_owned(),
        });
    }

    pub(super) fn finished(&mut self, path: &Path) {
        self.deaths.remove(path);
    }

    /// Why the file is not to be started now, if so.
    pub(super) fn refusal(&mut self, path: &Path, now: Instant) -> Option<String> {
        let deaths = self.deaths.get_mut(path)?;
        deaths.retain(|death| now.duration_since(death.at) < self.window);
        let (first, last) = (deaths.first()?, deaths.last()?);
        if deaths.len() < self.limit {
            return None;
        }
        let left = self.window.saturating_sub(now.duration_since(first.at));
        Some(format!(
            "It ended {} times within {} s with this model, so it is not started again for {} s. The last time: {}",
            deaths.len(),
            self.window.as_secs(),
            left.as_secs().max(1),
            last.reason
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn three_deaths_close_it_for_the_window() {
        let path = Path::new("bad.gguf");
        let mut breaker = Breaker::new(3, Duration::from_secs(300));
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        for (second, reason) in [(0, "one"), (10, "two")] {
            assert_eq!(breaker.refusal(path, later(second)), None);
            breaker.died(path, reason, later(second));
        }
        assert_eq!(breaker.refusal(path, later(20)), None);
        breaker.died(path, "three", later(20));
        assert_eq!(
            breaker.refusal(path, later(100)).as_deref(),
            Some(
                "It ended 3 times within 300 s with this model, so it is not started again for 200 s. The last time: three"
            )
        );
        assert_eq!(breaker.refusal(Path::new("good.gguf"), later(100)), None);
        assert_eq!(breaker.refusal(path, later(300)), None);
    }

    #[tokio::test]
    async fn a_finished_answer_clears_the_count() {
        let path = Path::new("flaky.gguf");
        let mut breaker = Breaker::new(3, Duration::from_secs(300));
        let now = Instant::now();
        breaker.died(path, "one", now);
        breaker.died(path, "two", now);
        breaker.finished(path);
        breaker.died(path, "three", now);
        assert_eq!(breaker.refusal(path, now), None);
    }
}
