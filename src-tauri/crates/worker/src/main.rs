//! The child process that holds one local model.
//!
//! Owns the engine (mistral.rs) and nothing else: it is told on stdin what to do, answers on stdout in the frames of
//! [`nexus_protocol::worker`], logs to stderr, and exits when stdin ends. It may crash at any time; the parent expects
//! that, so nothing here tries to survive a fault of the engine.

mod answer;
mod drawing;
mod engine;
mod guard;
mod input;
mod messages;
mod output;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    guard::log_to_stderr();
    let output = match output::Output::claim() {
        Ok(output) => output,
        Err(error) => {
            tracing::error!(%error, "stdout cannot be used");
            return ExitCode::FAILURE;
        }
    };
    guard::protect();
    let requests = match serve::listen(output.clone()) {
        Ok(requests) => requests,
        Err(error) => {
            tracing::error!(%error, "stdin cannot be used");
            return ExitCode::FAILURE;
        }
    };
    // Two threads: one may be blocked by the engine's own loading while the other answers.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve::serve(requests, output)),
        Err(error) => {
            tracing::error!(%error, "no runtime could be started");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
