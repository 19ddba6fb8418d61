//! The real launcher against real programs: escapes, secrets, hosts that lack a layer, endings and limits.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod degraded;
mod ending;
mod escape;
mod limits;
mod probes;
mod secrets;
mod world;
