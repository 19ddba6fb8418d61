//! `nexus ask --schema`: the answer as JSON alone.

use std::{path::Path, process::ExitCode};

use nexus_core::Nexus;
use nexus_protocol::ModelRef;
use serde_json::Value;

use crate::{
    failure::{Failure, INTERRUPTED},
    output::Output,
    signals::Interrupts,
};

/// A longer file is no schema that anybody wrote.
const MOST_BYTES: u64 = 256 * 1024;

/// Asks, and prints the value on one line.
pub(super) async fn run(
    nexus: &Nexus,
    schema: &Path,
    model: Option<ModelRef>,
    question: &str,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let schema = read(schema)?;
    let mut interrupts = Interrupts::listen()?;
    let value = tokio::select! {
        value = nexus.answer_json(model, question, &schema) => value?,
        () = interrupts.next() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    output.json_line(&value)?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Value, Failure> {
    let refused =
        |reason: String| Failure::refused(format!("--schema: {}: {reason}", path.display()));
    match std::fs::metadata(path) {
        Err(error) => return Err(refused(error.to_string())),
        Ok(file) if !file.is_file() => return Err(refused("it is no file".to_owned())),
        Ok(file) if file.len() > MOST_BYTES => {
            return Err(refused("it is longer than 256 KiB".to_owned()));
        }
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refused(format!("it is no JSON: {error}")))
}
