//! Room for the next model call: what was said is put into few words where it gets tight, or the user wants it.
//!
//! Owns the call that asks for a summary, and that the summary is on disk before it is told. Refuses to decide what a summary
//! stands for or how a request is built: `compaction` and `context` do.

use futures::StreamExt;
use nexus_llm::{ModelError, ModelEvent};
use nexus_protocol::{
    ChatRequest, ErrorCard, EventMsg, ItemBody, ItemId, ItemStatus, ToolSpec, Usage,
};
use tokio::sync::oneshot;
use tracing::{Instrument, info, info_span};

use super::{Accepted, Answered, Ending, Turn};
use crate::{
    cards,
    compaction::{self, Plan},
    context::{self, ContextInput, Reason},
};

/// Bytes of a summary that are read, at most: a model may not know when to stop.
const MAX_BYTES: usize = 64 * 1024;

/// The system message and the tools.
type Offer<'a> = (&'a str, &'a [ToolSpec]);

/// What came of asking for a summary.
enum Said {
    Words(String),
    /// An error, or nothing.
    Nothing,
    Cancelled,
}

impl Turn {
    /// The next request, within what the model takes.
    pub(super) async fn next_request(
        &self,
        accepted: &Accepted,
        step: u32,
        offer: Offer<'_>,
        usage: &mut Usage,
    ) -> Result<ChatRequest, Ending> {
        let info = accepted.model.info();
        let build = || {
            let built = self
                .journal
                .with_items(|items| context::build(&input(items, offer, info)));
            built
                .map_err(|error| Ending::Failed(cards::context_overflow(error.needed, error.limit)))
        };
        let mut built = build()?;
        if built.crowded
            && let Some(plan) = self.plan(accepted, offer, Reason::Crowded)
        {
            self.compact(accepted, step, plan, usage).await?;
            built = build()?;
        }
        if built.dropped_turns > 0 || built.dropped_steps > 0 {
            self.say_left_out(accepted.turn, step).await;
        }
        self.journal.emit(EventMsg::ContextUsed {
            context: built.context,
        });
        Ok(built.request)
    }

    /// Runs [`nexus_protocol::Op::Compact`] to its end.
    pub(super) async fn compact_when_asked(
        self,
        reply: oneshot::Sender<Result<(), ErrorCard>>,
    ) -> Option<Answered> {
        let began = self.deps.clock.now();
        let (accepted, plan) = match self.accept_compaction().await {
            Ok(accepted) => accepted,
            Err(card) => {
                self.signals.ending.cancel();
                let _ = reply.send(Err(card));
                return None;
            }
        };
        let turn = accepted.turn;
        self.journal.emit(EventMsg::TurnStarted {
            turn,
            model: accepted.name.clone(),
        });
        // The submitter may be gone; it is done all the same.
        let _ = reply.send(Ok(()));
        let span = info_span!("compaction", %turn, model = %accepted.name);
        async {
            let mut usage = Usage::default();
            let step = accepted.step;
            let ending = match self.compact(&accepted, step, plan, &mut usage).await {
                Ok(()) => {
                    self.tell_context(&accepted);
                    Ending::Completed
                }
                Err(ending) => ending,
            };
            self.conclude(accepted, ending, usage, began).await;
        }
        .instrument(span)
        .await;
        // A summary is no answer to name a session by.
        None
    }

    async fn accept_compaction(&self) -> Result<(Accepted, Plan), ErrorCard> {
        let settings = (self.deps.settings)();
        let last = self.last_turn().ok_or_else(cards::nothing_to_compact)?;
        let chosen = self.resolve(&settings, None).await?;
        let step = last.rest.iter().map(|item| item.step).max();
        let accepted = chosen.accept(last.turn, settings, step.unwrap_or(0));
        let (system, tools) = self.offer(&accepted.settings, accepted.model.info());
        let plan = self
            .plan(&accepted, (&system, &tools), Reason::Asked)
            .ok_or_else(cards::nothing_to_compact)?;
        Ok((accepted, plan))
    }

    /// What a call would have in its context now: who asked for room sees what came of it.
    fn tell_context(&self, accepted: &Accepted) {
        let info = accepted.model.info();
        let (system, tools) = self.offer(&accepted.settings, info);
        let built = self
            .journal
            .with_items(|items| context::build(&input(items, (&system, &tools), info)));
        if let Ok(built) = built {
            self.journal.emit(EventMsg::ContextUsed {
                context: built.context,
            });
        }
    }

