//! Counts how often workers died over a file, so that it is not tried for ever.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::Backend;

/// Counts deaths by file and engine. Deaths before the last finished answer do not count.
#[derive(Debug)]
pub(super) struct Breaker {
    deaths: HashMap<(PathBuf, Backend), Vec<Instant>>,
    limit: usize,
    window: Duration,
}

impl Breaker {
    pub(super) fn new(limit: usize, window: Duration) -> Self {
        Self {
            deaths: HashMap::new(),
            limit,
            window,
        }
    }

    /// Notes a death. Why the file is to be given up with this engine, if so, in a sentence.
    pub(super) fn died(
        &mut self,
        path: &Path,
        backend: Backend,
        reason: &str,
        at: Instant,
    ) -> Option<String> {
        let key = (path.to_owned(), backend);
        let deaths = self.deaths.entry(key.clone()).or_default();
        deaths.retain(|earlier| at.duration_since(*earlier) < self.window);
        deaths.push(at);
        let count = deaths.len();
        if count < self.limit {
            return None;
        }
        self.deaths.remove(&key);
        Some(format!(
            "its process ended {count} times within {} s with this file. The last time: {reason}",
            self.window.as_secs()
        ))
    }

    pub(super) fn finished(&mut self, path: &Path, backend: Backend) {
        self.deaths.remove(&(path.to_owned(), backend));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(3, Duration::from_secs(300))
    }

    #[tokio::test]
    async fn three_deaths_within_the_window_are_the_end() {
        let (bad, good) = (Path::new("bad.gguf"), Path::new("good.gguf"));
        let mut breaker = breaker();
        let start = Instant::now();
        let mut died = |path, backend, seconds, reason| {
            breaker.died(path, backend, reason, start + Duration::from_secs(seconds))
        };
        assert_eq!(died(bad, Backend::Llama, 0, "One."), None);
        assert_eq!(died(bad, Backend::Llama, 200, "Two."), None);
        assert_eq!(died(bad, Backend::Mistral, 210, "Other."), None);
        assert_eq!(died(good, Backend::Llama, 210, "Other."), None);
        // The first is too long ago by now.
        assert_eq!(died(bad, Backend::Llama, 301, "Three."), None);
        assert_eq!(
            died(bad, Backend::Llama, 302, "Four.").as_deref(),
            Some("its process ended 3 times within 300 s with this file. The last time: Four.")
        );
        assert_eq!(
            died(bad, Backend::Llama, 303, "Five."),
            None,
            "it starts anew"
        );
    }

    #[tokio::test]
    async fn a_finished_answer_clears_the_count() {
        let path = Path::new("flaky.gguf");
        let mut breaker = breaker();
        let now = Instant::now();
        for _ in 0..5 {
            assert_eq!(breaker.died(path, Backend::Llama, "It fell.", now), None);
            assert_eq!(breaker.died(path, Backend::Llama, "It fell.", now), None);
            breaker.finished(path, Backend::Llama);
        }
    }
}
