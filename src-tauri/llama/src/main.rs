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
#[path = "../../crates/worker/src/program.rs"]
mod program;
mod serve;
mod shelf;
mod sieve;
mod spare;
mod template;
#[path = "../../crates/worker/src/template_watch.rs"]
mod template_watch;
mod turn;
mod utf8;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run("llama", Vec::new, |output| {
        let input = turn::listen(output.clone())?;
        serve::serve(&input, &output);
        Ok(())
    })
}
