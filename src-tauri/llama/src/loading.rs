//! A model's file becomes a model in memory, or a reason why not.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::{LlamaCppError, LogOptions, send_logs_to_tracing};
use nexus_protocol::worker::{CallFormat, WorkerError};

use crate::faults;

/// What the parent asks for.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) path: PathBuf,
    pub(crate) context_tokens: u32,
    /// Whether a conversation's memory is there for its next turn.
    pub(crate) keep_prefixes: bool,
    /// How the model writes tool calls.
    pub(crate) call_format: CallFormat,
}

/// llama.cpp, with its log in ours.
pub(crate) fn backend() -> Result<LlamaBackend, LlamaCppError> {
    send_logs_to_tracing(LogOptions::default());
    LlamaBackend::init()
}

/// Reads the model. Weights stay in the file and are mapped, so that the system's cache serves the next start.
pub(crate) fn model(backend: &LlamaBackend, order: &Order) -> Result<LlamaModel, WorkerError> {
    look_at(&order.path).map_err(refused)?;
    let parameters = LlamaModelParams::default();
    let (model, errors) =
        faults::heard(|| LlamaModel::load_from_file(backend, &order.path, &parameters));
    model.map_err(|_| faults::refusal(&errors))
}

pub(crate) fn refused(reason: String) -> WorkerError {
    WorkerError::Load { reason }
}

/// What the parent has checked too, but the file may have changed since.
fn look_at(path: &Path) -> Result<(), String> {
    let shown = path.display();
    if !path.is_file() {
        return Err(format!("there is no file at {shown}"));
    }
    let mut magic = [0; 4];
    let mut file =
        File::open(path).map_err(|error| format!("{shown} cannot be opened: {error}"))?;
    match file.read_exact(&mut magic) {
        Ok(()) if magic == *b"GGUF" => Ok(()),
        _ => Err(format!("{shown} is no GGUF file")),
    }
}
