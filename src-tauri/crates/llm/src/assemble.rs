//! Chat completion chunks to events.
//!
//! Owns: reading one chunk, whatever its provider adds, leaves out or gets wrong. Refuses to own: bytes (`sse`), the end of the
//! stream (`decode`), time.

use nexus_protocol::{FinishReason, Usage};
use serde_json::Value;

use crate::ModelEvent;
use crate::fault::Fault;
use crate::tool_calls::ToolCalls;
use crate::usage;

/// What was said so far.
#[derive(Debug)]
pub(crate) struct Assembler {
    pub tool_calls: ToolCalls,
    pub finish: Option<FinishReason>,
    pub usage: Option<Usage>,
    /// The token counts came with the announcement of the end or after it: nothing more is to come.
    pub complete: bool,
    /// Chunks that were chunks.
    pub chunks: u64,
    said_something: bool,
}

impl Assembler {
    pub(crate) fn new(salt: String) -> Self {
        Self {
            tool_calls: ToolCalls::new(salt),
            finish: None,
            usage: None,
            complete: false,
            chunks: 0,
            said_something: false,
        }
    }

    /// Takes one chunk and appends what it says.
    ///
    /// # Errors
    /// What the provider says went wrong; what the chunk said before is appended.
    pub(crate) fn chunk(
        &mut self,
        chunk: &Value,
        events: &mut Vec<ModelEvent>,
    ) -> Result<(), Fault> {
        if !chunk.is_object() {
            // Numbers, strings and empty arrays say nothing; an array may wrap an error.
            return Fault::of_value(chunk).map_or(Ok(()), Err);
        }
        let before = events.len();
        let choice = chunk
            .get("choices")
            .and_then(Value::as_array)
            .and_then(|choices| {
                choices.iter().find(|choice| {
                    matches!(choice.get("index").and_then(Value::as_i64), None | Some(0))
                })
            });
        if let Some(choice) = choice {
            self.choice(choice, events);
        }
        self.said_something |= events.len() > before;
        let fault = Fault::of_value(chunk).or_else(|| Fault::of_value(choice?));
        if let Some(fault) = fault {
            return Err(fault);
        }
        let reason = choice
            .and_then(|choice| choice.get("finish_reason"))
            .and_then(Value::as_str)
            .filter(|reason| !reason.is_empty());
        match reason {
            Some("error") => {
                return Err(Fault {
                    message: "the answer ended in an error".into(),
                    ..Fault::default()
                });
            }
            Some(reason) => self.finish = Some(finish_reason(reason)),
            None => {}
        }
        let counts = chunk
            .get("usage")
            .and_then(usage::read)
            .or_else(|| chunk.get("x_groq")?.get("usage").and_then(usage::read));
        if let Some(counts) = counts {
            self.usage = Some(counts);
            self.complete = self.finish.is_some();
        }
        if choice.is_some() || chunk.get("choices").is_some() || counts.is_some() {
            self.chunks += 1;
        }
        Ok(())
    }

    /// The end, as far as it is known: begun calls and the reason. `None` where neither a reason nor a chunk came.
    pub(crate) fn end(&mut self, events: &mut Vec<ModelEvent>) -> FinishReason {
        self.tool_calls.finish(events);
        match (self.finish, self.tool_calls.any()) {
            // Ollama and Gemini stop with "stop" although they called tools.
            (None | Some(FinishReason::Stop), true) => FinishReason::ToolCalls,
            (None | Some(FinishReason::ToolCalls), false) => FinishReason::Stop,
            (Some(reason), _) => reason,
        }
    }

    fn choice(&mut self, choice: &Value, events: &mut Vec<ModelEvent>) {
        let part = match choice.get("delta").filter(|delta| delta.is_object()) {
            Some(delta) => delta,
            // A whole answer where a stream was asked for. After a stream it would repeat all that was said.
            None => match choice.get("message") {
                Some(message) if !self.said_something => message,
                _ => return,
            },
        };
        let mut thinking = String::new();
        let mut text = String::new();
        for key in ["reasoning", "reasoning_content"] {
            if thinking.is_empty() {
                thinking = part
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .into();
            }
        }
        if thinking.is_empty() {
            // The same words in another shape: only where the plain field is not there.
            for detail in list(part.get("reasoning_details")) {
                for key in ["text", "summary"] {
                    thinking.push_str(detail.get(key).and_then(Value::as_str).unwrap_or_default());
                }
            }
        }
        match part.get("content") {
            Some(Value::String(content)) => text.push_str(content),
            Some(Value::Array(parts)) => {
                for part in parts {
                    text.push_str(part.get("text").and_then(Value::as_str).unwrap_or_default());
                    // Mistral's reasoning models.
                    for thought in list(part.get("thinking")) {
                        let thought = thought.get("text").and_then(Value::as_str);
                        thinking.push_str(thought.unwrap_or_default());
                    }
                }
            }
            _ => {}
        }
        text.push_str(
            part.get("refusal")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
        if !thinking.is_empty() {
            events.push(ModelEvent::Thinking(without_nul(thinking)));
        }
        if !text.is_empty() {
            events.push(ModelEvent::Text(without_nul(text)));
        }
        for piece in list(part.get("tool_calls")) {
            self.tool_calls.piece(piece, events);
        }
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// NUL ends strings in databases and terminals; Markdown shows it as U+FFFD, so it becomes that.
fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{FFFD}")
    } else {
        text
    }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "length" | "max_tokens" | "MAX_TOKENS" | "model_length" => FinishReason::Length,
        "tool_calls" | "tool_use" | "function_call" => FinishReason::ToolCalls,
        "content_filter" | "refusal" | "safety" | "SAFETY" => FinishReason::ContentFilter,
        // "stop", "end_turn", "eos" and whatever comes up: the model is done.
        _ => FinishReason::Stop,
    }
}
