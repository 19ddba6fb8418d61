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
    /// How else the next tokens are chosen.
    #[serde(default)]
    pub sampling: Sampling,
    /// Whether it must call one of the tools.
    #[serde(default)]
    pub tool_choice: ToolChoice,
    /// JSON Schema that the answer must follow: it is one JSON value then and nothing else.
    #[serde(default)]
    pub answer_schema: Option<Value>,
}

/// How the next tokens are chosen, beside the temperature. `None` leaves it to the provider; one that does not know a setting
/// is not sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Only the likeliest tokens that together have this probability; above 0.0 ..= 1.0.
    #[serde(default)]
    pub top_p: Option<f32>,
    /// Only so many of the likeliest; 0 for all.
    #[serde(default)]
    pub top_k: Option<u32>,
    /// Only tokens at least so likely as this share of the likeliest one's probability; 0.0 ..= 1.0.
    #[serde(default)]
    pub min_p: Option<f32>,
    /// Divides the weight of what was said already; 1.0 changes nothing. 0.5 ..= 2.0.
    #[serde(default)]
    pub repetition_penalty: Option<f32>,
    /// The same seed draws the same answer to the same request, as far as the engine can.
    #[serde(default)]
    pub seed: Option<u32>,
}

/// Whether a model must call a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it sees fit.
    #[default]
    Auto,
    /// It must call one, or several. Which, it decides: give it one tool to decide for it.
    Required,
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
    /// The same, in the middle of a tool call or of an answer that must be JSON: what there is of it cannot be used.
    Incomplete,
    /// It wants tools run.
    ToolCalls,
    /// The provider's filter cut it off.
    ContentFilter,
}
