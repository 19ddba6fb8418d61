//! What was read in a local model's text, as the events that every model gives.

use nexus_calls::{CallReader, Piece};
use nexus_llm::ModelEvent;
use nexus_protocol::{ChatRequest, FinishReason};

/// Turns one answer's text into events.
#[derive(Debug)]
pub(crate) struct ToolCalls {
    reader: CallReader,
    id_prefix: String,
    calls: u32,
}

impl ToolCalls {
    /// For the answer to `request`; `None` where no tools are offered. `id_prefix` makes the ids of calls unique within a
    /// conversation.
    pub(crate) fn of(request: &ChatRequest, id_prefix: String) -> Option<Self> {
        let tools: Vec<String> = request.tools.iter().map(|tool| tool.name.clone()).collect();
        (!tools.is_empty()).then(|| Self {
            reader: CallReader::new(tools),
            id_prefix,
            calls: 0,
        })
    }

    /// Takes text, gives what is certain.
    pub(crate) fn push(&mut self, text: &str) -> Vec<ModelEvent> {
        let pieces = self.reader.push(text);
        self.events(pieces)
    }

    /// The answer is over: what was held back comes out, and what its end means.
    pub(crate) fn finish(&mut self, reason: FinishReason) -> (Vec<ModelEvent>, FinishReason) {
        let was_inside = self.reader.is_inside();
        let pieces = self.reader.finish(reason != FinishReason::Length);
        let reason = match reason {
            FinishReason::Length if was_inside => FinishReason::Incomplete,
            FinishReason::Stop if self.reader.found() => FinishReason::ToolCalls,
            reason => reason,
        };
        (self.events(pieces), reason)
    }

    fn events(&mut self, pieces: Vec<Piece>) -> Vec<ModelEvent> {
        let mut events = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => events.push(ModelEvent::Text(text)),
                Piece::Call { name, arguments } => {
                    let index = self.calls;
                    self.calls += 1;
                    events.push(ModelEvent::ToolCallStarted {
                        index,
                        id: format!("{}_{index}", self.id_prefix),
                        name,
                    });
                    if !arguments.is_empty() {
                        events.push(ModelEvent::ToolCallArguments {
                            index,
                            text: arguments,
                        });
                    }
                }
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::ToolSpec;

    use super::*;

    fn calls() -> ToolCalls {
        let request = ChatRequest {
            tools: vec![ToolSpec {
                name: "now".to_owned(),
                description: String::new(),
                parameters: serde_json::json!({}),
            }],
            ..ChatRequest::default()
        };
        ToolCalls::of(&request, "call".to_owned()).unwrap()
    }

    fn started(index: u32) -> ModelEvent {
        ModelEvent::ToolCallStarted {
            index,
            id: format!("call_{index}"),
            name: "now".to_owned(),
        }
    }

    fn arguments(index: u32, text: &str) -> ModelEvent {
        ModelEvent::ToolCallArguments {
            index,
            text: text.to_owned(),
        }
    }

    #[test]
    fn calls_are_numbered() {
        let mut calls = calls();
        let events = calls.push(
            "So: <tool_call>{\"name\":\"now\",\"arguments\":{\"z\":1}}</tool_call><tool_call>{\"name\":\"now\"}</tool_call>",
        );
        let so = ModelEvent::Text("So: ".to_owned());
        let expected = [
            so,
            started(0),
            arguments(0, "{\"z\":1}"),
            started(1),
            arguments(1, "{}"),
        ];
        assert_eq!(events, expected);
        let end = calls.finish(FinishReason::Stop);
        assert_eq!(end, (Vec::new(), FinishReason::ToolCalls));
    }

    #[test]
    fn a_call_that_is_cut_off_is_no_call_and_said_to_be_cut() {
        let text = "<tool_call>{\"name\":\"now\",\"arguments\":{\"z\":\"a\"}";
        let mut cut = calls();
        assert_eq!(cut.push(text), []);
        let shown = vec![ModelEvent::Text(text.to_owned())];
        assert_eq!(
            cut.finish(FinishReason::Length),
            (shown, FinishReason::Incomplete)
        );
        // The model itself thought it was done: nothing but a bracket is missing.
        let mut done = calls();
        done.push(text);
        let call = vec![started(0), arguments(0, "{\"z\":\"a\"}")];
        assert_eq!(
            done.finish(FinishReason::Stop),
            (call, FinishReason::ToolCalls)
        );
    }

    #[test]
    fn an_answer_without_calls_ends_as_it_does() {
        let mut calls = calls();
        assert_eq!(calls.push("Hi"), [ModelEvent::Text("Hi".to_owned())]);
        assert_eq!(
            calls.finish(FinishReason::Length),
            (Vec::new(), FinishReason::Length)
        );
        assert!(ToolCalls::of(&ChatRequest::default(), String::new()).is_none());
    }
}