    /// Runs [`nexus_protocol::Op::UndoCompaction`].
    pub(super) async fn undo_compaction(
        self,
        item: ItemId,
        reply: oneshot::Sender<Result<(), ErrorCard>>,
    ) -> Option<Answered> {
        let undone = self.take_back(item).await;
        self.signals.ending.cancel();
        let _ = reply.send(undone);
        None
    }

    async fn take_back(&self, id: ItemId) -> Result<(), ErrorCard> {
        let mut item = self.journal.item(id).ok_or_else(cards::nothing_to_undo)?;
        match &mut item.body {
            ItemBody::Compaction { undone, .. } if !*undone => *undone = true,
            _ => return Err(cards::nothing_to_undo()),
        }
        let saved = self.deps.store.put_item(&item).await;
        saved.map_err(|error| self.refused_by_store(&error))?;
        self.journal.emit(EventMsg::ItemChanged { item });
        Ok(())
    }

    fn plan(&self, accepted: &Accepted, offer: Offer<'_>, reason: Reason) -> Option<Plan> {
        let capability = |name: &str| Some(self.deps.tools.get(name)?.capability());
        let info = accepted.model.info();
        self.journal
            .with_items(|items| compaction::plan(&input(items, offer, info), reason, &capability))
    }

    /// Puts what was said into few words. A model that cannot write the summary does not stop the turn.
    async fn compact(
        &self,
        accepted: &Accepted,
        step: u32,
        mut plan: Plan,
        usage: &mut Usage,
    ) -> Result<(), Ending> {
        let said = match plan.request.take() {
            Some(request) => self.ask_for_summary(accepted, request, usage).await,
            None => Said::Nothing,
        };
        let words = match said {
            Said::Words(words) => Some(words),
            Said::Nothing => None,
            Said::Cancelled => return Err(Ending::Interrupted(None)),
        };
        let written = words.is_some();
        let body = plan.body(words.as_deref());
        if let ItemBody::Compaction {
            tokens_before,
            tokens_after,
            ..
        } = &body
        {
            info!(tokens_before, tokens_after, written, "history compacted");
        }
        let mut item = self.new_item(accepted.turn, step, body);
        item.status = ItemStatus::Complete;
        let saved = self.deps.store.put_item(&item).await;
        saved.map_err(|error| Ending::Failed(cards::storage(&error)))?;
        self.journal.emit(EventMsg::ItemAdded { item });
        Ok(())
    }

    async fn ask_for_summary(
        &self,
        accepted: &Accepted,
        request: ChatRequest,
        usage: &mut Usage,
    ) -> Said {
        let cancel = self.cancel.child_token();
        // The model is free again however this ends.
        let _ends = cancel.clone().drop_guard();
        let mut stream = accepted.model.stream(request, cancel);
        let mut words = String::new();
        loop {
            let event = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Said::Cancelled,
                event = stream.next() => event,
            };
            match event {
                Some(Ok(ModelEvent::Text(text))) => {
                    words.push_str(&text);
                    if words.len() > MAX_BYTES {
                        return Said::Nothing;
                    }
                }
                Some(Ok(ModelEvent::Activity(activity))) => {
                    self.journal.emit(EventMsg::ModelActivity { activity });
                }
                Some(Ok(ModelEvent::Finished { usage: used, .. })) => {
                    if let Some(used) = used {
                        *usage = usage.plus(used);
                        self.record(accepted, &used).await;
                    }
                    return if words.trim().is_empty() {
                        Said::Nothing
                    } else {
                        Said::Words(words)
                    };
                }
                // Thinking is nobody's business here, and a call has no tool to go to.
                Some(Ok(_)) => {}
                Some(Err(ModelError::Cancelled)) if self.cancel.is_cancelled() => {
                    return Said::Cancelled;
                }
                Some(Err(error)) => {
                    // The provider's words stay out of the log: they may quote the chat.
                    let code = error.card(self.deps.clock.as_ref()).code;
                    info!(?code, "no summary from the model");
                    return Said::Nothing;
                }
                None => return Said::Nothing,
            }
        }
    }
}

fn input<'a>(
    items: &'a [nexus_protocol::Item],
    (system, tools): Offer<'a>,
    model: &'a nexus_protocol::ModelInfo,
) -> ContextInput<'a> {
    ContextInput {
        items,
        system,
        tools,
        model,
    }
}
