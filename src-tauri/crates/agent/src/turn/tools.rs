//! The tool calls of one model call: decided, run, answered.
//!
//! Owns that every call gets exactly one result, and that a result is bounded. Refuses to run anything that
//! [`nexus_tools::policy`] does not allow.

use futures::FutureExt;
use nexus_protocol::{ErrorCard, EventMsg, Item, ItemBody, ItemId, ItemStatus, ToolResult};
use nexus_store::StoreError;
use nexus_tools::{
    ToolContext, ToolError,
    policy::{self, Decision},
};
use serde_json::Value;
use tracing::{Instrument, error, info, info_span};

use super::{Turn, guard::LoopGuard, step::interrupted_call};
use crate::{cards, prompt};

/// Bytes of a result that a model reads, at most.
const MAX_OUTPUT: usize = 64 * 1024;
/// Characters of a summary, at most.
const MAX_SUMMARY: usize = 120;

/// How the calls ended. Every one of them has a result, but for [`ToolsEnd::Storage`].
pub(super) enum ToolsEnd {
    Answered,
    Cancelled,
    Limit(ErrorCard),
    Storage(StoreError),
}

/// A call as the model made it.
struct Call {
    item: Item,
    name: String,
    arguments: String,
}

impl Turn {
    /// Runs the calls one after another: a later one may build on what an earlier one changed.
    pub(super) async fn run_tools(&self, calls: &[ItemId], guard: &mut LoopGuard) -> ToolsEnd {
        let calls: Vec<Call> = calls
            .iter()
            .filter_map(|id| self.journal.item(*id))
            .filter_map(call)
            .collect();
        for (index, call) in calls.iter().enumerate() {
            if self.cancel.is_cancelled() {
                return self
                    .leave(&calls, index, prompt::CALL_CANCELLED, ToolsEnd::Cancelled)
                    .await;
            }
            if let Err(reason) = guard.count(&call.name, &call.arguments) {
                let end = ToolsEnd::Limit(cards::tool_limit(&reason));
                return self.leave(&calls, index, &reason, end).await;
            }
            // Only names of our own: what a model makes up may hold anything.
            let known = self.deps.tools.get(&call.name).is_some();
            let span = info_span!("tool", name = if known { &call.name } else { "unknown" });
            let Some(result) = self.answer_call(call).instrument(span).await else {
                return self
                    .leave(&calls, index, prompt::CALL_CANCELLED, ToolsEnd::Cancelled)
                    .await;
            };
            let mut item = call.item.clone();
            item.status = ItemStatus::Complete;
            if let ItemBody::ToolCall { result: place, .. } = &mut item.body {
                *place = Some(result);
            }
            if let Err(error) = self.deps.store.put_item(&item).await {
                return ToolsEnd::Storage(error);
            }
            self.journal.emit(EventMsg::ItemCompleted { item });
        }
        ToolsEnd::Answered
    }

    /// Gives `reason` as the result of the calls from `first` on, which will not run.
    async fn leave(&self, calls: &[Call], first: usize, reason: &str, end: ToolsEnd) -> ToolsEnd {
        let items: Vec<Item> = calls
            .iter()
            .skip(first)
            .map(|call| interrupted_call(call.item.clone(), reason))
            .collect();
        if let Err(error) = self.deps.store.put_items(&items).await {
            return ToolsEnd::Storage(error);
        }
        for item in items {
            self.journal.emit(EventMsg::ItemCompleted { item });
        }
        end
    }

    /// The result of one call; `None` where the turn was cancelled.
    async fn answer_call(&self, call: &Call) -> Option<ToolResult> {
        let began = self.deps.clock.now();
        let outcome = match parse(&call.arguments) {
            Err(reason) => Err(reason),
            Ok(arguments) => match policy::decide(&call.name, &self.deps.tools) {
                Decision::Allow => self.run_tool(&call.name, arguments).await?,
                Decision::Deny(reason) => Err(reason),
                Decision::Ask => Err(format!(
                    "The tool “{}” needs the user's approval, which cannot be asked for here. Go on without it.",
                    call.name
                )),
            },
        };
        let duration_ms = self.deps.clock.now().since(began);
        info!(duration_ms, ok = outcome.is_ok(), "tool call ended");
        Some(match outcome {
            Ok(output) => ToolResult {
                ok: true,
                output: bounded(output.text),
                summary: one_line(&output.summary),
                duration_ms,
            },
            Err(reason) => ToolResult {
                ok: false,
                summary: one_line(&reason),
                output: bounded(reason),
                duration_ms,
            },
        })
    }

