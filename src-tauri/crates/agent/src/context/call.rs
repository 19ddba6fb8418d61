//! A tool call as a model reads it again: whole, or in one line.
//!
//! Owns names, arguments and ids that every provider takes. Refuses to choose between whole and line.

use std::collections::HashSet;

use nexus_protocol::{ImageData, Item, ItemBody, ItemStatus, ResultPart};
use serde_json::Value;

use super::estimate::{excerpt, text_tokens};
use crate::prompt;

/// Characters of arguments in one line.
const SHORT_ARGUMENTS: usize = 160;
/// Characters that a text within arguments keeps where they must be short.
const SHORT_VALUE: usize = 100;

/// A call with its result.
pub(super) struct Call {
    /// Unique in the whole request.
    pub(super) id: String,
    pub(super) name: String,
    /// A JSON object.
    pub(super) arguments: String,
    pub(super) result: String,
    /// What stands for `result` once it is let go; `result` itself where that is shorter.
    pub(super) line: String,
    /// What it showed, each with a word on where it comes from.
    pub(super) images: Vec<(String, ImageData)>,
}

impl Call {
    /// The call in `item`; its result has at most `cap` tokens. `None` where there is none, or it never became one.
    pub(super) fn of(item: &Item, cap: u64, ids: &mut UniqueIds) -> Option<Self> {
        let ItemBody::ToolCall {
            call_id,
            name,
            arguments,
            label,
            result,
            ..
        } = &item.body
        else {
            return None;
        };
        let is_object = matches!(serde_json::from_str(arguments), Ok(Value::Object(_)));
        if !is_object && item.status != ItemStatus::Complete {
            // It was broken off while the model wrote it: it never was a call.
            return None;
        }
        let output = result
            .as_ref()
            .map_or(prompt::CALL_INTERRUPTED, |result| result.output.as_str());
        let mut output = excerpt(output, cap);
        // Some providers refuse a request whose history has arguments that are no JSON object. The model reads what it
        // wrote in the result instead.
        let sent = if is_object {
            arguments.clone()
        } else {
            if !arguments.trim().is_empty() {
                let wrote: String = arguments.chars().take(200).collect();
                output.push_str(&format!("\nYou wrote: {wrote}"));
            }
            "{}".to_owned()
        };
        let line = in_a_line(item).map(|line| format!("{line}. {}", prompt::OUTPUT_LEFT_OUT));
        let line = line
            .filter(|line| text_tokens(line) < text_tokens(&output))
            .unwrap_or_else(|| output.clone());
        let name = tool_name(name);
        let object = label.as_ref().map_or("", |label| label.object.as_str());
        let parts = result.iter().flat_map(|result| &result.parts);
        let images = parts.filter_map(|part| match part {
            ResultPart::Image { name: shown, image } => {
                let shown = if shown.is_empty() { object } else { shown };
                let shown: String = shown.chars().take(100).collect();
                let word = format!("[Image from {name} {shown}");
                Some((format!("{}]", word.trim_end()), image.clone()))
            }
            _ => None,
        });
        Some(Self {
            id: ids.take(call_id),
            images: images.collect(),
            name,
            arguments: sent,
            result: output,
            line,
        })
    }
}

/// What was called and what came of it, in one line; `None` for what is no call.
pub(crate) fn in_a_line(item: &Item) -> Option<String> {
    let ItemBody::ToolCall {
        name,
        arguments,
        label,
        result,
        ..
    } = &item.body
    else {
        return None;
    };
    let what = match label {
        Some(label) => format!("{} {}", label.verb, label.object),
        None => {
            let arguments: String = shorten(arguments).chars().take(SHORT_ARGUMENTS).collect();
            format!("{} {arguments}", tool_name(name))
        }
    };
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(match result {
        None => format!("{what}: never ended"),
        Some(result) => {
            let how = if result.ok { "ok" } else { "failed" };
            let summary = result.summary.trim().trim_end_matches('.');
            if summary.is_empty() {
                format!("{what}: {how}")
            } else {
                format!("{what}: {how}, {summary}")
            }
        }
    })
}

/// Arguments with their long texts cut: still a JSON object where they were one.
pub(super) fn shorten(arguments: &str) -> String {
    fn cut(value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some((end, _)) = text.char_indices().nth(SHORT_VALUE) {
                    text.truncate(end);
                    text.push('…');
                }
            }
            Value::Array(values) => values.iter_mut().for_each(cut),
            Value::Object(values) => values.values_mut().for_each(cut),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    match serde_json::from_str::<Value>(arguments) {
        Ok(mut value) => {
            cut(&mut value);
            value.to_string()
        }
        Err(_) => arguments.to_owned(),
    }
}

/// A name that providers take: `[A-Za-z0-9_-]{1,64}`.
fn tool_name(name: &str) -> String {
    let name: String = name
        .chars()
        .take(64)
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => c,
            _ => '_',
        })
        .collect();
    if name.is_empty() {
        "unknown".to_owned()
    } else {
        name
    }
}

/// Call ids are unique within one model call only; a request needs them unique in the whole.
#[derive(Default)]
pub(super) struct UniqueIds {
    taken: HashSet<String>,
}

impl UniqueIds {
    fn take(&mut self, id: &str) -> String {
        let base = if id.is_empty() { "call" } else { id };
        let mut unique = base.to_owned();
        let mut number = 1_u32;
        while !self.taken.insert(unique.clone()) {
            number = number.saturating_add(1);
            unique = format!("{base}-{number}");
        }
        unique
    }
}
