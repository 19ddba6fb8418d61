//! Writes what the fuzzer begins with: `seeds FOLDER`.

use std::path::PathBuf;

use support::gguf_builder::tiny;
use support::hostile_models;

#[path = "../../../worker-client/tests/support/models.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod support;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| ".".into()));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("tiny"), tiny().bytes())?;
    for (number, (_, file)) in hostile_models::table().into_iter().enumerate() {
        std::fs::write(folder.join(format!("model-{number}")), file.bytes())?;
    }
    Ok(())
}