    /// Runs an allowed tool; `None` where the turn was cancelled.
    async fn run_tool(
        &self,
        name: &str,
        arguments: Value,
    ) -> Option<Result<nexus_tools::ToolOutput, String>> {
        let Some(tool) = self.deps.tools.get(name) else {
            return Some(Err(format!("There is no tool “{name}”.")));
        };
        let ctx = ToolContext {
            cancel: self.cancel.child_token(),
            now: self.deps.clock.now(),
        };
        // A tool that panics is a tool that failed: the turn goes on.
        let run = std::panic::AssertUnwindSafe(tool.run(arguments, &ctx)).catch_unwind();
        let outcome = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return None,
            outcome = run => outcome,
        };
        Some(match outcome {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(ToolError::BadArguments(reason))) => Err(format!(
                "{reason} Correct the arguments and call again, or go on without the tool."
            )),
            Ok(Err(ToolError::Failed(reason))) => Err(reason),
            Err(_) => {
                error!(name, "a tool panicked");
                Err("The tool met a fault of its own. Go on without it.".to_owned())
            }
        })
    }
}

fn call(item: Item) -> Option<Call> {
    match &item.body {
        ItemBody::ToolCall {
            name, arguments, ..
        } => Some(Call {
            name: name.clone(),
            arguments: arguments.clone(),
            item,
        }),
        _ => None,
    }
}

/// The arguments as a JSON object; models write nothing at all where a tool needs none.
fn parse(arguments: &str) -> Result<Value, String> {
    if arguments.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_str(arguments) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(
            "The arguments must be a JSON object. Call again with one, or go on without the tool."
                .to_owned(),
        ),
        Err(error) => Err(format!(
            "The arguments are no valid JSON: {error}. Call again with a JSON object, or go on without the tool."
        )),
    }
}

/// `text` within [`MAX_OUTPUT`]: its head and its tail, where it is longer.
fn bounded(text: String) -> String {
    if text.len() <= MAX_OUTPUT {
        return text;
    }
    // Room for the words between.
    let half = (MAX_OUTPUT - 64) / 2;
    let head = text
        .get(..text.floor_char_boundary(half))
        .unwrap_or_default();
    let tail = text
        .get(text.ceil_char_boundary(text.len() - half)..)
        .unwrap_or_default();
    let left_out = text.len() - head.len() - tail.len();
    format!("{head}\n… {left_out} bytes left out …\n{tail}")
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_SUMMARY) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_keeps_head_and_tail_within_the_limit() {
        let text = format!("head{}tail", "ä".repeat(100_000));
        let short = bounded(text.clone());
        assert!(short.len() <= MAX_OUTPUT, "{}", short.len());
        assert!(short.starts_with("headää") && short.ends_with("äätail"));
        let left_out: usize = short
            .split_once("\n… ")
            .and_then(|(_, rest)| rest.split_once(" bytes"))
            .and_then(|(number, _)| number.parse().ok())
            .unwrap();
        let words = "\n…  bytes left out …\n".len() + left_out.to_string().len();
        assert_eq!(short.len() - words + left_out, text.len());
    }

    #[test]
    fn output_at_the_limit_stays_as_it_is() {
        let text = "x".repeat(MAX_OUTPUT);
        assert_eq!(bounded(text.clone()), text);
    }

    #[test]
    fn no_arguments_are_an_empty_object() {
        assert_eq!(parse(" \n"), Ok(serde_json::json!({})));
        assert_eq!(parse("{}"), Ok(serde_json::json!({})));
        assert!(parse("[1]").is_err());
        assert!(parse("{\"a\":").is_err());
    }

    #[test]
    fn a_summary_is_one_short_line() {
        assert_eq!(one_line(" a\n b\tc "), "a b c");
        assert_eq!(one_line(&"ä".repeat(500)).chars().count(), MAX_SUMMARY + 1);
    }
}
