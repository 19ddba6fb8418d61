//! Local models: runs one in a child process, speaks its protocol, and stands behind [`nexus_llm::Model`].
//!
//! Owns the worker process, the check of model files before it sees them, and the reckoning of memory. Refuses to own
//! inference (the worker does that) and where model files come from (the core does).

mod engine;
pub mod gguf;
mod history;
pub mod memory;
pub mod starter;
mod tool_calls;

pub use engine::{
    Backend, Confinement, Limits, LocalEngine, Measured, MemoryGauge, MemoryReading, Outlook,
    Record, WeightsPolicy, WorkerOptions, WorkerProgram,
};
