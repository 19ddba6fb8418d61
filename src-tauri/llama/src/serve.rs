//! What is asked, in order, and who does it.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use llama_cpp_2::llama_backend::LlamaBackend;
use nexus_protocol::worker::{ModelSource, WorkerError, WorkerReply, WorkerRequest};

use crate::engine::Engine;

use crate::loading::{self, Order};
use crate::output::Output;
use crate::turn::{Input, Turn};

/// Serves requests for as long as the process lives. Before a model is loaded nothing but `Load` can be done.
pub(crate) fn serve(input: &Input, output: &Output) {
    let backend = match loading::backend() {
        Ok(backend) => backend,
        Err(error) => {
            tracing::error!(%error, "llama.cpp does not start");
            return;
        }
    };
    for request in &input.requests {
        match request {
            WorkerRequest::Load {
                source: ModelSource::Safetensors { .. } | ModelSource::Uqff { .. },
                ..
            } => output.send(&WorkerReply::LoadFailed {
                error: bad_state("this worker reads GGUF files only"),
            }),
            WorkerRequest::Load {
                path,
                context_tokens,
                keep_prefixes,
                source: ModelSource::Gguf { .. },
                call_format,
            } => {
                let order = Order {
                    path: path.into(),
                    context_tokens,
                    keep_prefixes,
                    call_format,
                };
                if let Err(error) = serve_model(&backend, &order, input, output) {
                    output.send(&WorkerReply::LoadFailed { error });
                }
            }
            other => refuse(&other, input, output),
        }
    }
}

/// Loads a model and serves with it. Comes back only where it could not be loaded.
fn serve_model(
    backend: &LlamaBackend,
    order: &Order,
    input: &Input,
    output: &Output,
) -> Result<(), WorkerError> {
    let started = Instant::now();
    let model = loading::model(backend, order)?;
    let mut engine = Engine::new(backend, &model, order)?;
    engine.probe()?;
    output.send(&WorkerReply::Loaded {
        context_tokens: engine.context_tokens(),
        load_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    answer_all(&mut engine, &input.requests, &input.turn, output);
    Ok(())
}

fn answer_all(
    engine: &mut Engine<'_>,
    requests: &Receiver<WorkerRequest>,
    turn: &Turn,
    output: &Output,
) {
    for request in requests {
        match request {
            WorkerRequest::Generate { id, request } => {
                let reply = engine.answer(id, &request, turn, output);
                turn.end();
                output.send(&reply);
            }
            WorkerRequest::CountTokens { id, request } => {
                output.send(&match engine.prompt(&request) {
                    Ok(prompt) => WorkerReply::Counted {
                        id,
                        tokens: prompt.count(),
                    },
                    Err(error) => WorkerReply::Failed { id, error },
                });
            }
            WorkerRequest::Load { .. } => output.send(&WorkerReply::LoadFailed {
                error: bad_state("a model is loaded already"),
            }),
            WorkerRequest::Embed { id, .. } => output.send(&WorkerReply::Failed {
                id,
                error: bad_state("this worker makes no vectors"),
            }),
            // The reading thread has answered these.
            WorkerRequest::Cancel { .. } | WorkerRequest::Ping { .. } | WorkerRequest::Shutdown => {
            }
        }
    }
}

fn refuse(request: &WorkerRequest, input: &Input, output: &Output) {
    if let WorkerRequest::Generate { id, .. }
    | WorkerRequest::CountTokens { id, .. }
    | WorkerRequest::Embed { id, .. } = request
    {
        if matches!(request, WorkerRequest::Generate { .. }) {
            input.turn.end();
        }
        output.send(&WorkerReply::Failed {
            id: *id,
            error: bad_state("no model is loaded"),
        });
    }
}

fn bad_state(reason: &str) -> WorkerError {
    WorkerError::BadState {
        reason: reason.to_owned(),
    }
}
