//! Events as JSON, for whole comparisons with files.

use nexus_llm::{ModelError, ModelEvent, StreamDecoder};
use serde_json::{Value, json};

/// Reads bytes that come in pieces, and the end of the stream.
pub fn decode<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<ModelEvent>, Option<ModelError>) {
    let mut decoder = StreamDecoder::new("golden", "salt");
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.push(piece, &mut events) {
            return (events, Some(error));
        }
    }
    let end = decoder.end_of_stream(&mut events);
    (events, end.err())
}

/// What a decoding gave, as the expected files have it.
pub fn as_json((events, error): &(Vec<ModelEvent>, Option<ModelError>)) -> Value {
    json!({
        "events": events.iter().map(event).collect::<Vec<_>>(),
        "error": error.as_ref().map(ToString::to_string),
    })
}

fn event(event: &ModelEvent) -> Value {
    match event {
        ModelEvent::Activity(activity) => json!({"activity": activity}),
        ModelEvent::Text(text) => json!({"text": text}),
        ModelEvent::Thinking(text) => json!({"thinking": text}),
        ModelEvent::ToolCallStarted { index, id, name } => {
            json!({"call": index, "id": id, "name": name})
        }
        ModelEvent::ToolCallArguments { index, text } => json!({"call": index, "arguments": text}),
        ModelEvent::Finished { reason, usage } => json!({"finished": reason, "usage": usage}),
    }
}
