//! What goes to a language model, remote or local, in one shape.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call of a model: the whole conversation so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// In order. A system message, where there is one, comes first; tool results follow their calls.
    pub messages: Vec<ChatMessage>,
    /// Tools the model may call.
    #[serde(default)]
    pub tools: Vec<ToolSpec>,
    /// Upper bound of new tokens; `None` leaves it to the provider.
    #[serde(default)]
    pub max_output_tokens: Option<u32>,
    /// 0.0 ..= 2.0; `None` leaves it to the provider.
    #[serde(default)]
    pub temperature: Option<f32>,
}

/// One message of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum ChatMessage {
    /// Instructions.
    System {
        /// Plain text.
        text: String,
    },
    /// The user's words.
    User {
        /// Text and images, in order.
        parts: Vec<UserPart>,
    },
    /// What the model said earlier.
    Assistant {
        /// May be empty where it only called tools.
        text: String,
        /// The calls it made, each answered by a `Tool` message that follows.
        #[serde(default)]
        tool_calls: Vec<ToolCallRequest>,
    },
    /// The result of one tool call.
    Tool {
        /// The id of the call it answers.
        call_id: String,
        /// The tool's name.
        name: String,
        /// What the model reads.
        content: String,
    },
}

/// A piece of a user message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UserPart {
    /// Text.
    Text {
        /// Plain text.
        text: String,
    },
    /// An image.
    Image {
        /// Its bytes.
        image: ImageData,
    },
}

/// An image in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageData {
    /// `image/png`, `image/jpeg`, `image/webp` or `image/gif`.
    pub media_type: String,
    /// The file, in standard base64.
    pub base64: String,
}

/// A tool call as the model made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallRequest {
    /// Unique within the conversation.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Its arguments, JSON text exactly as the model wrote it: it may not parse.
    pub arguments: String,
}

/// What a model is told of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// `[a-z_]{1,64}`.
    pub name: String,
    /// When to use it and how.
    pub description: String,
    /// JSON Schema of the arguments object.
    pub parameters: Value,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// It reached the limit of new tokens, or its context was full.
    Length,
    /// It wants tools run.
    ToolCalls,
    /// The provider's filter cut it off.
    ContentFilter,
}
