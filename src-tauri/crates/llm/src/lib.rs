//! One streaming trait for every language model, and the remote providers behind it.
//!
//! Owns: [`Model`], its events and errors, server-sent events, the OpenAI-compatible and OpenRouter dialects, retries, and the
//! list of vendors. Refuses to own: keys' storage, the clock, the environment: it is given them.

mod address;
mod assemble;
mod clean;
mod client;
mod decode;
mod error;
mod fault;
mod model;
mod remote;
mod retry;
mod sse;
mod tool_calls;
mod usage;
mod vendors;
mod wire;

pub use address::place_of;
pub use client::{Timeouts, http_client, http_client_with};
pub use decode::{StreamDecoder, StreamState};
pub use error::{LocalError, ModelError, Phase, ProviderLabel, WorkerDeath};
pub use model::{Model, ModelEvent, ModelStream};
pub use remote::{ProviderSpec, RemoteProvider};
pub use retry::{Jitter, SeededJitter, SystemJitter};
pub use sse::{SseError, SseEvent, SseLimits, SseParser};
pub use vendors::{MaxTokensField, Quirks, ToolCallIds, Vendor, vendor_at, vendors};
