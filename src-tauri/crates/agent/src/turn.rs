//! A turn: from an operation to the last event.
//!
//! Owns the loop of model calls and tool calls and how each of them may end. The rules it keeps: an item is on disk
//! before it is told as whole; every wait races the cancellation; however a turn ends, the transcript is valid.

mod bounds;
mod call;
mod compact;
mod flush;
mod guard;
mod prepare;
mod route;
mod step;
mod tools;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use nexus_llm::{Model, ModelError};
use nexus_protocol::{
    ChatRequest, Clock, ErrorAction, ErrorCard, ErrorCode, EventMsg, FinishReason, Item, ItemBody,
    ItemId, ItemStatus, ModelInfo, ModelRef, NoticeLevel, Op, SessionSummary, ToolSpec, TurnId,
    UnixMillis, Usage,
};
use nexus_store::StoreError;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use crate::{
    AgentDeps, TurnSettings, cards,
    journal::Journal,
    prompt,
    workbench::{self, Desk, Workbench},
};

pub(crate) use prepare::{Waiting, close_leftovers, queue_beside_questions};

/// Said once in a transcript, when the first turn is left out of a request.
const LEFT_OUT: &str = "Earlier messages no longer fit the model and were left out.";

/// A turn that ended well, for who names the session.
pub(crate) struct Answered {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) name: ModelRef,
    pub(crate) turn: TurnId,
}

/// What a turn works with.
pub(crate) struct Turn {
    deps: AgentDeps,
    journal: Arc<Journal>,
    bench: Arc<Workbench>,
    signals: Signals,
    cancel: CancellationToken,
    /// When the user was last heard of, milliseconds since 1970.
    last_user: AtomicI64,
    sees_images: AtomicBool,
}

/// How an actor and its running turn tell each other of the end.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// The turn is to stop.
    pub(crate) cancel: CancellationToken,
    /// The app closes: what waits for the user goes on waiting.
    pub(crate) leaving: CancellationToken,
    /// Cancelled just before the turn's last event: who sees that event may start the next turn.
    pub(crate) ending: CancellationToken,
}

/// An operation that was accepted.
struct Accepted {
    turn: TurnId,
    model: Arc<dyn Model>,
    name: ModelRef,
    settings: TurnSettings,
    /// The first model call of this run.
    step: u32,
    /// Calls of the step before it that have no result yet: they come first.
    calls: Vec<ItemId>,
    /// Who else may answer.
    route: route::Route,
    /// The user wants the cloud, in the place of these items.
    wish: Option<BTreeSet<ItemId>>,
}

/// What the next model call is made of.
struct Course {
    step: u32,
    system: String,
    tools: Vec<ToolSpec>,
    /// The very request that the user let out.
    allowed: Option<ChatRequest>,
}

/// How a turn ended.
enum Ending {
    Completed,
    Interrupted(Option<ErrorCard>),
    Failed(ErrorCard),
}

impl Turn {
    pub(crate) fn new(
        deps: AgentDeps,
        journal: Arc<Journal>,
        bench: Arc<Workbench>,
        signals: Signals,
    ) -> Self {
        Self {
            last_user: AtomicI64::new(deps.clock.now().0),
            deps,
            journal,
            bench,
            cancel: signals.cancel.clone(),
            signals,
            sees_images: AtomicBool::new(false),
        }
    }

    /// The time that a turn may go on alone begins anew.
    fn user_was_here(&self) {
        self.last_user
            .store(self.deps.clock.now().0, Ordering::Relaxed);
    }

    fn sees_images(&self) -> bool {
        self.sees_images.load(Ordering::Relaxed)
    }

    /// Accepts or refuses `op`, and runs it to its end.
    pub(crate) async fn run(
        self,
        op: Op,
        reply: oneshot::Sender<Result<(), ErrorCard>>,
    ) -> Option<Answered> {
        let op = match op {
            Op::Compact => return self.compact_when_asked(reply).await,
            Op::UndoCompaction { item } => return self.undo_compaction(item, reply).await,
            op => op,
        };
        let session = self.journal.summary().id;
        let accepted = match self.prepare(op).await {
            Ok(accepted) => accepted,
            Err(card) => {
                info!(%session, code = ?card.code, "a turn was refused");
                self.signals.ending.cancel();
                let _ = reply.send(Err(card));
                return None;
            }
        };
        // The submitter may be gone; the turn runs all the same.
        let _ = reply.send(Ok(()));
        let span = info_span!("turn", %session, turn = %accepted.turn, model = %accepted.name);
        self.answer(accepted).instrument(span).await
    }

    async fn answer(self, mut accepted: Accepted) -> Option<Answered> {
        let began = self.deps.clock.now();
        let mut usage = Usage::default();
        let ending = self.drive(&mut accepted, &mut usage).await;
        self.conclude(accepted, ending, usage, began).await
    }

