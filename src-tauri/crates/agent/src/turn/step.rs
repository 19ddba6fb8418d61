//! One call of a model: its events become items.
//!
//! Owns the stream, the items that grow from it, and their last form. Refuses to run tools or to judge an error.

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt;
use nexus_llm::{Model, ModelError, ModelEvent};
use nexus_protocol::{
    AnswerMeta, ApprovalAnswer, ChatRequest, Delta, EventMsg, FinishReason, Item, ItemBody, ItemId,
    ItemStatus, ToolResult, UnixMillis, Usage,
};
use nexus_store::StoreError;
use tracing::{Instrument, info, info_span};

use super::{Accepted, Turn, bounds::bounded, flush::Flusher};
use crate::prompt;

/// Bytes of one model call, at most: text, reasoning and arguments together.
const MAX_STEP_BYTES: usize = 4 * 1024 * 1024;
/// Tool calls of one model call, at most.
const MAX_STEP_CALLS: usize = 128;

/// How a model call ended. Its items are on disk then, but for [`StepEnd::Storage`].
pub(super) enum StepEnd {
    Finished {
        reason: FinishReason,
        used: Option<Usage>,
        /// In order; whole, and waiting for their results.
        calls: Vec<ItemId>,
    },
    Cancelled,
    Failed {
        error: ModelError,
        /// Whether the user saw something of it.
        shown: bool,
    },
    Storage(StoreError),
}

/// How the stream ended.
enum StreamEnd {
    Finished(FinishReason, Option<Usage>),
    Cancelled,
    Failed(ModelError),
    Storage(StoreError),
}

/// A model call under way.
struct Step<'a> {
    turn: &'a Turn,
    accepted: &'a Accepted,
    step: u32,
    flusher: Flusher,
    answer: Option<ItemId>,
    thinking: Option<(ItemId, UnixMillis)>,
    calls: BTreeMap<u32, ItemId>,
    bytes: usize,
    began: UnixMillis,
    first: Option<UnixMillis>,
}

impl Turn {
    pub(super) async fn call_model(
        &self,
        accepted: &Accepted,
        number: u32,
        request: ChatRequest,
    ) -> StepEnd {
        let span = info_span!(
            "model_call",
            step = number,
            messages = request.messages.len()
        );
        let step = Step {
            turn: self,
            accepted,
            step: number,
            flusher: Flusher::new(self.deps.store.clone(), Arc::clone(&self.journal)),
            answer: None,
            thinking: None,
            calls: BTreeMap::new(),
            bytes: 0,
            began: self.deps.clock.now(),
            first: None,
        };
        step.run(Arc::clone(&accepted.model), request)
            .instrument(span)
            .await
    }
}

