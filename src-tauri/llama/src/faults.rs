//! Why llama.cpp refused something. It returns nothing but "no" and tells the reason in its log.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use nexus_protocol::worker::WorkerError;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Runs `work`, and gives with its result the errors that were logged on this thread meanwhile, a line each.
pub(crate) fn heard<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let result = tracing::subscriber::with_default(Ear(lines.clone()), work);
    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    for line in &lines {
        tracing::info!("llama.cpp: {line}");
    }
    (result, lines)
}

/// What the parent is told of a refusal. The first error is the cause; the later ones are those of the callers.
pub(crate) fn refusal(lines: &[String]) -> WorkerError {
    let Some(line) = lines.first() else {
        return WorkerError::Load {
            reason: "llama.cpp refused it and did not say why".to_owned(),
        };
    };
    let mut line = line.trim();
    while let Some(rest) = line
        .strip_prefix("error loading model: ")
        .or_else(|| line.strip_prefix("error loading model architecture: "))
        .or_else(|| line.strip_prefix("error loading model hyperparameters: "))
        .or_else(|| line.strip_prefix("error loading model vocabulary: "))
    {
        line = rest;
    }
    let reason: String = line.chars().take(300).collect();
    let all = lines.concat();
    if ["alloc", "out of memory"]
        .iter()
        .any(|word| all.contains(word))
    {
        return WorkerError::OutOfMemory { reason };
    }
    WorkerError::Load { reason }
}

/// Hears errors and nothing else.
struct Ear(Arc<Mutex<Vec<String>>>);

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(message.0.trim().to_owned());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _written = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_this_thread_are_heard_and_nothing_else() {
        let (result, lines) = heard(|| {
            tracing::info!("this goes well");
            tracing::error!("error loading model: no");
            std::thread::spawn(|| tracing::error!("elsewhere"))
                .join()
                .is_ok()
        });
        assert!(result);
        assert_eq!(lines, ["error loading model: no"]);
    }

    #[test]
    fn the_reason_is_the_first_error_without_its_callers() {
        let refusal = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            super::refusal(&lines)
        };
        let load = |reason: &str| WorkerError::Load {
            reason: reason.to_owned(),
        };
        assert_eq!(
            refusal(&[
                "error loading model: error loading model architecture: unknown model architecture: 'x'",
                "failed to load model",
            ]),
            load("unknown model architecture: 'x'")
        );
        assert_eq!(
            refusal(&[
                "failed to allocate CPU buffer of size 9",
                "failed to load model"
            ]),
            WorkerError::OutOfMemory {
                reason: "failed to allocate CPU buffer of size 9".to_owned()
            }
        );
        assert_eq!(
            refusal(&[]),
            load("llama.cpp refused it and did not say why")
        );
    }
}