    /// The last event.
    async fn conclude(
        self,
        accepted: Accepted,
        ending: Ending,
        usage: Usage,
        began: UnixMillis,
    ) -> Option<Answered> {
        let turn = accepted.turn;
        let duration_ms = self.deps.clock.now().since(began);
        match ending {
            Ending::Completed => {
                self.touch().await;
                info!(duration_ms, "turn completed");
                self.signals.ending.cancel();
                self.journal.emit(EventMsg::TurnCompleted { turn, usage });
                // The user let one turn out, not its title.
                accepted.route.keeps_home().then_some(Answered {
                    model: accepted.model,
                    name: accepted.name,
                    turn,
                })
            }
            Ending::Interrupted(error) => {
                info!(duration_ms, code = ?error.as_ref().map(|card| card.code), "turn interrupted");
                self.signals.ending.cancel();
                self.journal.emit(EventMsg::TurnInterrupted { turn, error });
                None
            }
            Ending::Failed(error) => {
                if error.code == ErrorCode::Offline {
                    // The user's own choice, and said to the user.
                    info!(duration_ms, "turn refused: offline");
                } else {
                    warn!(duration_ms, code = ?error.code, "turn failed");
                }
                self.notice(
                    turn,
                    accepted.step,
                    NoticeLevel::Error,
                    &error.title,
                    Some(error.clone()),
                )
                .await;
                self.signals.ending.cancel();
                self.journal.emit(EventMsg::TurnFailed { turn, error });
                None
            }
        }
    }

    async fn drive(&self, accepted: &mut Accepted, usage: &mut Usage) -> Ending {
        let mut course = self.course(accepted);
        if let Some(replaced) = accepted.wish.take() {
            match self.by_wish(accepted, &mut course, &replaced).await {
                Ok(()) => {}
                Err(ending) => return ending,
            }
        }
        let desk = match self.desk().await {
            Ok(desk) => desk,
            Err(card) => return Ending::Failed(card),
        };
        let mut guard = guard::LoopGuard::new(accepted.settings.max_tool_calls);
        if !accepted.calls.is_empty()
            && let Some(ending) = self.use_tools(&accepted.calls, &mut guard, &desk).await
        {
            return ending;
        }
        loop {
            if let Some(card) = self.past_a_limit(&accepted.settings, usage) {
                return Ending::Failed(card);
            }
            let request = match course.allowed.take() {
                Some(request) => Ok(request),
                None => {
                    let offer = (course.system.as_str(), course.tools.as_slice());
                    self.next_request(accepted, course.step, offer, usage).await
                }
            };
            let request = match request {
                Ok(request) => request,
                Err(ending) => {
                    let failed = route::Failed::to_begin(ending);
                    match self.another_way(accepted, &mut course, failed).await {
                        Ok(()) => continue,
                        Err(ending) => return ending,
                    }
                }
            };
            let step = course.step;
            let end = self.call_model(accepted, step, request).await;
            let (reason, calls) = match end {
                step::StepEnd::Finished {
                    reason,
                    used,
                    calls,
                } => {
                    if let Some(used) = used {
                        *usage = usage.plus(used);
                        self.record(accepted, &used).await;
                    }
                    (reason, calls)
                }
                step::StepEnd::Cancelled => return Ending::Interrupted(None),
                step::StepEnd::Failed { error, shown } => {
                    let ending = self.model_failed(&error, shown);
                    let failed = route::Failed::of_model(ending, &error, shown);
                    match self.another_way(accepted, &mut course, failed).await {
                        Ok(()) => continue,
                        Err(ending) => return ending,
                    }
                }
                step::StepEnd::Storage(error) => return Ending::Failed(cards::storage(&error)),
            };
            if calls.is_empty() {
                return self.stopped(accepted, step, reason).await;
            }
            if let Some(ending) = self.use_tools(&calls, &mut guard, &desk).await {
                return ending;
            }
            course.step = step.saturating_add(1);
        }
    }

    /// The next model call of a turn as it begins, or as another model takes it over.
    fn course(&self, accepted: &Accepted) -> Course {
        let info = accepted.model.info();
        self.sees_images.store(info.images, Ordering::Relaxed);
        let (system, tools) = self.offer(&accepted.settings, info);
        Course {
            step: accepted.step,
            system,
            tools,
            allowed: None,
        }
    }

    /// Runs the calls; how the turn ends, where it does.
    async fn use_tools(
        &self,
        calls: &[ItemId],
        guard: &mut guard::LoopGuard,
        desk: &Desk,
    ) -> Option<Ending> {
        match self.run_tools(calls, guard, desk).await {
            tools::ToolsEnd::Answered => None,
            tools::ToolsEnd::Cancelled | tools::ToolsEnd::Waiting => {
                Some(Ending::Interrupted(None))
            }
            tools::ToolsEnd::Limit(card) => Some(Ending::Failed(card)),
            tools::ToolsEnd::Storage(error) => Some(Ending::Failed(cards::storage(&error))),
        }
    }

    /// Where the turn works.
    async fn desk(&self) -> Result<Desk, ErrorCard> {
        let (bench, summary) = (Arc::clone(&self.bench), self.journal.summary());
        tokio::task::spawn_blocking(move || Desk::open(&bench, &summary))
            .await
            .map_err(|error| {
                error!(%error, "the working folder could not be opened");
                cards::internal()
            })
    }

