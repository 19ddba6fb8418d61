//! Finds tool calls in a local model's text: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, as Qwen, Hermes and
//! their kin write them. The engine's own parser would take the first call only and holds the stream back meanwhile.

use nexus_llm::ModelEvent;
use serde::Deserialize;
use serde_json::Value;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// A call longer than this is no call: it is given out as text.
const CALL_BYTES: usize = 1 << 20;

/// Reads text as it comes. Gives out each call once it is whole, all other text as soon as it cannot be part of a tag.
#[derive(Debug)]
pub(crate) struct ToolCallParser {
    held: String,
    inside: bool,
    calls: u32,
    id_prefix: String,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default, alias = "parameters")]
    arguments: Value,
}

impl ToolCallParser {
    /// `id_prefix` makes the ids of calls unique within a conversation.
    pub(crate) fn new(id_prefix: String) -> Self {
        Self {
            held: String::new(),
            inside: false,
            calls: 0,
            id_prefix,
        }
    }

    /// Whether it found a call.
    pub(crate) fn found(&self) -> bool {
        self.calls > 0
    }

    /// Takes text, gives what is certain.
    pub(crate) fn push(&mut self, text: &str) -> Vec<ModelEvent> {
        self.held.push_str(text);
        let mut events = Vec::new();
        loop {
            let tag = if self.inside { CLOSE } else { OPEN };
            match self.held.find(tag) {
                Some(at) if self.inside => {
                    let body = self.held[..at].to_owned();
                    self.held.drain(..at + CLOSE.len());
                    self.inside = false;
                    self.call(&body, true, &mut events);
                }
                Some(at) => {
                    text_event(&self.held[..at], &mut events);
                    self.held.drain(..at + OPEN.len());
                    self.inside = true;
                }
                None if self.inside && self.held.len() > CALL_BYTES => {
                    self.inside = false;
                    self.held.insert_str(0, OPEN);
                    text_event(&self.held, &mut events);
                    self.held.clear();
                }
                None if self.inside => return events,
                None => {
                    let keep = partial_tag(&self.held);
                    let give = self.held.len() - keep;
                    text_event(&self.held[..give], &mut events);
                    self.held.drain(..give);
                    return events;
                }
            }
        }
    }

    /// The answer is over: what was held back comes out. A call without its closing tag counts where it parses.
    pub(crate) fn finish(&mut self) -> Vec<ModelEvent> {
        let mut events = Vec::new();
        let held = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.inside) {
            self.call(&held, false, &mut events);
        } else {
            text_event(&held, &mut events);
        }
        events
    }

    fn call(&mut self, body: &str, closed: bool, events: &mut Vec<ModelEvent>) {
        let Ok(call) = serde_json::from_str::<Call>(body.trim()) else {
            // Better seen than lost: the user and the model's next turn can tell what went wrong.
            let close = if closed { CLOSE } else { "" };
            text_event(&format!("{OPEN}{body}{close}"), events);
            return;
        };
        let arguments = match call.arguments {
            Value::String(text) => text,
            Value::Null => "{}".to_owned(),
            other => other.to_string(),
        };
        let index = self.calls;
        self.calls += 1;
        events.push(ModelEvent::ToolCallStarted {
            index,
            id: format!("{}_{index}", self.id_prefix),
            name: call.name,
        });
        if !arguments.is_empty() {
            events.push(ModelEvent::ToolCallArguments {
                index,
                text: arguments,
            });
        }
    }
}

fn text_event(text: &str, events: &mut Vec<ModelEvent>) {
    if !text.is_empty() {
        events.push(ModelEvent::Text(text.to_owned()));
    }
}

