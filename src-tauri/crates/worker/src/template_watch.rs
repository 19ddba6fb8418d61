//! Ends the process where a chat template takes more than any real one does. Templates are programs that came with the
//! model: they can loop, and double a text until memory is full, and what renders them can be stopped in no other way.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use nexus_protocol::worker::EXIT_TEMPLATE;

use crate::guard::{computed, resident_bytes};

/// Real templates take milliseconds, for the longest conversations too. A person waits for it and for the model's load. Of computing,
/// where that is known: on a machine that is busy with other things milliseconds take long.
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
        let (started, before) = ((Instant::now(), computed()), resident_bytes());
        let watch = move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Some(reason) = excess(taken(started, computed()), before, resident_bytes()) {
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

/// Time since `started`, without that in which other programs had the processor. Other threads of this one do next to nothing
/// meanwhile.
fn taken((at, before): (Instant, Option<Duration>), now: Option<Duration>) -> Duration {
    let all = at.elapsed();
    match (before, now) {
        (Some(before), Some(now)) => all.min(now.saturating_sub(before)),
        _ => all,
    }
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
    fn waiting_for_the_processor_does_not_count() {
        let second = Duration::from_secs(1);
        let long_ago = Instant::now().checked_sub(second * 60).unwrap();
        assert_eq!(
            taken((long_ago, Some(second)), Some(second * 3)),
            second * 2
        );
        // Several threads compute more than the clock shows.
        let now = Instant::now();
        assert!(taken((now, Some(second)), Some(second * 9)) < second * 8);
        // Where it is not known.
        assert!(taken((long_ago, None), Some(second)) >= second * 60);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_computed_is_counted() {
        let before = computed().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        let mut sum = 0_u64;
        while computed().unwrap() < before + Duration::from_millis(50) {
            sum = sum.wrapping_add(std::hint::black_box(sum) ^ 3);
            assert!(Instant::now() < end);
        }
    }

    #[test]
    fn what_ends_in_time_is_left_alone() {
        for _ in 0..100 {
            drop(TemplateWatch::begin());
        }
    }
}
