//! `query_json`: a jq filter over JSON text, by jaq.
//!
//! Owns the words around it and the thread that it runs on. What makes any filter harmless is [`meter`]: a filter may not end, may
//! build a value that fits no memory, or nest without end, and jaq itself has no limits.

mod meter;
mod run;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use nexus_protocol::{Capability, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, spec_of},
};

/// Runs a jq filter over JSON text and gives the results, one a line. Use it to pick, count, group or reshape JSON instead of doing
/// it in your head. It reads no files, environment or clock.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The JSON text; several values after each other are filtered one by one.
    json: String,
    /// The filter, such as `.items | map(select(.price > 10)) | length` or `group_by(.kind)[] | {kind: .[0].kind, n: length}`.
    query: String,
}

/// Bytes of the text.
const MAX_JSON: usize = 1 << 20;
/// Bytes of a filter.
const MAX_QUERY: usize = 2000;
/// How long a filter may take before it is told to stop.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// How long it may take to notice. After that its thread is left to itself.
const GRACE: Duration = Duration::from_secs(2);
/// jaq runs by recursion. [`meter`] stops it long before this.
const STACK_BYTES: usize = 1 << 30;
/// How much of it a filter may use. What jaq does by itself between two looks at it, such as letting go of a deeply nested value,
/// has the rest: it must not run out, since that would end the app.
const STACK_LIMIT: usize = 64 << 20;

/// The tool.
pub(super) struct QueryJson;

#[async_trait]
impl Tool for QueryJson {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("query_json")
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    fn needs_folder(&self) -> bool {
        super::ONLY_WITH_A_FOLDER
    }

    async fn prepare(&self, value: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { json, query } = arguments(value)?;
        for (name, text, most) in [("json", &json, MAX_JSON), ("query", &query, MAX_QUERY)] {
            if text.len() > most {
                return Err(ToolError::BadArguments(format!(
                    "`{name}` has {} bytes, at most {most} are allowed.",
                    text.len()
                )));
            }
        }
        let action = action("query_json", Capability::Compute, "Query", &query, &seen);
        Ok(Prepared::new(action, |ctx| answer(json, query, ctx)))
    }
}

async fn answer(json: String, query: String, ctx: ToolContext) -> Result<ToolOutput, ToolError> {
    let stop = StopOnDrop::default();
    let result = start(json, query, Arc::clone(&stop.0))?;
    tokio::pin!(result);
    let answer = tokio::select! {
        biased;
        () = ctx.cancel.cancelled() => return Err(ToolError::Failed("Cancelled.".into())),
        answer = &mut result => answer,
        () = tokio::time::sleep(TIME_LIMIT) => {
            stop.0.store(true, Ordering::Relaxed);
            match tokio::time::timeout(GRACE, result).await {
                Ok(answer) => answer,
                Err(_) => return Err(too_much()),
            }
        }
    };
    match answer {
        Ok(Ok(found)) => Ok(found.into_output()),
        Ok(Err(message)) => Err(ToolError::BadArguments(message)),
        // The thread ended without a word: the meter stopped it.
        Err(_) => Err(too_much()),
    }
}

fn too_much() -> ToolError {
    ToolError::Failed(
        "This filter takes too much time or memory. Try a simpler one, or less JSON.".to_owned(),
    )
}

/// Starts jaq on a thread of its own: it blocks, it recurses, and it is stopped by unwinding.
fn start(
    json: String,
    query: String,
    stop: Arc<AtomicBool>,
) -> Result<oneshot::Receiver<Result<run::Found, String>>, ToolError> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("query_json".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // The receiver is gone where the call was cancelled.
            let _ = sender.send(run::query(&json, &query, &stop));
        })
        .map_err(|error| ToolError::Failed(format!("The filter could not be started: {error}.")))?;
    Ok(receiver)
}

/// Stops the thread however the call ends, also by being dropped.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
