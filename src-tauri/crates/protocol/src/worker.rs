//! What a worker process and its parent say to each other.
//!
//! A frame is a length (`u32`, little endian, at most [`MAX_FRAME_BYTES`]) and that many bytes of JSON. Requests go to the
//! worker's stdin, replies come from its stdout; its stderr is a log. A worker holds one model and runs one generation at a
//! time; when its stdin ends it exits.

mod call_format;
mod drawing;
mod frame;
mod source;

use serde::{Deserialize, Serialize};

pub use call_format::CallFormat;
pub use drawing::Drawing;
pub use frame::{FrameDecoder, FrameError, encode};
pub use source::{
    MAX_EMBED_TEXT_BYTES, MAX_EMBED_TEXTS, MAX_IMAGES, ModelKind, ModelSource, Quantize,
};

use crate::{ChatRequest, FinishReason, Usage};

/// Bytes of one frame's JSON, at most.
pub const MAX_FRAME_BYTES: u32 = 64 * 1024 * 1024;

/// Environment variable by which the parent tells its process id; a worker that finds another parent exits.
pub const ENV_PARENT: &str = "NEXUS_WORKER_PARENT";
/// Environment variable with the memory the worker may take, bytes. Where it is absent there is no limit.
pub const ENV_MEMORY_LIMIT: &str = "NEXUS_WORKER_MEMORY_LIMIT";
/// Environment variable with the threads that the worker computes with.
pub const ENV_THREADS: &str = "NEXUS_WORKER_THREADS";
/// The only argument that a worker knows: it prints one line of JSON, a [`WorkerProbe`], and exits.
pub const PROBE: &str = "--probe";
/// File in a worker's working folder with what it has computed of the beginning that conversations share: left there for the parent,
/// which gives it to the next worker with the same model and program.
pub const PREFIX_FILE: &str = "beginning.kv";
/// Environment variable with the worker's log filter, as `tracing` writes filters.
pub const ENV_LOG: &str = "NEXUS_WORKER_LOG";

/// The exit code of a worker whose model's chat template took more time or memory than any real one does. It would again.
pub const EXIT_TEMPLATE: i32 = 65;

/// What a worker program says of itself when it is asked with [`PROBE`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerProbe {
    /// Of the program.
    pub version: String,
    /// The engine in it: `mistral`, `llama`.
    pub backend: String,
    /// Graphics processors that it can compute on, as it found them; none where it computes on the processor.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Features of the processor that it was built for and does not run without: `avx2` and the like.
    #[serde(default)]
    pub cpu: Vec<String>,
}

/// What the parent asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WorkerRequest {
    /// Read a model into memory; once in a worker's life.
    Load {
        /// Absolute path of the file or folder, which the parent has checked.
        path: String,
        /// Context to keep to, tokens; at most the model's own.
        context_tokens: u32,
        /// Whether to keep what finished conversations computed, so that their next turn starts at once. It grows until
        /// the process ends; the parent keeps account.
        #[serde(default)]
        keep_prefixes: bool,
        /// What lies at the path.
        #[serde(default)]
        source: ModelSource,
        /// How the model writes tool calls, as its template says.
        #[serde(default)]
        call_format: CallFormat,
    },
    /// Generate. Refused while another generation runs.
    Generate {
        /// Chosen by the parent.
        id: u64,
        /// The conversation.
        request: ChatRequest,
    },
    /// Stop a generation. It still ends with its `Finished` or `Failed`.
    Cancel {
        /// Which.
        id: u64,
    },
    /// Count the tokens of a conversation as the model's template renders it.
    CountTokens {
        /// Chosen by the parent.
        id: u64,
        /// The conversation.
        request: ChatRequest,
    },
    /// Turn texts into vectors. Refused while a generation runs, and may be cancelled as one.
    Embed {
        /// Chosen by the parent.
        id: u64,
        /// At most [`MAX_EMBED_TEXTS`], each of at most [`MAX_EMBED_TEXT_BYTES`].
        texts: Vec<String>,
    },
    /// Answered at once, by a thread that generation never blocks.
    Ping {
        /// Comes back.
        id: u64,
    },
    /// Exit.
    Shutdown,
}

/// What the worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WorkerReply {
    /// The model is in memory and gave one token.
    Loaded {
        /// Its context, tokens.
        context_tokens: u32,
        /// How long it took, milliseconds.
        load_ms: u64,
    },
    /// It could not be loaded.
    LoadFailed {
        /// Why.
        error: WorkerError,
    },
    /// A generation began: the prompt was counted and goes to the model now.
    Started {
        /// Which generation.
        id: u64,
        /// Tokens of the prompt.
        prompt_tokens: u32,
    },
    /// Text of an answer.
    Text {
        /// Which generation.
        id: u64,
        /// To append.
        text: String,
    },
    /// Reasoning of an answer.
    Thinking {
        /// Which generation.
        id: u64,
        /// To append.
        text: String,
    },
    /// A generation ended well, or was cancelled.
    Finished {
        /// Which.
        id: u64,
        /// `None` where it was cancelled.
        reason: Option<FinishReason>,
        /// What it used.
        usage: Usage,
    },
    /// A generation or count ended in an error.
    Failed {
        /// Which.
        id: u64,
        /// Why.
        error: WorkerError,
    },
    /// A count.
    Counted {
        /// Which.
        id: u64,
        /// Tokens.
        tokens: u32,
    },
    /// Vectors of texts, one for each and in order, all of one length.
    Embedded {
        /// Which.
        id: u64,
        /// The vectors.
        vectors: Vec<Vec<f32>>,
        /// Tokens of all texts together.
        tokens: u64,
    },
    /// Alive.
    Pong {
        /// From the ping.
        id: u64,
        /// Memory of the process, bytes; 0 where unknown.
        resident_bytes: u64,
    },
}

/// Why a worker could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkerError {
    /// A request before `Load`, a second `Load`, or a generation while one runs.
    BadState {
        /// What was wrong.
        reason: String,
    },
    /// The engine refused the file.
    Load {
        /// Its words.
        reason: String,
    },
    /// There is not enough memory. The parent should not use this worker again.
    OutOfMemory {
        /// The engine's words.
        reason: String,
    },
    /// Prompt and answer do not fit the context.
    ContextOverflow {
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens of the context.
        context_tokens: u32,
    },
    /// The request itself cannot be run, as when the model's template refuses the conversation. The worker is well.
    Refused {
        /// The engine's words.
        reason: String,
    },
    /// The engine failed. The parent should not use this worker again.
    Engine {
        /// Its words.
        reason: String,
    },
}