/// Bytes at the end of `text` that may be the beginning of an opening tag.
fn partial_tag(text: &str) -> usize {
    (1..OPEN.len())
        .rev()
        .find(|&length| text.ends_with(&OPEN[..length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Neighbouring texts joined, so that what was cut where does not matter.
    fn read(parts: &[&str]) -> Vec<ModelEvent> {
        let mut parser = ToolCallParser::new("call".to_owned());
        let mut events: Vec<ModelEvent> = Vec::new();
        let mut all: Vec<ModelEvent> = parts.iter().flat_map(|part| parser.push(part)).collect();
        all.extend(parser.finish());
        for event in all {
            match (events.last_mut(), event) {
                (Some(ModelEvent::Text(text)), ModelEvent::Text(more)) => text.push_str(&more),
                (_, event) => events.push(event),
            }
        }
        events
    }

    fn started(index: u32, name: &str) -> ModelEvent {
        ModelEvent::ToolCallStarted {
            index,
            id: format!("call_{index}"),
            name: name.to_owned(),
        }
    }

    fn arguments(index: u32, text: &str) -> ModelEvent {
        ModelEvent::ToolCallArguments {
            index,
            text: text.to_owned(),
        }
    }

    const TWO: &str = "Let me see. <tool_call>\n{\"name\": \"calculate\", \"arguments\": {\"e\": \"1 < 2 & \\\"ß🦀\\\"\"}}\n</tool_call>\n<tool_call>{\"name\":\"now\",\"arguments\":\"{}\"}</tool_call> done <b>";

    fn two() -> Vec<ModelEvent> {
        vec![
            ModelEvent::Text("Let me see. ".to_owned()),
            started(0, "calculate"),
            arguments(0, "{\"e\":\"1 < 2 & \\\"ß🦀\\\"\"}"),
            ModelEvent::Text("\n".to_owned()),
            started(1, "now"),
            arguments(1, "{}"),
            ModelEvent::Text(" done <b>".to_owned()),
        ]
    }

    #[test]
    fn calls_are_found_wherever_the_text_is_cut() {
        assert_eq!(read(&[TWO]), two());
        for cut in (0..=TWO.len()).filter(|&at| TWO.is_char_boundary(at)) {
            assert_eq!(read(&[&TWO[..cut], &TWO[cut..]]), two(), "cut at {cut}");
        }
        let letters: Vec<String> = TWO.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(read(&letters), two());
    }

    #[test]
    fn broken_calls_stay_text() {
        for text in [
            "<tool_call>{\"name\": 1}</tool_call>",
            "<tool_call>hello</tool_call> and on",
            "<tool_call>{\"name\":\"x\",\"argum",
            "</tool_call>",
            "<tool_cal",
            "<<tool_call",
        ] {
            assert_eq!(read(&[text]), vec![ModelEvent::Text(text.to_owned())]);
        }
    }

    #[test]
    fn a_call_without_its_end_counts() {
        assert_eq!(
            read(&["<tool_call>{\"name\":\"now\",\"parameters\":{\"zone\":\"UTC\"}}\n"]),
            vec![started(0, "now"), arguments(0, "{\"zone\":\"UTC\"}")]
        );
    }

    #[test]
    fn a_call_without_arguments_has_an_empty_object() {
        assert_eq!(
            read(&["<tool_call>{\"name\":\"now\"}</tool_call>"]),
            vec![started(0, "now"), arguments(0, "{}")]
        );
    }

    #[test]
    fn a_call_that_never_ends_is_given_out() {
        let mut parser = ToolCallParser::new("call".to_owned());
        assert_eq!(parser.push("<tool_call>"), vec![]);
        let long = "x".repeat(CALL_BYTES + 1);
        assert_eq!(
            parser.push(&long),
            vec![ModelEvent::Text(format!("<tool_call>{long}"))]
        );
        assert_eq!(parser.finish(), vec![]);
    }

    proptest! {
        #[test]
        fn no_text_is_lost(parts in proptest::collection::vec("[a-z<>_/]{0,8}|<tool_call>|</tool_call>|é🦀", 0..12)) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let whole: String = parts.concat();
            let got: String = read(&parts)
                .into_iter()
                .map(|event| match event {
                    ModelEvent::Text(text) => text,
                    other => format!("{other:?}"),
                })
                .collect();
            prop_assert_eq!(got, whole);
        }
    }
}
