//! The last words of a worker: kept in a small ring, for when it dies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Lines kept.
const LINES: usize = 40;
/// Bytes kept of a line.
const LINE_BYTES: usize = 400;

/// The last lines that a worker wrote to its stderr.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl LastWords {
    /// Reads until the end, however long lines are, and passes each on to the log.
    pub(super) async fn collect(self, mut from: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 4096];
        let mut line = Vec::new();
        loop {
            let count = match from.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            for &byte in &buffer[..count] {
                if byte == b'\n' {
                    self.add(&line);
                    line.clear();
                } else if line.len() < LINE_BYTES {
                    line.push(byte);
                }
            }
        }
        self.add(&line);
    }

    fn add(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        tracing::debug!(target: "nexus_worker_client::stderr", "{text}");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(text.to_owned());
    }

    /// The line that tells most: the last panic or failed allocation, else the last of all.
    pub(super) fn telling(&self) -> Option<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .rev()
            .find(|line| line.contains("panic") || line.contains("memory allocation"))
            .or_else(|| lines.back())
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn telling(bytes: &[u8]) -> Option<String> {
        let words = LastWords::default();
        words.clone().collect(bytes).await;
        words.telling()
    }

    #[tokio::test]
    async fn a_panic_tells_more_than_what_follows_it() {
        assert_eq!(telling(b"").await, None);
        assert_eq!(telling(b"one\n\n two").await.as_deref(), Some("two"));
        assert_eq!(
            telling(b"a panic: no such key\nnote: more\n")
                .await
                .as_deref(),
            Some("a panic: no such key")
        );
    }

    #[tokio::test]
    async fn endless_lines_and_endless_output_are_cut() {
        let mut bytes = vec![b'x'; 1 << 20];
        for number in 0..1000 {
            bytes.extend(format!("\nline {number}").into_bytes());
        }
        let words = LastWords::default();
        words.clone().collect(bytes.as_slice()).await;
        let lines = words.lines.lock().unwrap();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.back().map(String::as_str), Some("line 999"));
        assert!(lines.iter().all(|line| line.len() <= LINE_BYTES));
    }
}
