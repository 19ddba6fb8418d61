//! The core as front ends use it, against a scripted provider.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what the tests share reports its own faults by panicking"
)]

mod core;
#[expect(
    dead_code,
    reason = "the builder is shared with the crate that checks such files"
)]
#[path = "../../gguf/tests/support/gguf_builder.rs"]
mod gguf_builder;
#[path = "../../worker-client/tests/support/model_folder.rs"]
mod model_folder;
