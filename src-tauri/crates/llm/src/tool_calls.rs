//! Tool calls from their pieces.
//!
//! Owns: which call a piece belongs to, when a call has begun, and ids that are unique. Refuses to own: reading arguments, which
//! stay text as the model wrote it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ModelEvent;

/// The calls of one answer.
#[derive(Debug)]
pub(crate) struct ToolCalls {
    // Makes ids unique beyond this answer, where the provider sends none.
    salt: String,
    calls: Vec<Call>,
    started: u32,
    ids: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Call {
    provider_index: Option<i64>,
    provider_id: String,
    name: String,
    // Arguments that came before the name.
    waiting: String,
    started: Option<u32>,
}

impl ToolCalls {
    pub(crate) fn new(salt: String) -> Self {
        Self {
            salt,
            calls: Vec::new(),
            started: 0,
            ids: BTreeSet::new(),
        }
    }

    /// Whether a call was seen at all.
    pub(crate) fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes one element of a `tool_calls` array.
    pub(crate) fn piece(&mut self, piece: &Value, events: &mut Vec<ModelEvent>) {
        let function = piece.get("function");
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            // Some servers send arguments as the object itself.
            Some(value @ (Value::Object(_) | Value::Array(_))) => value.to_string(),
            _ => String::new(),
        };
        let index = piece.get("index").and_then(Value::as_i64);
        let id = match piece.get("id") {
            Some(Value::String(id)) => id.trim().to_owned(),
            Some(Value::Number(id)) => id.to_string(),
            _ => String::new(),
        };
        let name = text(function.and_then(|function| function.get("name")));
        let arguments = text(function.and_then(|function| function.get("arguments")));
        if index.is_none() && id.is_empty() && name.is_empty() && arguments.is_empty() {
            return;
        }
        let at = self.find(index, &id, &name);
        let Some(call) = self.calls.get_mut(at) else {
            return;
        };
        if call.provider_id.is_empty() {
            call.provider_id = id;
        }
        // Names come whole, in pieces, or whole with every piece.
        if call.started.is_none() && name != call.name {
            call.name.push_str(&name);
        }
        if arguments.is_empty() {
            return;
        }
        match call.started {
            Some(index) => events.push(ModelEvent::ToolCallArguments {
                index,
                text: arguments,
            }),
            None => {
                call.waiting.push_str(&arguments);
                // More of the name does not come once there are arguments.
                if !call.name.is_empty() {
                    self.start(at, events);
                }
            }
        }
    }

    /// The answer ended: begins the calls that had no arguments or no name.
    pub(crate) fn finish(&mut self, events: &mut Vec<ModelEvent>) {
        for at in 0..self.calls.len() {
            self.start(at, events);
        }
    }

    /// Which call a piece belongs to; a new one where none fits.
    fn find(&mut self, index: Option<i64>, id: &str, name: &str) -> usize {
        let found = match index {
            // The latest, because some providers number all their calls 0.
            Some(index) => self
                .calls
                .iter()
                .rposition(|call| call.provider_index == Some(index)),
            None if !id.is_empty() => self.calls.iter().rposition(|call| call.provider_id == id),
            None => self.calls.len().checked_sub(1),
        };
        let fits = found.and_then(|at| Some((at, self.calls.get(at)?)));
        if let Some((at, call)) = fits {
            let other_id = !id.is_empty() && !call.provider_id.is_empty() && call.provider_id != id;
            let unaddressed_second = index.is_none() && id.is_empty() && call.started.is_some();
            if name.is_empty() || !(other_id || unaddressed_second) {
                return at;
            }
        }
        self.calls.push(Call {
            provider_index: index,
            ..Call::default()
        });
        self.calls.len() - 1
    }

