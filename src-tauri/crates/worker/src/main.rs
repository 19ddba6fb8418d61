//! The child process that holds one local model.
//!
//! Owns the engine (mistral.rs) and nothing else: it is told on stdin what to do, answers on stdout in the frames of
//! [`nexus_protocol::worker`], logs to stderr, and exits when stdin ends. It may crash at any time; the parent expects
//! that, so nothing here tries to survive a fault of the engine.

mod answer;
mod drawing;
mod embed;
mod engine;
mod folder;
mod guard;
mod images;
mod input;
mod lodging;
mod messages;
mod output;
mod program;
mod serve;
mod template_watch;

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    program::run("mistral", devices, work)
}

fn work(output: output::Output) -> io::Result<()> {
    let requests = serve::listen(output.clone())?;
    // Two threads: one may be blocked by the engine's own loading while the other answers.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(serve::serve(requests, output));
    Ok(())
}

/// The graphics processor, where this was built for one and it answers.
fn devices() -> Vec<String> {
    if !cfg!(any(feature = "cuda", feature = "metal")) {
        return Vec::new();
    }
    match mistralrs::best_device(false) {
        Ok(device) if device.is_cuda() => vec!["CUDA 0".to_owned()],
        Ok(device) if device.is_metal() => vec!["Metal 0".to_owned()],
        Ok(_) => Vec::new(),
        Err(error) => {
            tracing::warn!(%error, "the graphics processor cannot be used");
            Vec::new()
        }
    }
}
