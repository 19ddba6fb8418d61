//! Harness of the tests: a scripted model, a scripted provider server, a hub of models, a fixed clock, temp data folders.
//!
//! Owns: standing in for what is outside the code under test, and checking all that is asked of it. Refuses to own: what any
//! test expects. Panics freely: a broken harness must stop the test.

#![expect(
    clippy::expect_used,
    reason = "a test harness reports its own faults by panicking"
)]

mod answer;
mod clock;
pub mod hub;
mod request_check;
mod scripted_model;
mod server;
mod sse;
mod stubborn;
mod temp;

pub use answer::{Answer, Framing};
pub use clock::FixedClock;
pub use request_check::{check_body, check_chat};
pub use scripted_model::{Script, ScriptedModel, scripted_info};
pub use server::{OnEmpty, RecordedRequest, ScriptedServer};
pub use sse::Sse;
pub use stubborn::STUBBORN;
pub use temp::TempData;
