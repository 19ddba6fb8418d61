//! The last words of a worker: kept in a small ring, for when it dies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Lines kept.
const LINES: usize = 40;
/// Bytes kept of a line.
const LINE_BYTES: usize = 400;

/// The last lines that a worker wrote to its stderr.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
    ended: CancellationToken,
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
        self.ended.cancel();
    }

    /// Waits for the end of what it writes, a moment at most: a child that it left behind could hold on to the pipe.
    pub(super) async fn complete(&self) {
        let _held = timeout(Duration::from_millis(500), self.ended.cancelled()).await;
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

    /// What is kept, the oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_kept_without_the_space_around_them() {
        let words = LastWords::default();
        words.clone().collect(b"one\n\n two".as_slice()).await;
        assert_eq!(words.lines(), ["one", "two"]);
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
