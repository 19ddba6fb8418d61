//! Ends the process where a chat template takes more than any real one does. Templates are programs that came with the
//! model: they can loop, and double a text until memory is full, and what renders them can be stopped in no other way.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use nexus_protocol::worker::EXIT_TEMPLATE;

use crate::guard::resident_bytes;

/// Real templates take milliseconds, for the longest conversations too. A person waits for it and for the model's load.
const TIME: Duration = if cfg!(test) {
    // Tests share a machine with compilers, and a process with each other.
    Duration::from_secs(20)
} else {
    Duration::from_millis(800)
};

/// More than any conversation has.
const BYTES: u64 = if cfg!(test) { 16 << 30 } else { 256 << 20 };

/// How often it looks. A process cannot fill much more than [`BYTES`] meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Watches until it is dropped.
#[derive(Debug)]
pub(crate) struct TemplateWatch {
    _rendering: mpsc::Sender<()>,
}

impl TemplateWatch {
    /// Begins to watch, for the thread that renders or another.
    pub(crate) fn begin() -> Self {
        let (rendering, ended) = mpsc::channel();
        let (started, before) = (Instant::now(), resident_bytes());
        let watch = move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Some(reason) = excess(started.elapsed(), before, resident_bytes()) {
                    end(reason);
                }
            }
        };
        let named = std::thread::Builder::new().name("template".to_owned());
        if let Err(error) = named.spawn(watch) {
            tracing::warn!(%error, "the chat template is not watched");
        }
        Self {
            _rendering: rendering,
        }
    }
}

/// Ends the process, so that the parent knows why.
pub(crate) fn end(reason: &str) -> ! {
    tracing::error!("the model's chat template {reason}");
    std::process::exit(EXIT_TEMPLATE)
}

/// What it takes too much of, if so.
fn excess(time: Duration, before: u64, now: u64) -> Option<&'static str> {
    if time > TIME {
        Some("does not end")
    } else if now.saturating_sub(before) > BYTES {
        Some("fills the memory")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_long_and_too_much_are_told_apart() {
        let (short, long) = (Duration::from_millis(3), Duration::from_mins(1));
        assert_eq!(excess(short, 1 << 30, 1 << 30), None);
        assert_eq!(excess(short, 1 << 30, 0), None);
        assert_eq!(excess(long, 0, 0), Some("does not end"));
        assert_eq!(excess(short, 0, BYTES + 1), Some("fills the memory"));
    }

    #[test]
    fn what_ends_in_time_is_left_alone() {
        for _ in 0..100 {
            drop(TemplateWatch::begin());
        }
    }
}
