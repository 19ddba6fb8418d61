//! What is asked, in order, and who does it.

use std::io;
use std::sync::Arc;

use nexus_protocol::worker::{WorkerError, WorkerReply, WorkerRequest};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::answer;
use crate::embed;
use crate::engine::Engine;
use crate::input;
use crate::output::Output;

/// Starts to read requests.
pub(crate) fn listen(output: Output) -> io::Result<mpsc::UnboundedReceiver<WorkerRequest>> {
    let (requests, queue) = mpsc::unbounded_channel();
    // An error means that the runtime has ended, and the process with it.
    input::listen(output, move |request| drop(requests.send(request)))?;
    Ok(queue)
}

/// A generation that runs, or a making of vectors.
struct Running {
    id: u64,
    /// Dropped or used to cancel.
    cancel: Option<oneshot::Sender<()>>,
    task: JoinHandle<WorkerReply>,
}

/// Serves requests until stdin ends.
pub(crate) async fn serve(mut requests: mpsc::UnboundedReceiver<WorkerRequest>, output: Output) {
    let mut engine: Option<Arc<Engine>> = None;
    let mut running: Option<Running> = None;
    loop {
        let request = tokio::select! {
            // Its end comes first: the parent may ask for the next one as soon as it has read of it.
            biased;
            reply = end_of(&mut running) => {
                running = None;
                output.send(&reply);
                continue;
            }
            request = requests.recv() => request,
        };
        let Some(request) = request else {
            return;
        };
        match (request, &engine) {
            (WorkerRequest::Load { .. }, Some(_)) => output.send(&WorkerReply::LoadFailed {
                error: bad_state("a model is loaded already"),
            }),
            (
                WorkerRequest::Load {
                    path,
                    context_tokens,
                    keep_prefixes,
                    source,
                    call_format,
                },
                None,
            ) => match Engine::load(path, source, context_tokens, keep_prefixes, call_format).await
            {
                Ok((loaded, reply)) => {
                    engine = Some(Arc::new(loaded));
                    output.send(&reply);
                }
                Err(error) => output.send(&WorkerReply::LoadFailed { error }),
            },
            (WorkerRequest::Generate { id, request }, Some(engine)) => {
                if running.is_some() {
                    output.send(&WorkerReply::Failed {
                        id,
                        error: bad_state("a generation runs already"),
                    });
                    continue;
                }
                let (cancel, cancelled) = oneshot::channel();
                let (engine, output) = (engine.clone(), output.clone());
                let task = tokio::spawn(async move {
                    answer::answer(&engine, id, request, cancelled, &output).await
                });
                running = Some(Running {
                    id,
                    cancel: Some(cancel),
                    task,
                });
            }
            (WorkerRequest::Embed { id, texts }, Some(engine)) => {
                if running.is_some() {
                    output.send(&WorkerReply::Failed {
                        id,
                        error: bad_state("a generation runs already"),
                    });
                    continue;
                }
                let (cancel, cancelled) = oneshot::channel();
                let engine = engine.clone();
                let task =
                    tokio::spawn(async move { embed::embed(&engine, id, texts, cancelled).await });
                running = Some(Running {
                    id,
                    cancel: Some(cancel),
                    task,
                });
            }
            (WorkerRequest::CountTokens { id, request }, Some(engine)) => {
                let (engine, output) = (engine.clone(), output.clone());
                tokio::spawn(async move {
                    let reply = match engine.count(&request).await {
                        Ok(tokens) => WorkerReply::Counted { id, tokens },
                        Err(error) => WorkerReply::Failed { id, error },
                    };
                    output.send(&reply);
                });
            }
            (
                WorkerRequest::Generate { id, .. }
                | WorkerRequest::CountTokens { id, .. }
                | WorkerRequest::Embed { id, .. },
                None,
            ) => output.send(&WorkerReply::Failed {
                id,
                error: bad_state("no model is loaded"),
            }),
            (WorkerRequest::Cancel { id }, _) => {
                // One that has ended already needs no cancelling.
                if let Some(run) = running.as_mut().filter(|run| run.id == id)
                    && let Some(cancel) = run.cancel.take()
                {
                    let _ended = cancel.send(());
                }
            }
            // The reading thread has answered these.
            (WorkerRequest::Ping { .. } | WorkerRequest::Shutdown, _) => {}
        }
    }
}

/// The last reply of the generation that runs; never where none does.
async fn end_of(running: &mut Option<Running>) -> WorkerReply {
    let Some(run) = running else {
        return std::future::pending().await;
    };
    let id = run.id;
    (&mut run.task)
        .await
        .unwrap_or_else(|error| WorkerReply::Failed {
            id,
            error: WorkerError::Engine {
                reason: format!("the worker's own task failed: {error}"),
            },
        })
}

fn bad_state(reason: &str) -> WorkerError {
    WorkerError::BadState {
        reason: reason.to_owned(),
    }
}
