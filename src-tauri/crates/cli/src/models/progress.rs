//! How far something is: one line that changes on a terminal, a plain line now and then elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use nexus_protocol::{Download, DownloadStatus};

use crate::output::clean;

/// Between two plain lines.
const PLAIN: Duration = Duration::from_secs(10);

/// A line on standard error: standard output is for the result.
pub struct Line {
    terminal: bool,
    shown: Option<Instant>,
    last: String,
}

impl Line {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            shown: None,
            last: String::new(),
        }
    }

    /// Shows how it is. `urgent` is shown at once also where lines are plain.
    pub fn show(&mut self, text: &str, urgent: bool) {
        if text == self.last {
            return;
        }
        let text = clean(text);
        let mut stderr = io::stderr();
        // Where standard error is closed there is nobody to tell.
        if self.terminal {
            let _ = write!(stderr, "\r\x1b[K{text}");
            let _ = stderr.flush();
        } else if urgent || self.shown.is_none_or(|shown| shown.elapsed() >= PLAIN) {
            let _ = writeln!(stderr, "{text}");
            self.shown = Some(Instant::now());
        }
        self.last = text;
    }

    /// Leaves the last one standing.
    pub fn end(&mut self) {
        if self.terminal && !self.last.is_empty() {
            let _ = writeln!(io::stderr());
        }
    }
}

/// `Q4_K_M: 120 MB of 491 MB (24 %), 3.1 MB/s, 2 min left`.
pub fn words(download: &Download) -> String {
    let amount = format!(
        "{} of {} ({} %)",
        bytes(download.received),
        bytes(download.total),
        download
            .received
            .saturating_mul(100)
            .checked_div(download.total)
            .unwrap_or(100)
    );
    let mut text = match &download.status {
        DownloadStatus::Queued => format!("{amount}, waiting for others"),
        DownloadStatus::Connecting => format!("{amount}, connecting"),
        DownloadStatus::Elsewhere => format!("{amount}, fetched by another program"),
        DownloadStatus::Fetching => amount,
        DownloadStatus::Verifying => "all came, checking it".to_owned(),
        DownloadStatus::Paused => format!("{amount}, paused"),
        DownloadStatus::Failed { error } => format!("{amount}, failed: {}", error.detail),
        DownloadStatus::Done { model } => format!("done: {model}"),
    };
    if let Some(rate) = download.rate {
        text.push_str(&format!(", {}/s", bytes(rate)));
    }
    if let Some(left) = download.seconds_left {
        text.push_str(&format!(", {} left", time(left)));
    }
    if let Some(trouble) = &download.trouble {
        text.push_str(&format!(" – trying again: {trouble}"));
    }
    format!("{}: {text}", download.label)
}

/// `98 MB`, `4.7 GB`.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn time(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::DownloadId;

    use super::*;

    #[test]
    fn a_line_says_all_that_is_known() {
        let mut download = Download {
            id: DownloadId(uuid::Uuid::nil()),
            model: "maker/model".into(),
            file: "m.gguf".into(),
            label: "Q4_K_M".into(),
            status: DownloadStatus::Fetching,
            received: 120_000_000,
            total: 491_000_000,
            rate: Some(3_100_000),
            seconds_left: Some(119),
            trouble: None,
        };
        assert_eq!(
            words(&download),
            "Q4_K_M: 120 MB of 491 MB (24 %), 3 MB/s, 2 min left"
        );
        download.status = DownloadStatus::Paused;
        (download.rate, download.seconds_left, download.total) = (None, None, 0);
        assert_eq!(words(&download), "Q4_K_M: 120 MB of 0 B (100 %), paused");
    }

    #[test]
    fn times_and_sizes_are_rounded() {
        assert_eq!([time(5), time(100), time(9000)], ["5 s", "2 min", "2.5 h"]);
        assert_eq!(
            [bytes(999), bytes(98_362_432), bytes(4_683_000_000)],
            ["999 B", "98 MB", "4.7 GB"]
        );
    }
}
