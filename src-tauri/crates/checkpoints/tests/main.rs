//! Checkpoints against a model kept in memory, against `kill -9`, and against damage.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod damage;
mod killed;
mod model;
mod random;

/// How often something is tried: all of it, or a tenth where the long run was not asked for.
fn rounds(full: usize) -> usize {
    match std::env::var_os("NEXUS_TEST_FULL") {
        Some(_) => full,
        None => full / 10,
    }
}