    /// Why the turn pauses before its next model call.
    fn past_a_limit(&self, settings: &TurnSettings, usage: &Usage) -> Option<ErrorCard> {
        let last = UnixMillis(self.last_user.load(Ordering::Relaxed));
        if self.deps.clock.now().since(last) > settings.max_unattended_ms {
            return Some(cards::unattended(settings.max_unattended_ms / 60_000));
        }
        let spent = usage.cost_usd.unwrap_or(0.0);
        let limit = settings.max_turn_cost_usd;
        (limit > 0.0 && spent >= limit).then(|| cards::cost_limit(spent, limit))
    }

    /// What every request of a turn begins with: the system message and the tools.
    fn offer(&self, settings: &TurnSettings, info: &ModelInfo) -> (String, Vec<ToolSpec>) {
        let summary = self.journal.summary();
        let tools = if info.tools && settings.max_tool_calls > 0 {
            self.deps.tools.specs(summary.folder.is_some())
        } else {
            Vec::new()
        };
        let at = workbench::place(&summary);
        let system = prompt::system(&settings.system_prompt, !tools.is_empty(), at);
        (system, tools)
    }

    fn model_failed(&self, error: &ModelError, shown: bool) -> Ending {
        let clock: &dyn Clock = self.deps.clock.as_ref();
        let mut card = error.card(clock);
        if shown && matches!(error, ModelError::Offline { .. }) {
            // Going on is of no use before the user goes online, which is what the card offers.
            Ending::Interrupted(Some(card))
        } else if shown {
            // Something of the answer is there: going on from it is worth more than any other remedy.
            card.action = ErrorAction::Continue;
            Ending::Interrupted(Some(card))
        } else {
            Ending::Failed(card)
        }
    }

    /// The model stopped by itself. An answer without a word would leave the user in front of nothing.
    async fn stopped(&self, accepted: &Accepted, step: u32, reason: FinishReason) -> Ending {
        let answered = self.journal.with_items(|items| {
            items.iter().any(|item| {
                item.turn == accepted.turn
                    && item.step == step
                    && matches!(item.body, ItemBody::Assistant { .. })
            })
        });
        if !answered {
            let text = match reason {
                FinishReason::ContentFilter => "The provider's filter held this answer back.",
                FinishReason::Length => "The model reached its limit before it began to answer.",
                FinishReason::Incomplete => {
                    "The model reached its limit in the middle of a tool call, which was not run."
                }
                FinishReason::Stop | FinishReason::ToolCalls => "The model gave no answer.",
            };
            self.notice(accepted.turn, step, NoticeLevel::Warning, text, None)
                .await;
        }
        Ending::Completed
    }

    async fn say_left_out(&self, turn: TurnId, step: u32) {
        let said = self.journal.with_items(|items| {
            let is_it = |item: &Item| matches!(&item.body, ItemBody::Notice { text, .. } if text == LEFT_OUT);
            items.iter().any(is_it)
        });
        if !said {
            self.notice(turn, step, NoticeLevel::Info, LEFT_OUT, None)
                .await;
        }
    }

    /// Adds a word of the core to the transcript; a store that fails costs only this word.
    async fn notice(
        &self,
        turn: TurnId,
        step: u32,
        level: NoticeLevel,
        text: &str,
        error: Option<ErrorCard>,
    ) {
        let mut item = self.new_item(
            turn,
            step,
            ItemBody::Notice {
                level,
                text: text.to_owned(),
                error,
            },
        );
        item.status = ItemStatus::Complete;
        match self.deps.store.put_item(&item).await {
            Ok(()) => self.journal.emit(EventMsg::ItemAdded { item }),
            Err(error) => error!(%error, "a notice could not be saved"),
        }
    }

    async fn record(&self, accepted: &Accepted, used: &Usage) {
        let session = self.journal.summary().id;
        let now = self.deps.clock.now();
        let result = self
            .deps
            .store
            .add_usage(session, accepted.turn, &accepted.name, used, now)
            .await;
        if let Err(error) = result {
            warn!(%error, "usage could not be recorded");
        }
    }

    /// The session moves to the top of the list.
    async fn touch(&self) {
        let session = self.journal.summary().id;
        let now = self.deps.clock.now();
        self.tell(self.deps.store.touch(session, now).await);
    }

    fn tell(&self, changed: Result<Option<SessionSummary>, StoreError>) {
        match changed {
            Ok(Some(summary)) => self.journal.change(summary),
            Ok(None) => {}
            Err(error) => warn!(%error, "the session's summary could not be saved"),
        }
    }

    /// An item that begins now, at the end of the session.
    fn new_item(&self, turn: TurnId, step: u32, body: ItemBody) -> Item {
        Item {
            id: ItemId(self.deps.clock.new_uuid()),
            session: self.journal.summary().id,
            turn,
            step,
            position: self.journal.next_position(),
            created_at: self.deps.clock.now(),
            status: ItemStatus::InProgress,
            body,
        }
    }
}
