//! One answer, from the engine's chunks to the parent's frames. Always drains: a chunk that waits stops the engine.

use std::time::Duration;

use mistralrs::{ChatCompletionChunkResponse, Response};
use nexus_protocol::worker::{WorkerError, WorkerReply};
use nexus_protocol::{ChatRequest, FinishReason, ToolChoice, Usage};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::engine::{Engine, Hold, Started, fault, stopped};
use crate::output::Output;

/// Text is sent this often at most: more than a screen shows.
const MERGE: Duration = Duration::from_millis(16);

/// Runs a generation to its end. Gives the `Finished` or `Failed` that is to be sent, last.
pub(crate) async fn answer(
    engine: &Engine,
    id: u64,
    request: ChatRequest,
    cancelled: oneshot::Receiver<()>,
    output: &Output,
) -> WorkerReply {
    match engine.start(&request, Hold::Held).await {
        Err(error) => WorkerReply::Failed { id, error },
        Ok(started) => {
            output.send(&WorkerReply::Started {
                id,
                prompt_tokens: started.prompt_tokens,
            });
            run(engine, id, &request, started, cancelled, output).await
        }
    }
}

async fn run(
    engine: &Engine,
    id: u64,
    request: &ChatRequest,
    started: Started,
    mut cancelled: oneshot::Receiver<()>,
    output: &Output,
) -> WorkerReply {
    let Started {
        mut chunks,
        prompt_tokens,
    } = started;
    let mut usage = Usage {
        input_tokens: prompt_tokens.into(),
        ..Usage::default()
    };
    let mut is_lazy = !request.tools.is_empty()
        && request.answer_schema.is_none()
        && request.tool_choice == ToolChoice::Auto;
    let mut merger = Merger::new(id, output);
    loop {
        let chunk = tokio::select! {
            biased;
            Ok(()) = &mut cancelled => {
                drop(chunks);
                merger.flush();
                engine.settle().await;
                return WorkerReply::Finished { id, reason: None, usage };
            }
            () = sleep_until(merger.due), if merger.holds_text() => {
                merger.flush();
                continue;
            }
            chunk = chunks.recv() => chunk,
        };
        match chunk {
            Some(Response::Chunk(chunk)) => {
                usage.output_tokens += 1;
                if let Some(reason) = merger.take(chunk, &mut usage) {
                    merger.flush();
                    return WorkerReply::Finished {
                        id,
                        reason: Some(reason),
                        usage,
                    };
                }
            }
            other => {
                merger.flush();
                let error: WorkerError = other.map_or_else(stopped, fault);
                if is_lazy
                    && usage.output_tokens == 0
                    && matches!(error, WorkerError::Refused { .. })
                {
                    // The schema of one tool must not make a chat impossible: its calls are checked before they run in
                    // any case.
                    tracing::warn!(?error, "tool calls are not constrained");
                    is_lazy = false;
                    match engine.start(request, Hold::Free).await {
                        Ok(again) => chunks = again.chunks,
                        Err(error) => return WorkerReply::Failed { id, error },
                    }
                    continue;
                }
                return WorkerReply::Failed { id, error };
            }
        }
    }
}

/// Joins small pieces of text; the first one goes out at once.
struct Merger<'a> {
    id: u64,
    output: &'a Output,
    text: String,
    thinking: String,
    /// When what is held goes out.
    due: Instant,
}

impl<'a> Merger<'a> {
    fn new(id: u64, output: &'a Output) -> Self {
        Self {
            id,
            output,
            text: String::new(),
            thinking: String::new(),
            due: Instant::now(),
        }
    }

    fn holds_text(&self) -> bool {
        !self.text.is_empty() || !self.thinking.is_empty()
    }

    fn take(
        &mut self,
        chunk: ChatCompletionChunkResponse,
        usage: &mut Usage,
    ) -> Option<FinishReason> {
        if let Some(told) = chunk.usage {
            usage.input_tokens = told.prompt_tokens as u64;
            usage.output_tokens = told.completion_tokens as u64;
        }
        let mut finish = None;
        for choice in chunk.choices {
            if let Some(thinking) = choice.delta.reasoning_content {
                if !self.text.is_empty() {
                    self.flush();
                }
                self.thinking.push_str(&thinking);
            }
            if let Some(text) = choice.delta.content {
                if !self.thinking.is_empty() {
                    self.flush();
                }
                self.text.push_str(&text);
            }
            finish = finish.or(choice.finish_reason.as_deref().map(finish_reason));
        }
        finish
    }

    fn flush(&mut self) {
        let id = self.id;
        if !self.thinking.is_empty() {
            let text = std::mem::take(&mut self.thinking);
            self.output.send(&WorkerReply::Thinking { id, text });
        }
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.output.send(&WorkerReply::Text { id, text });
        }
        self.due = Instant::now() + MERGE;
    }
}

fn finish_reason(word: &str) -> FinishReason {
    match word {
        "length" => FinishReason::Length,
        _ => FinishReason::Stop,
    }
}
