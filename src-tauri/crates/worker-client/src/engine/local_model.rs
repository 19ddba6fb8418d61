//! A model file as a [`Model`]: what the rest of the app holds.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::PathBuf;

use nexus_llm::{Model, ModelError, ModelEvent, ModelStream};
use nexus_protocol::{ChatRequest, FinishReason, ModelInfo};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::actor::{Job, Work};
use super::{LocalEngine, shut_down};
use crate::history::{for_local, text_bytes};
use crate::tool_calls::ToolCalls;

/// No prompt has more bytes than this for each token: a longer one is refused before it is counted.
const BYTES_PER_TOKEN: usize = 64;

#[derive(Debug)]
pub(super) struct LocalModel {
    engine: LocalEngine,
    path: PathBuf,
    info: ModelInfo,
}

impl LocalModel {
    pub(super) fn new(engine: LocalEngine, path: PathBuf, info: ModelInfo) -> Self {
        Self { engine, path, info }
    }

    fn overflow(&self, request: &ChatRequest) -> Option<ModelError> {
        let limit = self.info.context_tokens?;
        let bytes = text_bytes(request);
        (bytes / BYTES_PER_TOKEN > limit as usize).then(|| ModelError::ContextOverflow {
            needed: u32::try_from(bytes / 4).unwrap_or(u32::MAX),
            limit,
        })
    }
}

impl Model for LocalModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn stream(&self, request: ChatRequest, cancel: CancellationToken) -> ModelStream {
        let request = for_local(request, &self.info);
        let overflow = self.overflow(&request);
        let mut calls = ToolCalls::of(&request, call_prefix());
        let is_json = request.answer_schema.is_some();
        let jobs = self.engine.jobs.clone();
        let (path, context_tokens) = (self.path.clone(), self.info.context_tokens);
        let model = self.info.model.0.clone();
        Box::pin(async_stream::stream! {
            if let Some(error) = overflow {
                yield Err(error);
                return;
            }
            // Stops the work when the caller cancels, polled or not, and when the stream is dropped.
            let stop = cancel.child_token();
            let _stop_when_dropped = stop.clone().drop_guard();
            // Unbounded, but an answer is bounded by the context and by `Limits::answer_bytes`.
            let (events, mut incoming) = mpsc::unbounded_channel();
            let work = Work::Generate { request, events };
            if jobs.send(Job { path, model, context_tokens, cancel: stop, work }).is_err() {
                yield Err(shut_down());
                return;
            }
            loop {
                let next = tokio::select! {
                    biased;
                    () = cancel.cancelled() => Some(Err(ModelError::Cancelled)),
                    next = incoming.recv() => next,
                };
                match (next, &mut calls) {
                    (None, _) => {
                        yield Err(shut_down());
                        return;
                    }
                    (Some(Err(error)), _) => {
                        yield Err(error);
                        return;
                    }
                    (Some(Ok(ModelEvent::Text(text))), Some(calls)) => {
                        for event in calls.push(&text) {
                            yield Ok(event);
                        }
                    }
                    (Some(Ok(ModelEvent::Finished { mut reason, usage })), calls) => {
                        if let Some(calls) = calls {
                            let (events, end) = calls.finish(reason);
                            for event in events {
                                yield Ok(event);
                            }
                            reason = end;
                        }
                        // What is held to a form ends by itself when it is whole.
                        if is_json && reason == FinishReason::Length {
                            reason = FinishReason::Incomplete;
                        }
                        yield Ok(ModelEvent::Finished { reason, usage });
                        return;
                    }
                    (Some(Ok(event)), _) => yield Ok(event),
                }
            }
        })
    }
}

/// Calls have no ids of their own; those made up here must not meet those of an earlier run of the app.
fn call_prefix() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("call_{random:016x}")
}
