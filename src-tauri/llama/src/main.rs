//! The child process that holds one local model, on llama.cpp.
//!
//! Speaks the same frames as `nexus-worker` (see [`nexus_protocol::worker`]) and shares its guards: what is told on stdin is
//! done, answers go to stdout, logs to stderr, and the process exits when stdin ends. What is different is the engine: it
//! reads prompts in batches, can be stopped between any two of them, and computes of a conversation only what is new.

mod answer;
mod constraint;
mod engine;
mod faults;
#[path = "../../crates/worker/src/guard.rs"]
mod guard;
#[path = "../../crates/worker/src/input.rs"]
mod input;
mod loading;
#[path = "../../crates/worker/src/output.rs"]
mod output;
mod pace;
mod prefix;
mod serve;
mod sieve;
mod template;
mod turn;
mod utf8;

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
    let input = match turn::listen(output.clone()) {
        Ok(input) => input,
        Err(error) => {
            tracing::error!(%error, "stdin cannot be used");
            return ExitCode::FAILURE;
        }
    };
    serve::serve(&input, &output);
    ExitCode::SUCCESS
}
