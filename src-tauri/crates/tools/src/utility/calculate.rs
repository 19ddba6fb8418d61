//! `calculate`: exact arithmetic and units, by fend.
//!
//! Owns the limits that make any expression harmless: length, time, memory of the result, recursion. Refuses to own
//! exchange rates and randomness: a result depends on the expression alone.

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

/// Computes: whole numbers, fractions and decimals exactly and of any size; powers, percentages, number bases, dates,
/// units and their conversions; roots, logarithms and trigonometry to about 15 digits, marked "approx.". Use it for
/// any arithmetic instead of computing in your head. There are no currencies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The expression, at most 2000 characters, such as `2^100`, `1/3 + 1/4 to fraction`, `15% of 240`,
    /// `5 feet 10 inches to cm`, `22/7 to 5 dp`, `0xff to binary` or `100 km/h to m/s`.
    expression: String,
}

/// Characters of an expression.
const MAX_EXPRESSION: usize = 2000;
/// Bytes of a result.
const MAX_OUTPUT: usize = 8 * 1024;
/// Characters of a summary.
const MAX_SUMMARY: usize = 60;
/// How long fend may take before it is told to stop.
const TIME_LIMIT: Duration = Duration::from_millis(500);
/// How long it may take to notice. After that its thread is left to itself.
const GRACE: Duration = Duration::from_millis(1500);
/// fend parses by recursion, some kilobytes a level; [`MAX_EXPRESSION`] brackets fit into this with room to spare.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The tool.
pub struct Calculate;

#[async_trait]
impl Tool for Calculate {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("calculate")
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    async fn prepare(&self, value: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let Input { expression } = arguments(value)?;
        check(&expression)?;
        let action = action(
            "calculate",
            Capability::Compute,
            "Calculate",
            &expression,
            &seen,
        );
        Ok(Prepared::new(action, |ctx| compute(expression, ctx)))
    }
}

async fn compute(expression: String, ctx: ToolContext) -> Result<ToolOutput, ToolError> {
    let stop = StopOnDrop::default();
    let result = start(expression, stop.clone_flag())?;
    tokio::pin!(result);
    let answer = tokio::select! {
        biased;
        () = ctx.cancel.cancelled() => return Err(ToolError::Failed("Cancelled.".into())),
        answer = &mut result => answer,
        () = tokio::time::sleep(TIME_LIMIT) => {
            stop.raise();
            match tokio::time::timeout(GRACE, result).await {
                Ok(answer) => answer,
                Err(_) => return Err(too_long()),
            }
        }
    };
    match answer {
        Ok(Ok(text)) => output(&text),
        Ok(Err(_)) if stop.is_raised() => Err(too_long()),
        Ok(Err(message)) => Err(ToolError::BadArguments(format!(
            "This cannot be computed: {}",
            clip(&message, 500)
        ))),
        // The thread ended without a word: fend panicked.
        Err(_) => Err(ToolError::Failed(
            "The calculator failed on this expression. Try a simpler one.".into(),
        )),
    }
}

/// Refuses what could exhaust the stack: overlong expressions, and functions of the expression's own, which may
/// call themselves without end.
fn check(expression: &str) -> Result<(), ToolError> {
    let length = expression.chars().count();
    if length > MAX_EXPRESSION {
        return Err(ToolError::BadArguments(format!(
            "The expression has {length} characters, at most {MAX_EXPRESSION} are allowed. Compute it in parts."
        )));
    }
    if expression.trim().is_empty() {
        return Err(ToolError::BadArguments("The expression is empty.".into()));
    }
    if expression.contains([':', '\\']) || expression.contains("=>") {
        return Err(ToolError::BadArguments(
            "Functions cannot be defined here (`:`, `\\`, `=>`). Write the expression out.".into(),
        ));
    }
    Ok(())
}

/// Starts fend on a thread of its own: it blocks, it recurses, and a panic in it must stay in it.
fn start(
    expression: String,
    stop: Arc<AtomicBool>,
) -> Result<oneshot::Receiver<Result<String, String>>, ToolError> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("calculate".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // Neither a random source nor exchange rates are set: fend refuses both then.
            let mut context = fend_core::Context::new();
            let result = fend_core::evaluate_with_interrupt(&expression, &mut context, &Flag(stop))
                .map(|result| result.get_main_result().to_owned());
            // The receiver is gone where the call was cancelled.
            let _ = sender.send(result);
        })
        .map_err(|error| {
            ToolError::Failed(format!("The calculator could not be started: {error}."))
        })?;
    Ok(receiver)
}

struct Flag(Arc<AtomicBool>);

impl fend_core::Interrupt for Flag {
    fn should_interrupt(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Stops the thread however the call ends, also by being dropped.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl StopOnDrop {
    fn clone_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.raise();
    }
}

fn too_long() -> ToolError {
    ToolError::Failed(format!(
        "This takes longer than {} ms. Try a smaller or simpler expression.",
        TIME_LIMIT.as_millis()
    ))
}

fn output(text: &str) -> Result<ToolOutput, ToolError> {
    if text.is_empty() {
        return Err(ToolError::BadArguments(
            "The expression has no value.".into(),
        ));
    }
    let shown = clip(text, MAX_OUTPUT);
    let text = if shown.len() < text.len() {
        format!(
            "{shown}… (cut: the result has {} characters; ask for fewer digits, such as `to 10 sf`)",
            text.chars().count()
        )
    } else {
        shown.to_owned()
    };
    let summary = match text.char_indices().nth(MAX_SUMMARY) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.clone(),
    };
    Ok(ToolOutput::text(text, summary))
}

/// The beginning of `text`, at most `bytes` long, cut at a character.
fn clip(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
