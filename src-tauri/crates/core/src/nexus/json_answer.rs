//! One question whose answer is a JSON value of a schema. No chat and no tools: it is asked, checked, and once asked again.

use futures::StreamExt as _;
use jsonschema::Validator;
use nexus_agent_loop::ModelResolver as _;
use nexus_llm::{Model, ModelEvent};
use nexus_protocol::{
    ChatMessage, ChatRequest, ErrorAction, ErrorCard, ErrorCode, FinishReason, ModelRef, UserPart,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Nexus;
use crate::cards;

/// Bytes of a schema, at most.
const MOST_SCHEMA_BYTES: usize = 256 * 1024;
/// Bytes of an answer, at most.
const MOST_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Times that a model is asked, at most.
const TRIES: u32 = 2;

impl Nexus {
    /// Asks `model`, or the default one, and gives a value that is valid against `schema`.
    ///
    /// # Errors
    /// `BadInput` where it is no schema, `BadAnswer` where the model gave no such value twice, and as the model's calls.
    pub async fn answer_json(
        &self,
        model: Option<ModelRef>,
        question: &str,
        schema: &Value,
    ) -> Result<Value, ErrorCard> {
        let validator = validator(schema)?;
        let name = model
            .or_else(|| self.inner.settings.current().settings.default_model)
            .ok_or_else(no_model_chosen)?;
        let model = self.tuned_models().resolve(&name).await?;
        let mut request = ChatRequest {
            messages: vec![
                ChatMessage::System {
                    text: format!(
                        "Answer with one JSON value and nothing else. It must follow this JSON Schema:\n{schema}"
                    ),
                },
                user(question),
            ],
            answer_schema: Some(schema.clone()),
            ..ChatRequest::default()
        };
        let mut fault = String::new();
        for _ in 0..TRIES {
            let text = said(model.as_ref(), request.clone()).await?;
            match read(&text, &validator) {
                Ok(value) => return Ok(value),
                Err(reason) => fault = reason,
            }
            request.messages.push(ChatMessage::Assistant {
                text,
                tool_calls: Vec::new(),
            });
            request.messages.push(user(&format!(
                "This cannot be used: {fault}. Answer again, with one JSON value of the schema and nothing else."
            )));
        }
        Err(bad_answer(&name, &fault))
    }
}

fn validator(schema: &Value) -> Result<Validator, ErrorCard> {
    let refused = |reason: String| Err(cards::bad_input("This is no usable JSON Schema", reason));
    if !schema.is_object() && !schema.is_boolean() {
        return refused("A schema is a JSON object.".to_owned());
    }
    if schema.to_string().len() > MOST_SCHEMA_BYTES {
        return refused("It is longer than 256 KiB.".to_owned());
    }
    jsonschema::validator_for(schema)
        .or_else(|error| refused(format!("{error}, at “{}”.", error.instance_path())))
}

fn user(text: &str) -> ChatMessage {
    ChatMessage::User {
        parts: vec![UserPart::Text {
            text: text.to_owned(),
        }],
    }
}

/// All that the model says.
async fn said(model: &dyn Model, request: ChatRequest) -> Result<String, ErrorCard> {
    // Who no longer wants the answer drops this, and the call with it.
    let mut events = model.stream(request, CancellationToken::new());
    let mut text = String::new();
    while let Some(event) = events.next().await {
        match event.map_err(|error| error.card(&crate::SystemClock))? {
            ModelEvent::Text(more) if text.len() + more.len() <= MOST_ANSWER_BYTES => {
                text.push_str(&more);
            }
            ModelEvent::Text(_) => {
                return Err(bad_answer(&model.info().model, "it is longer than 4 MiB"));
            }
            ModelEvent::Finished {
                reason: FinishReason::Length | FinishReason::Incomplete,
                ..
            } => {
                return Err(bad_answer(
                    &model.info().model,
                    "the limit of tokens was reached before the value was whole",
                ));
            }
            _ => {}
        }
    }
    Ok(text)
}

/// The value in an answer, or what is wrong with it.
fn read(text: &str, validator: &Validator) -> Result<Value, String> {
    // Models that are not held to a form like to put it into a block of code.
    let text = text.trim();
    let text = text
        .strip_prefix("```")
        .and_then(|inner| inner.strip_suffix("```"))
        .map_or(text, |inner| inner.strip_prefix("json").unwrap_or(inner));
    let value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let fault = validator.iter_errors(&value).next().map(|error| {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "/" } else { &place };
        let reason: String = error.to_string().chars().take(300).collect();
        format!("at {place}: {reason}")
    });
    fault.map_or(Ok(value), Err)
}

fn bad_answer(model: &ModelRef, fault: &str) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::BadAnswer,
        format!("{model} gave no answer of this schema"),
        format!(
            "Its answer cannot be used: {fault}. Try another model, a simpler schema or other words."
        ),
        ErrorAction::ChooseModel,
    )
}

fn no_model_chosen() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::ModelMissing,
        "No model is chosen",
        "There is no default model in the settings. Choose one.",
        ErrorAction::ChooseModel,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_and_faults_are_told() {
        let schema =
            json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]});
        let validator = validator(&schema).unwrap();
        for text in [
            "{\"a\":1}",
            " {\"a\": 1}\n",
            "```json\n{\"a\":1}\n```",
            "```\n{\"a\":1}```",
        ] {
            assert_eq!(read(text, &validator), Ok(json!({"a": 1})), "{text}");
        }
        assert_eq!(
            read("{\"a\":\"x\"}", &validator),
            Err("at /a: \"x\" is not of type \"integer\"".to_owned())
        );
        assert!(read("Sure!", &validator).is_err_and(|reason| reason.starts_with("it is no JSON")));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for schema in [
            json!(7),
            json!({"type": "nonsense"}),
            json!({"$ref": "https://example.org/s"}),
        ] {
            let card = validator(&schema).unwrap_err();
            assert_eq!(card.code, ErrorCode::BadInput, "{schema}");
        }
    }
}
