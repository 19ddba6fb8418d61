//! Logs: a file a day in the data folder and standard error, with every key taken out before a byte leaves the process.
//!
//! Owns the tracing subscriber and the panic hook. Refuses to be set up twice: the first one of a process stays.

mod redact;

use std::{
    io::{self, Write},
    path::Path,
};

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::LevelFilter,
    fmt::MakeWriter,
    layer::{Layered, SubscriberExt},
    reload,
    util::SubscriberInitExt,
};

pub use redact::Redactor;

/// Days of logs that are kept.
const KEPT_DAYS: usize = 7;

/// Changes the filter of a running process.
#[derive(Clone)]
pub struct LogHandle {
    file: reload::Handle<EnvFilter, Registry>,
}

impl LogHandle {
    /// Applies another filter to the file. One that cannot be parsed is left out: settings are checked before they come here.
    pub fn set_filter(&self, filter: &str) {
        if let Ok(filter) = EnvFilter::try_new(filter) {
            // It fails only where the subscriber is gone, and then there is nothing to filter.
            let _ = self.file.reload(filter);
        }
    }
}

/// Sets up logging for this process. `filter` applies to the file and, where `stderr` names none of its own, to standard error.
/// `None` where the process has a subscriber already.
pub fn start(
    folder: &Path,
    filter: &str,
    stderr: Option<&str>,
    redactor: Redactor,
) -> io::Result<Option<LogHandle>> {
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("nexus")
        .filename_suffix("log")
        .max_log_files(KEPT_DAYS)
        .build(folder)
        .map_err(io::Error::other)?;
    let (file_filter, file) = reload::Layer::new(parse(filter));
    let to_file = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(Redacting::new(
            std::sync::Mutex::new(appender),
            redactor.clone(),
        ))
        .with_filter(file_filter);
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(Redacting::new(io::stderr, redactor))
        .with_filter(parse(stderr.unwrap_or(filter)));
    let subscriber: Layered<_, Layered<_, Registry>> =
        tracing_subscriber::registry().with(to_file).with(to_stderr);
    if subscriber.try_init().is_err() {
        return Ok(None);
    }
    log_panics();
    Ok(Some(LogHandle { file }))
}

fn parse(filter: &str) -> EnvFilter {
    // A filter that makes no sense was reported where it was read; the log itself must not be lost to it.
    EnvFilter::try_new(filter)
        .unwrap_or_else(|_| EnvFilter::default().add_directive(LevelFilter::INFO.into()))
}

/// A panic becomes a log entry. What it says may quote data, so it goes through the same redaction and nowhere else.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.payload().downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without words".into());
        let place = panic.location().map(ToString::to_string);
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(
            thread = std::thread::current().name().unwrap_or("unnamed"),
            place = place.as_deref().unwrap_or("unknown"),
            %backtrace,
            "panic: {message}"
        );
    }));
}

/// Takes secrets out of all that is written through it.
#[derive(Clone)]
pub struct Redacting<M> {
    inner: M,
    redactor: Redactor,
}

impl<M> Redacting<M> {
    /// Around another sink.
    pub fn new(inner: M, redactor: Redactor) -> Self {
        Self { inner, redactor }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Redacting<M> {
    type Writer = RedactingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter {
            inner: self.inner.make_writer(),
            redactor: self.redactor.clone(),
            entry: Vec::new(),
        }
    }
}

/// Collects one entry and writes it, redacted, when it is dropped: a secret cannot slip through between two writes.
pub struct RedactingWriter<W: Write> {
    inner: W,
    redactor: Redactor,
    entry: Vec<u8>,
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entry.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for RedactingWriter<W> {
    fn drop(&mut self) {
        if self.entry.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.entry);
        let clean = self.redactor.clean(&text);
        // A full disk or a closed pipe: there is nowhere left to say so.
        let _ = self.inner.write_all(clean.as_bytes());
        let _ = self.inner.flush();
    }
}

#[cfg(test)]
mod tests;
