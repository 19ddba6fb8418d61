//! What a tool is: the trait, what it is given, what it gives back, and how its input struct becomes its description.
//!
//! Owns the shape of tools and nothing about any one of them.
//!
//! A call has two halves. [`Tool::prepare`] reads arguments and says exactly what would be done, as an [`Action`], and does nothing;
//! the policy or the user decides on that action; then [`Prepared::run`] does it. What an approval is bound to and what runs come
//! from the same value.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt, future::BoxFuture};
use nexus_checkpoints::Recorder;
use nexus_protocol::{Action, Capability, ImageData, ResultPart, ToolLabel, ToolSpec, UnixMillis};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{Host, SessionTools, Workspace};

/// Something the agent may do.
#[async_trait]
pub trait Tool: Send + Sync {
    /// What the model is told: name, description, and the schema of the arguments. The same at every call.
    fn spec(&self) -> ToolSpec;

    /// The strongest thing that a call of it may do. Each action says its own, never a stronger one.
    fn capability(&self) -> Capability;

    /// Whether it is of no use without a working folder.
    fn needs_folder(&self) -> bool {
        self.capability() != Capability::Compute
    }

    /// Says what a call would do, and does none of it: it may read what it needs to say so. `arguments` is a JSON value that a
    /// model wrote: any shape, not checked against the schema.
    ///
    /// # Errors
    /// [`ToolError::BadArguments`] where the model can do better, [`ToolError::Failed`] where it cannot.
    async fn prepare(&self, arguments: Value, ctx: &ToolContext) -> Result<Prepared, ToolError>;
}

/// What a tool is given besides its arguments. Cheap to clone.
#[derive(Clone)]
pub struct ToolContext {
    /// Cancelled when the turn is. A tool that started programs ends them; the caller waits a second for that.
    pub cancel: CancellationToken,
    /// The time of the call. Tools read no clock of their own.
    pub now: UnixMillis,
    /// The working folder.
    pub workspace: Option<Arc<Workspace>>,
    /// What this machine offers to all tools.
    pub host: Arc<Host>,
    /// What tools keep from call to call in this session: jobs, interpreters.
    pub session: Arc<SessionTools>,
    /// Keeps what the call changes. Tools that change files fail without one.
    pub recorder: Option<Recorder>,
    /// Takes output as it comes.
    pub output: OutputSink,
    /// Whether the model can be shown images.
    pub sees_images: bool,
}

impl ToolContext {
    /// The working folder.
    ///
    /// # Errors
    /// Where none is chosen; the model tells the user.
    pub fn workspace(&self) -> Result<&Arc<Workspace>, ToolError> {
        self.workspace.as_ref().ok_or_else(|| {
            ToolError::Failed(
                "No working folder is chosen for this chat. Ask the user to choose one below the message field."
                    .to_owned(),
            )
        })
    }

    /// Where changes are recorded.
    ///
    /// # Errors
    /// Where they cannot be: then nothing may be changed.
    pub fn recorder(&self) -> Result<&Recorder, ToolError> {
        self.recorder.as_ref().ok_or_else(|| {
            ToolError::Failed(
                "Changes cannot be recorded, so none are made. Tell the user that the data folder cannot be written to."
                    .to_owned(),
            )
        })
    }
}

/// Takes a tool's output as it comes. Cheap to clone; never blocks.
#[derive(Clone)]
pub struct OutputSink(Arc<dyn Fn(&str) + Send + Sync>);

impl OutputSink {
    /// Calls `take` with each piece: plain text without control characters but newline and tab.
    pub fn new(take: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Output that nobody watches.
    pub fn nowhere() -> Self {
        Self::new(|_| {})
    }

    /// Hands a piece over.
    pub fn send(&self, text: &str) {
        (self.0)(text);
    }
}

/// What a call would do, and the means to do it.
pub struct Prepared {
    /// What would be done.
    pub action: Action,
    run: Box<dyn FnOnce(ToolContext) -> BoxFuture<'static, Result<ToolOutput, ToolError>> + Send>,
}

impl Prepared {
    /// `run` does what `action` says, and nothing else.
    pub fn new<F, Fut>(action: Action, run: F) -> Self
    where
        F: FnOnce(ToolContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<ToolOutput, ToolError>> + Send + 'static,
    {
        Self {
            action,
            run: Box::new(move |ctx| run(ctx).boxed()),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// As the tool says.
    pub async fn run(self, ctx: ToolContext) -> Result<ToolOutput, ToolError> {
        (self.run)(ctx).await
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// What a tool gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolOutput {
    /// For the model.
    pub text: String,
    /// A few words for the one-line card.
    pub summary: String,
    /// For people, where that is more than `text`.
    pub parts: Vec<ResultPart>,
    /// For a model that sees images.
    pub images: Vec<ImageData>,
    /// Whether what ran did what was asked: a program may end in an error and its output is still the answer.
    pub failed: bool,
}

impl ToolOutput {
    /// Text alone.
    pub fn text(text: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            summary: summary.into(),
            ..Self::default()
        }
    }
}

/// Why a tool gave nothing back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// The arguments are wrong. The model reads this and may call again.
    #[error("{0}")]
    BadArguments(String),
    /// The arguments are right, the tool could not do it. The model reads this.
    #[error("{0}")]
    Failed(String),
    /// Going on makes no sense: the turn ends, and the user reads this.
    #[error("{0}")]
    Fatal(String),
}

/// The action of a call that needs no more than its label: nothing of a file, a program or another machine. Others fill in the rest.
pub(crate) fn action(
    tool: &str,
    capability: Capability,
    verb: &str,
    object: &str,
    arguments: &Value,
) -> Action {
    let object = object.split_whitespace().collect::<Vec<_>>().join(" ");
    Action {
        tool: tool.to_owned(),
        capability,
        label: ToolLabel {
            verb: verb.to_owned(),
            object: object.chars().take(200).collect(),
        },
        process: None,
        files: Vec::new(),
        network: None,
        arguments_hash: sha256(arguments.to_string().as_bytes()),
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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
    tidy(&mut schema);
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

/// Doc comments are wrapped for the reader of the source; a model pays for each line break. What Rust calls a number, and that an
/// optional field is empty if left out, tells it nothing.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| {
                !(key == "default" && value.is_null() || key == "format" && value.is_string())
            });
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" => {
                        *text = text
                            .replace("\n\n", "\u{0}")
                            .replace('\n', " ")
                            .replace('\u{0}', "\n\n");
                    }
                    value => tidy(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
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
