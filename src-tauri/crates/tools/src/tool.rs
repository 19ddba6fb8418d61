//! What a tool is: the trait, what it is given, what it gives back, and how its input struct becomes its description.
//!
//! Owns the shape of tools and nothing about any one of them.

use async_trait::async_trait;
use nexus_protocol::{ToolSpec, UnixMillis};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Something the agent may do.
#[async_trait]
pub trait Tool: Send + Sync {
    /// What the model is told: name, description, and the schema of the arguments. The same at every call.
    fn spec(&self) -> ToolSpec;

    /// What a call can change. Tools that do not say are never run without being asked for.
    fn effect(&self) -> Effect {
        Effect::Unknown
    }

    /// Does it. `arguments` is a JSON value that a model wrote: any shape, not checked against the schema.
    ///
    /// # Errors
    /// [`ToolError::BadArguments`] where the model can do better, [`ToolError::Failed`] where it cannot.
    async fn run(&self, arguments: Value, ctx: &ToolContext) -> Result<ToolOutput, ToolError>;
}

/// What a call of a tool can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it reads no files, talks to nobody, and ends by itself in bounded time and memory.
    Harmless,
    /// Not declared.
    Unknown,
}

/// What a tool is given besides its arguments.
#[derive(Clone, Debug)]
pub struct ToolContext {
    /// Cancelled when the turn is. A tool stops soon after; the caller does not wait for it.
    pub cancel: CancellationToken,
    /// The time of the call. Tools read no clock of their own.
    pub now: UnixMillis,
}

/// What a tool gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOutput {
    /// For the model.
    pub text: String,
    /// A few words for the one-line card.
    pub summary: String,
}

/// Why a tool gave nothing back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// The arguments are wrong. The model reads this and may call again.
    #[error("{0}")]
    BadArguments(String),
    /// The arguments are right, the tool could not do it.
    #[error("{0}")]
    Failed(String),
}

/// The spec of a tool whose arguments are `Input`: its doc comments are the descriptions, and
/// `deny_unknown_fields` makes the schema strict.
pub(crate) fn spec_of<Input: JsonSchema>(name: &str) -> ToolSpec {
    let mut schema = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .into_generator()
        .into_root_schema_for::<Input>();
    // The title is the Rust name of the struct: nothing that a model should read.
    schema.remove("title");
    let mut schema = schema.to_value();
    unwrap_lines(&mut schema);
    let description = match schema
        .as_object_mut()
        .and_then(|it| it.remove("description"))
    {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    ToolSpec {
        name: name.to_owned(),
        description,
        parameters: schema,
    }
}

/// Doc comments are wrapped for the reader of the source; a model pays for each line break.
fn unwrap_lines(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" => {
                        *text = text
                            .replace("\n\n", "\u{0}")
                            .replace('\n', " ")
                            .replace('\u{0}', "\n\n");
                    }
                    value => unwrap_lines(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(unwrap_lines),
        _ => {}
    }
}

/// The arguments as `Input`, or words that tell the model what is wrong with them.
pub(crate) fn arguments<Input: DeserializeOwned>(value: Value) -> Result<Input, ToolError> {
    if !value.is_object() {
        // serde would take a list of the fields' values too.
        return Err(ToolError::BadArguments(
            "The arguments must be a JSON object.".to_owned(),
        ));
    }
    serde_json::from_value(value)
        .map_err(|error| ToolError::BadArguments(format!("The arguments do not fit: {error}.")))
}
