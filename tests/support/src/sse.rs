//! Streams as providers send them.
//!
//! Owns: realistic chunks of OpenAI and OpenRouter. Refuses to own: how they travel (`answer`).

use std::time::Duration;

use serde_json::{Value, json};

use crate::Answer;

/// Builds a stream, event by event.
#[derive(Clone, Debug)]
pub struct Sse {
    model: String,
    openrouter: bool,
    events: Vec<Vec<u8>>,
}

impl Sse {
    /// As OpenAI sends it; begins with the chunk that names the role.
    pub fn openai(model: &str) -> Self {
        let stream = Self::bare(model, false);
        stream.delta(json!({"role": "assistant", "content": "", "refusal": null}))
    }

    /// As OpenRouter sends it; begins with its comments.
    pub fn openrouter(model: &str) -> Self {
        Self::bare(model, true)
            .comment(" OPENROUTER PROCESSING")
            .comment(" OPENROUTER PROCESSING")
    }

    /// With nothing in it yet.
    pub fn bare(model: &str, openrouter: bool) -> Self {
        Self {
            model: model.to_owned(),
            openrouter,
            events: Vec::new(),
        }
    }

    /// A whole short answer, OpenAI's way: words one by one, end, token counts, `[DONE]`.
    pub fn reply(model: &str, text: &str) -> Self {
        let output = text.split_whitespace().count() as u64;
        Self::openai(model)
            .words(text)
            .finish("stop")
            .usage(12, output)
            .done()
    }

    /// Text of the answer.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.delta(json!({"content": text}))
    }

    /// Text of the answer, one event a word.
    #[must_use]
    pub fn words(self, text: &str) -> Self {
        text.split_inclusive(' ').fold(self, Self::text)
    }

    /// Reasoning, in the dialect's shape.
    #[must_use]
    pub fn reasoning(self, text: &str) -> Self {
        let delta = if self.openrouter {
            json!({"role": "assistant", "content": "", "reasoning": text,
                "reasoning_details": [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]})
        } else {
            json!({"reasoning_content": text})
        };
        self.delta(delta)
    }

    /// A whole tool call: its head, then its arguments in two pieces.
    #[must_use]
    pub fn tool_call(self, index: u32, id: &str, name: &str, arguments: &str) -> Self {
        let mut middle = arguments.len() / 2;
        while !arguments.is_char_boundary(middle) {
            middle += 1;
        }
        let (first, second) = arguments.split_at(middle);
        self.tool_piece(json!({"index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": ""}}))
            .tool_piece(json!({"index": index, "function": {"arguments": first}}))
            .tool_piece(json!({"index": index, "function": {"arguments": second}}))
    }

    /// One element of `tool_calls`, as given.
    #[must_use]
    pub fn tool_piece(self, piece: Value) -> Self {
        self.delta(json!({"tool_calls": [piece]}))
    }

    /// The announcement of the end.
    #[must_use]
    pub fn finish(self, reason: &str) -> Self {
        let mut chunk = self.envelope(json!({}));
        chunk["choices"][0]["finish_reason"] = json!(reason);
        if self.openrouter {
            chunk["choices"][0]["native_finish_reason"] = json!(reason);
        }
        self.chunk(&chunk)
    }

    /// Token counts, in a chunk without choices.
    #[must_use]
    pub fn usage(self, input: u64, output: u64) -> Self {
        let mut counts = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}});
        if self.openrouter {
            counts["cost"] = json!(0.000_25);
            counts["is_byok"] = json!(false);
        }
        self.usage_object(&counts)
    }

    /// Token counts as given, in a chunk without choices.
    #[must_use]
    pub fn usage_object(self, counts: &Value) -> Self {
        let mut chunk = self.envelope(json!({}));
        // OpenRouter repeats an empty delta there, OpenAI sends no choice.
        if !self.openrouter {
            chunk["choices"] = json!([]);
        }
        chunk["usage"] = counts.clone();
        self.chunk(&chunk)
    }

    /// An error object within the stream.
    #[must_use]
    pub fn error(self, code: u16, message: &str) -> Self {
        let mut chunk = self.envelope(json!({"role": "assistant", "content": ""}));
        chunk["choices"][0]["finish_reason"] = json!("error");
        chunk["error"] = json!({"code": code, "message": message});
        self.chunk(&chunk)
    }

    /// `[DONE]`.
    #[must_use]
    pub fn done(self) -> Self {
        self.raw(b"data: [DONE]\n\n")
    }

    /// A comment line.
    #[must_use]
    pub fn comment(self, text: &str) -> Self {
        let line = format!(":{text}\n\n");
        self.raw(line.as_bytes())
    }

    /// A chunk with one choice and this delta.
    #[must_use]
    pub fn delta(self, delta: Value) -> Self {
        let chunk = self.envelope(delta);
        self.chunk(&chunk)
    }

    /// A chunk as given.
    #[must_use]
    pub fn chunk(self, chunk: &Value) -> Self {
        let event = format!("data: {chunk}\n\n");
        self.raw(event.as_bytes())
    }

    /// Bytes as given.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.events.push(bytes.to_vec());
        self
    }

    /// All events.
    pub fn events(&self) -> &[Vec<u8>] {
        &self.events
    }

    /// All bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.events.concat()
    }

    /// An answer that sends one event after the other, at once, and ends well.
    pub fn answer(&self) -> Answer {
        self.slow(Duration::ZERO)
    }

    /// An answer that waits before each event.
    pub fn slow(&self, pause: Duration) -> Answer {
        self.events.iter().fold(Answer::stream(), |answer, event| {
            answer.wait(pause).send(event)
        })
    }

    fn envelope(&self, delta: Value) -> Value {
        let id = if self.openrouter {
            "gen-1767323045-abc"
        } else {
            "chatcmpl-abc"
        };
        let mut chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": 1_767_323_045, "model": self.model,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]});
        if self.openrouter {
            chunk["provider"] = json!("Scripted");
        } else {
            chunk["system_fingerprint"] = json!("fp_abc");
            chunk["service_tier"] = json!("default");
            chunk["obfuscation"] = json!("x7Qk");
        }
        chunk
    }
}