    fn start(&mut self, at: usize, events: &mut Vec<ModelEvent>) {
        let Some(call) = self.calls.get_mut(at) else {
            return;
        };
        if call.started.is_some() {
            return;
        }
        let index = self.started;
        self.started += 1;
        call.started = Some(index);
        let wanted = match call.provider_id.as_str() {
            "" => format!("call_{}_{index}", self.salt),
            id => id.to_owned(),
        };
        let mut id = wanted.clone();
        let mut again = 2_u32;
        while !self.ids.insert(id.clone()) {
            id = format!("{wanted}_{again}");
            again += 1;
        }
        events.push(ModelEvent::ToolCallStarted {
            index,
            id,
            name: call.name.clone(),
        });
        let waiting = std::mem::take(&mut call.waiting);
        if !waiting.is_empty() {
            events.push(ModelEvent::ToolCallArguments {
                index,
                text: waiting,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `id name arguments` of each call.
    fn calls(pieces: &[Value]) -> Vec<String> {
        let mut calls = ToolCalls::new("s".into());
        let mut events = Vec::new();
        for piece in pieces {
            calls.piece(piece, &mut events);
        }
        calls.finish(&mut events);
        let mut whole: Vec<String> = Vec::new();
        for event in events {
            match event {
                ModelEvent::ToolCallStarted { index, id, name } => {
                    assert_eq!(index as usize, whole.len());
                    whole.push(format!("{id} {name} "));
                }
                ModelEvent::ToolCallArguments { index, text } => {
                    assert!(!text.is_empty());
                    whole[index as usize].push_str(&text);
                }
                other => panic!("{other:?}"),
            }
        }
        whole
    }

    #[test]
    fn pieces_in_order() {
        assert_eq!(
            calls(&[
                json!({"index": 0, "id": "a", "type": "function", "function": {"name": "calculate", "arguments": ""}}),
                json!({"index": 0, "function": {"arguments": "{\"x\""}}),
                json!({"index": 0, "function": {"arguments": ":1}"}}),
            ]),
            ["a calculate {\"x\":1}"]
        );
    }

    #[test]
    fn pieces_interleaved_and_out_of_order() {
        assert_eq!(
            calls(&[
                json!({"index": 1, "id": "b", "function": {"name": "two", "arguments": "{"}}),
                json!({"index": 0, "function": {"arguments": "{\"a\":"}}),
                json!({"index": 1, "function": {"arguments": "}"}}),
                json!({"index": 0, "id": "a", "function": {"name": "one"}}),
                json!({"index": 0, "function": {"arguments": "1}"}}),
            ]),
            ["b two {}", "a one {\"a\":1}"]
        );
    }

    #[test]
    fn names_in_pieces_or_repeated() {
        assert_eq!(
            calls(&[
                json!({"index": 0, "id": "a", "function": {"name": "cal"}}),
                json!({"index": 0, "function": {"name": "culate"}}),
                json!({"index": 0, "id": "a", "function": {"name": "calculate", "arguments": "{"}}),
                json!({"index": 0, "id": "a", "function": {"name": "calculate", "arguments": "}"}}),
            ]),
            ["a calculate {}"]
        );
    }

    #[test]
    fn ids_missing_repeated_or_changing() {
        assert_eq!(
            calls(&[
                json!({"index": 0, "function": {"name": "one", "arguments": "{}"}}),
                json!({"index": 1, "id": "", "function": {"name": "one", "arguments": "{}"}}),
                json!({"index": 2, "id": "same", "function": {"name": "one", "arguments": "{}"}}),
                json!({"index": 3, "id": "same", "function": {"name": "one", "arguments": "{}"}}),
                json!({"index": 3, "id": "another", "function": {"arguments": "!"}}),
            ]),
            [
                "call_s_0 one {}",
                "call_s_1 one {}",
                "same one {}",
                "same_2 one {}!"
            ]
        );
    }

    #[test]
    fn indexes_missing_or_all_zero() {
        assert_eq!(
            calls(&[
                json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}),
                json!({"index": 0, "id": "b", "function": {"name": "one", "arguments": "[]"}}),
            ]),
            ["a one {}", "b one []"]
        );
        assert_eq!(
            calls(&[
                json!({"id": "a", "function": {"name": "one", "arguments": "{}"}}),
                json!({"id": "b", "function": {"name": "two", "arguments": "{"}}),
                json!({"id": "b", "function": {"arguments": "}"}}),
                json!({"function": {"name": "three", "arguments": "1"}}),
                json!({"function": {"arguments": "2"}}),
                json!({"function": {"name": "three", "arguments": "3"}}),
            ]),
            [
                "a one {}",
                "b two {}",
                "call_s_2 three 12",
                "call_s_3 three 3"
            ]
        );
    }

    #[test]
    fn odd_pieces() {
        assert_eq!(
            calls(&[
                json!({}),
                json!(null),
                json!("x"),
                json!({"function": {"name": 3}})
            ]),
            Vec::<String>::new()
        );
        assert_eq!(
            calls(&[json!({"index": -4, "function": {"name": "one", "arguments": {"a": 1}}})]),
            ["call_s_0 one {\"a\":1}"]
        );
        assert_eq!(
            calls(&[json!({"index": 0, "id": "a", "function": {"name": "one"}})]),
            ["a one "]
        );
        assert_eq!(
            calls(&[json!({"index": 0, "id": "a", "function": {"arguments": "{}"}})]),
            ["a  {}"]
        );
    }
}
