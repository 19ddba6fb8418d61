//! The trait that every model stands behind.

use futures::stream::BoxStream;
use nexus_protocol::{ChatRequest, FinishReason, ModelActivity, ModelInfo, Usage};
use tokio_util::sync::CancellationToken;

use crate::ModelError;

/// What a call of a model yields. Ends after `Finished` or the first error; nothing follows either.
/// A stream that ends with neither is a fault of the implementation.
pub type ModelStream = BoxStream<'static, Result<ModelEvent, ModelError>>;

/// A language model, remote, local or scripted.
pub trait Model: Send + Sync {
    /// What is known of it.
    fn info(&self) -> &ModelInfo;

    /// Starts one call. Nothing happens before the stream is polled. Cancelling `cancel` ends the stream with
    /// [`ModelError::Cancelled`] soon (a remote one at once); dropping the stream stops the call as well.
    fn stream(&self, request: ChatRequest, cancel: CancellationToken) -> ModelStream;
}

/// One thing a model did.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelEvent {
    /// Something to tell the user before the first word.
    Activity(ModelActivity),
    /// Text of the answer, to append. Never empty.
    Text(String),
    /// Reasoning, to append. Never empty.
    Thinking(String),
    /// A tool call begins. `index` counts from 0 within the call of the model; ids are unique in it
    /// (the implementation makes one up where the provider sends none or the same twice).
    ToolCallStarted {
        /// Which.
        index: u32,
        /// Its id.
        id: String,
        /// The tool.
        name: String,
    },
    /// Text to append to the arguments of tool call `index`, which has started.
    ToolCallArguments {
        /// Which.
        index: u32,
        /// To append.
        text: String,
    },
    /// The end.
    Finished {
        /// Why.
        reason: FinishReason,
        /// Where the provider said.
        usage: Option<Usage>,
    },
}

impl ModelEvent {
    /// Whether the user saw something of it: then a call must not be repeated silently.
    pub fn is_visible(&self) -> bool {
        !matches!(self, Self::Activity(_) | Self::Finished { .. })
    }
}
