//! Answers for requests that nobody scripted: enough for a whole app to be tried by hand or driven in a window.
//!
//! Owns: choosing one of a few by the last message. Refuses to own: being clever.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Answer, Sse};

const MARKDOWN: &str = "## A small tour\n\nSome **bold**, some *italic*, some `code`, and a [link](https://example.com).\n\n\
- first\n- second\n  - nested\n- [x] done\n- [ ] open\n\n\
| Fruit | Count |\n|:------|------:|\n| Apple | 3 |\n| Pear | 12 |\n\n\
> A quotation.\n\n```rust\nfn main() {\n    println!(\"Hello\");\n}\n```\n\nEuler: $e^{i\\pi} + 1 = 0$\n\n\
$$\\int_0^1 x^2\\,dx = \\frac{1}{3}$$\n";

/// “markdown” shows all of it, “think” reasons first, “calculate …” calls that tool where it is offered, “long” writes 600 words;
/// a tool's result is repeated; everything else is echoed.
pub(super) fn answer(body: &Value, pause: Duration) -> Answer {
    let model = body["model"].as_str().unwrap_or("scripted");
    let openrouter = body["usage"]["include"] == true;
    let stream = if openrouter {
        Sse::openrouter(model)
    } else {
        Sse::openai(model)
    };
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let last = messages.last().unwrap_or(&Value::Null);
    let text = text_of(&last["content"]);
    let lower = text.to_lowercase();
    let calculator = body["tools"].as_array().is_some_and(|tools| {
        tools
            .iter()
            .any(|tool| tool["function"]["name"] == "calculate")
    });
    if last["role"] == "user"
        && calculator
        && let Some(at) = lower.find("calculate ")
    {
        let expression = text
            .get(at + "calculate ".len()..)
            .unwrap_or_default()
            .trim();
        let id = format!("call_{}", messages.len());
        let arguments = json!({"expression": expression}).to_string();
        return stream
            .tool_call(0, &id, "calculate", &arguments)
            .finish("tool_calls")
            .usage(40, 12)
            .done()
            .slow(pause);
    }
    let (stream, reply) = if last["role"] == "tool" {
        (stream, format!("The tool says: {text}"))
    } else if lower.contains("markdown") {
        (stream, MARKDOWN.to_owned())
    } else if lower.contains("think") {
        let thinking = ["The user ", "wants me ", "to think. ", "So I do."];
        let stream = thinking
            .iter()
            .fold(stream, |stream, part| stream.reasoning(part));
        (stream, "I thought about it.".to_owned())
    } else if lower.contains("long") {
        let words: Vec<String> = (1..=600).map(|n| format!("word{n}")).collect();
        (stream, words.join(" "))
    } else {
        (stream, format!("You said: {text}"))
    };
    let output = reply.split_whitespace().count() as u64;
    stream
        .words(&reply)
        .finish("stop")
        .usage(25, output)
        .done()
        .slow(pause)
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}