impl Step<'_> {
    async fn run(mut self, model: Arc<dyn Model>, request: ChatRequest) -> StepEnd {
        // The model's own token: a call that ended must not hold work that the turn's token would keep alive.
        let cancel = self.turn.cancel.child_token();
        let mut stream = model.stream(request, cancel.clone());
        let end = loop {
            tokio::select! {
                biased;
                () = self.turn.cancel.cancelled() => break StreamEnd::Cancelled,
                written = self.flusher.work() => if let Err(error) = written {
                    break StreamEnd::Storage(error);
                },
                event = stream.next() => match event {
                    Some(Ok(ModelEvent::Finished { reason, usage })) => {
                        break StreamEnd::Finished(reason, usage);
                    }
                    Some(Ok(event)) => if let Err(error) = self.take(event) {
                        break StreamEnd::Failed(error);
                    },
                    Some(Err(error)) => break StreamEnd::Failed(error),
                    None => break StreamEnd::Failed(self.bad_answer("the answer stopped without its end")),
                },
            }
        };
        cancel.cancel();
        drop(stream);
        self.end(end).await
    }

    /// One event of the model becomes items and events.
    fn take(&mut self, event: ModelEvent) -> Result<(), ModelError> {
        let journal = &self.turn.journal;
        if event.is_visible() && self.first.is_none() {
            self.first = Some(self.turn.deps.clock.now());
        }
        match event {
            ModelEvent::Activity(activity) => journal.emit(EventMsg::ModelActivity { activity }),
            ModelEvent::Text(text) => {
                self.count(text.len())?;
                self.end_thinking();
                let item = match self.answer {
                    Some(id) => id,
                    None => {
                        let id = self.add(ItemBody::Assistant {
                            text: String::new(),
                            model: self.accepted.name.clone(),
                            meta: None,
                        });
                        self.answer = Some(id);
                        id
                    }
                };
                self.grow(item, Delta::Text { text });
            }
            ModelEvent::Thinking(text) => {
                self.count(text.len())?;
                let item = match self.thinking {
                    Some((id, _)) => id,
                    None => {
                        let id = self.add(ItemBody::Thinking {
                            text: String::new(),
                            duration_ms: None,
                        });
                        self.thinking = Some((id, self.turn.deps.clock.now()));
                        id
                    }
                };
                self.grow(item, Delta::Text { text });
            }
            ModelEvent::ToolCallStarted { index, id, name } => {
                self.count(id.len().saturating_add(name.len()))?;
                if self.calls.len() >= MAX_STEP_CALLS || self.calls.contains_key(&index) {
                    return Err(self.bad_answer("too many tool calls, or one of them twice"));
                }
                self.end_thinking();
                let item = self.add(ItemBody::ToolCall {
                    call_id: id,
                    name,
                    arguments: String::new(),
                    label: None,
                    approval: None,
                    output: String::new(),
                    result: None,
                });
                self.calls.insert(index, item);
            }
            ModelEvent::ToolCallArguments { index, text } => {
                self.count(text.len())?;
                let Some(item) = self.calls.get(&index).copied() else {
                    return Err(self.bad_answer("arguments of a tool call that never began"));
                };
                self.grow(item, Delta::Arguments { text });
            }
            // `run` has taken it.
            ModelEvent::Finished { .. } => {}
        }
        Ok(())
    }

    fn add(&mut self, body: ItemBody) -> ItemId {
        let item = self.turn.new_item(self.accepted.turn, self.step, body);
        let id = item.id;
        self.turn.journal.emit(EventMsg::ItemAdded { item });
        self.flusher.added(id);
        id
    }

    fn grow(&mut self, item: ItemId, delta: Delta) {
        self.turn.journal.grow(item, delta);
        self.flusher.grew(item);
    }

    fn end_thinking(&mut self) {
        if let Some((id, began)) = self.thinking.take()
            && let Some(mut item) = self.turn.journal.item(id)
        {
            let now = self.turn.deps.clock.now();
            if let ItemBody::Thinking { duration_ms, .. } = &mut item.body {
                *duration_ms = Some(now.since(began));
            }
            item.status = ItemStatus::Complete;
            self.flusher.completed(item);
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), ModelError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_STEP_BYTES {
            return Err(self.bad_answer("the answer is longer than 4 MiB"));
        }
        Ok(())
    }

    fn bad_answer(&self, message: &str) -> ModelError {
        ModelError::BadAnswer {
            provider: self.accepted.name.provider().into(),
            message: message.to_owned(),
        }
    }

    /// Gives each item its last form and writes it.
    async fn end(self, end: StreamEnd) -> StepEnd {
        let shown = self.first.is_some();
        let calls: Vec<ItemId> = self.calls.values().copied().collect();
        let meta = self.meta(&end);
        info!(
            duration_ms = meta.duration_ms,
            time_to_first_token_ms = ?meta.time_to_first_token_ms,
            tool_calls = calls.len(),
            finish = ?meta.finish,
            "model call ended"
        );
        // Why a call gets no result from its tool; `None` where it will.
        let unanswered = match &end {
            StreamEnd::Finished(..) => None,
            StreamEnd::Cancelled => Some(prompt::CALL_CANCELLED),
            StreamEnd::Failed(_) | StreamEnd::Storage(_) => Some(prompt::CALL_INTERRUPTED),
        };
        let status = if unanswered.is_none() {
            ItemStatus::Complete
        } else {
            ItemStatus::Interrupted
        };
        let journal = &self.turn.journal;
        let mut last = Vec::new();
        if let Some((id, began)) = self.thinking
            && let Some(mut item) = journal.item(id)
        {
            if let ItemBody::Thinking { duration_ms, .. } = &mut item.body {
                *duration_ms = Some(self.turn.deps.clock.now().since(began));
            }
            item.status = status;
            last.push(item);
        }
        if let Some(mut item) = self.answer.and_then(|id| journal.item(id)) {
            if let ItemBody::Assistant { meta: place, .. } = &mut item.body {
                *place = Some(meta);
            }
            item.status = status;
            last.push(item);
        }
        if let Some(reason) = unanswered {
            let open = calls.iter().filter_map(|id| journal.item(*id));
            last.extend(open.map(|item| interrupted_call(item, reason, 0)));
        }
        let written = self.flusher.finish(last).await;
        match (end, written) {
            (StreamEnd::Storage(error), _) | (_, Err(error)) => StepEnd::Storage(error),
            (StreamEnd::Finished(reason, used), Ok(())) => StepEnd::Finished {
                reason,
                used,
                calls,
            },
            (StreamEnd::Cancelled, Ok(())) => StepEnd::Cancelled,
            (StreamEnd::Failed(error), Ok(())) => StepEnd::Failed { error, shown },
        }
    }

    fn meta(&self, end: &StreamEnd) -> AnswerMeta {
        let now = self.turn.deps.clock.now();
        let (finish, usage) = match end {
            StreamEnd::Finished(reason, usage) => (Some(*reason), *usage),
            StreamEnd::Cancelled | StreamEnd::Failed(_) | StreamEnd::Storage(_) => (None, None),
        };
        AnswerMeta {
            usage,
            time_to_first_token_ms: self.first.map(|first| first.since(self.began)),
            duration_ms: now.since(self.began),
            tokens_per_second: usage
                .zip(self.first)
                .and_then(|(usage, first)| speed(usage.output_tokens, now.since(first))),
            finish,
        }
    }
}

/// Tokens a second after the first one; `None` where there is nothing to measure.
fn speed(tokens: u64, after_first_ms: u64) -> Option<f64> {
    if tokens < 2 || after_first_ms == 0 {
        return None;
    }
    Some((tokens - 1) as f64 * 1000.0 / after_first_ms as f64)
}

/// A call that was broken off after it ran this long, with the result that every call has.
pub(super) fn interrupted_call(mut item: Item, reason: &str, ran_ms: u64) -> Item {
    if let ItemBody::ToolCall {
        result,
        approval,
        output,
        ..
    } = &mut item.body
    {
        let summary = if reason == prompt::CALL_CANCELLED {
            "cancelled"
        } else {
            "interrupted"
        };
        let mut failed = ToolResult::failed(reason, summary);
        failed.duration_ms = ran_ms;
        // What it printed until then is worth keeping.
        if !output.is_empty() {
            failed.output = bounded(format!("{reason} It had printed:\n{output}"));
            output.clear();
        }
        *result = Some(failed);
        if let Some(approval) = approval {
            approval.answer.get_or_insert(ApprovalAnswer::Withdrawn);
        }
    }
    item.status = ItemStatus::Interrupted;
    item
}
