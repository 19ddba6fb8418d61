//! One streaming trait for every language model, and the remote providers behind it.
//!
//! Owns: [`Model`], its events and errors, server-sent events, the OpenAI-compatible and OpenRouter dialects, retries, and the
//! list of vendors. Refuses to own: keys' storage, the clock, the environment: it is given them.

mod error;
mod model;

pub use error::{LocalError, ModelError, Phase};
pub use model::{Model, ModelEvent, ModelStream};
