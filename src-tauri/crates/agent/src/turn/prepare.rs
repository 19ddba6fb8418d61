//! Accepting an operation: everything that can refuse it happens before anything is changed.
//!
//! Owns validation, the choice of the model, the user's item, and what a retry removes.

use std::collections::BTreeSet;

use nexus_llm::Model;
use nexus_protocol::{
    ApprovalAnswer, Attachment, ErrorCard, EventMsg, FinishReason, Item, ItemBody, ItemId,
    ItemStatus, ModelRef, Nonce, NoticeLevel, Op, TitleSource, TurnId,
};
use nexus_store::{Store, StoreError};
use tracing::{error, warn};

use super::{
    Accepted, Turn,
    route::{Chosen, Route},
    step::interrupted_call,
};
use crate::{TurnSettings, cards, context, journal::Journal, prompt, title};

/// Bytes of a message's text, at most: far more than a person writes or a model reads.
const MAX_TEXT: usize = 8 * 1024 * 1024;
/// Base64 characters of a message's images, at most: about 15 MB of files.
const MAX_IMAGES: usize = 20 * 1024 * 1024;
/// What models take.
const IMAGE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/// The last turn of a session, seen by who wants to run it again.
pub(super) struct LastTurn {
    pub(super) turn: TurnId,
    /// Its items but the user's, by position.
    pub(super) rest: Vec<Item>,
}

impl Turn {
    pub(super) async fn prepare(&self, op: Op) -> Result<Accepted, ErrorCard> {
        let settings = (self.deps.settings)();
        if let Op::Approve {
            item,
            nonce,
            fingerprint,
            answer,
        } = op
        {
            return self
                .answered(settings, item, nonce, &fingerprint, answer)
                .await;
        }
        // Who writes on instead of answering has answered.
        close_leftovers(&self.deps.store, &self.journal, Waiting::Ends)
            .await
            .map_err(|error| self.refused_by_store(&error))?;
        match op {
            Op::UserTurn {
                text,
                attachments,
                model,
            } => self.user_turn(settings, text, attachments, model).await,
            Op::Retry => {
                let last = self
                    .last_turn()
                    .filter(LastTurn::can_retry)
                    .ok_or_else(|| {
                        cards::bad_input(
                            "There is nothing to run again",
                            "The last answer is whole.",
                        )
                    })?;
                let remove = last.failed();
                self.again(settings, last, remove).await
            }
            Op::Continue => {
                let last = self
                    .last_turn()
                    .filter(LastTurn::can_continue)
                    .ok_or_else(|| {
                        cards::bad_input(
                            "There is nothing to continue",
                            "The last answer is whole.",
                        )
                    })?;
                let remove = last.error_notices();
                self.again(settings, last, remove).await
            }
            Op::AskCloud => {
                let last = self.last_turn().ok_or_else(|| {
                    cards::bad_input(
                        "There is nothing to ask the cloud",
                        "Write a message first.",
                    )
                })?;
                self.ask_cloud(settings, last).await
            }
            // They are taken before: by the actor, by `Turn::run`, or above.
            Op::Interrupt | Op::Approve { .. } | Op::Compact | Op::UndoCompaction { .. } => {
                Err(cards::internal())
            }
        }
    }

    async fn user_turn(
        &self,
        settings: TurnSettings,
        text: String,
        attachments: Vec<Attachment>,
        model: Option<ModelRef>,
    ) -> Result<Accepted, ErrorCard> {
        check(&text, &attachments)?;
        let chosen = self.resolve(&settings, model).await?;
        let turn = TurnId(self.deps.clock.new_uuid());
        let mut item = self.new_item(turn, 0, ItemBody::User { text, attachments });
        item.status = ItemStatus::Complete;
        // What is too long for the model here may not be for the one that is offered next.
        if !chosen.route.offers_cloud() {
            self.fits(&settings, chosen.model.as_ref(), &item)?;
        }
        let saved = self.deps.store.put_item(&item).await;
        saved.map_err(|error| self.refused_by_store(&error))?;
        self.journal.emit(EventMsg::TurnStarted {
            turn,
            model: chosen.name.clone(),
        });
        self.journal
            .emit(EventMsg::ItemAdded { item: item.clone() });
        self.describe(&chosen.name, &item).await;
        Ok(chosen.accept(turn, settings, 0))
    }

    /// Runs the last turn on, without the items in `remove`.
    async fn again(
        &self,
        settings: TurnSettings,
        last: LastTurn,
        remove: BTreeSet<ItemId>,
    ) -> Result<Accepted, ErrorCard> {
        let chosen = self.resolve(&settings, None).await?;
        let ids: Vec<ItemId> = remove.iter().copied().collect();
        if !ids.is_empty() {
            let removed = self.deps.store.remove_items(&ids).await;
            removed.map_err(|error| self.refused_by_store(&error))?;
        }
        let turn = last.turn;
        self.journal.emit(EventMsg::TurnStarted {
            turn,
            model: chosen.name.clone(),
        });
        for item in ids {
            self.journal.emit(EventMsg::ItemRemoved { item });
        }
        let steps = last.rest.iter().filter(|item| !remove.contains(&item.id));
        let step = steps.map(|item| item.step.saturating_add(1)).max();
        Ok(chosen.accept(turn, settings, step.unwrap_or(0)))
    }

    /// Goes on where a question to the user was left open by a restart. The answer is on disk when this returns.
    async fn answered(
        &self,
        settings: TurnSettings,
        item: ItemId,
        nonce: Nonce,
        fingerprint: &str,
        answer: ApprovalAnswer,
    ) -> Result<Accepted, ErrorCard> {
        let mut asked = self
            .journal
            .item(item)
            .filter(|item| item.body.awaits_approval())
            .ok_or_else(cards::nothing_to_approve)?;
        let ItemBody::ToolCall {
            approval: Some(approval),
            ..
        } = &mut asked.body
        else {
            return Err(cards::nothing_to_approve());
        };
        if approval.nonce != nonce || approval.fingerprint != fingerprint {
            return Err(cards::nothing_to_approve());
        }
        approval.answer = Some(answer);
        let chosen = self.resolve(&settings, None).await?;
        let saved = self.deps.store.put_item(&asked).await;
        saved.map_err(|error| self.refused_by_store(&error))?;
        let (turn, step) = (asked.turn, asked.step);
        self.journal.emit(EventMsg::TurnStarted {
            turn,
            model: chosen.name.clone(),
        });
        self.journal.emit(EventMsg::ItemChanged { item: asked });
        let next = self.journal.next_step(turn);
        let calls = self.journal.with_items(|items| {
            let open = items.iter().filter(|item| {
                item.turn == turn
                    && item.step == step
                    && matches!(item.body, ItemBody::ToolCall { result: None, .. })
            });
            open.map(|item| item.id).collect()
        });
        Ok(Accepted {
            calls,
            ..chosen.accept(turn, settings, next)
        })
    }

    pub(super) async fn resolve(
        &self,
        settings: &TurnSettings,
        asked: Option<ModelRef>,
    ) -> Result<Chosen, ErrorCard> {
        let name = asked
            .or_else(|| self.journal.summary().model)
            .or_else(|| settings.default_model.clone())
            .ok_or_else(cards::no_model)?;
        let model = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(cards::cancelled()),
            model = self.deps.models.resolve(&name) => model?,
        };
        let route = Route::of(&self.journal.summary(), model.info().place)?;
        Ok(Chosen { name, model, route })
    }

    /// Refuses a message that would not fit even alone.
    fn fits(
        &self,
        settings: &TurnSettings,
        model: &dyn Model,
        item: &Item,
    ) -> Result<(), ErrorCard> {
        let info = model.info();
        let (system, tools) = self.offer(settings, info);
        context::build(&context::ContextInput {
            items: std::slice::from_ref(item),
            system: &system,
            tools: &tools,
            model: info,
        })
        .map(drop)
        .map_err(|error| cards::message_too_long(error.needed, error.limit, &info.display_name))
    }

    /// The session's line in the sidebar: its model, its time, its first title. A store that fails costs only these.
    async fn describe(&self, name: &ModelRef, item: &Item) {
        let summary = self.journal.summary();
        let store = &self.deps.store;
        let mut changed = store.touch(summary.id, item.created_at).await;
        if summary.model.as_ref() != Some(name) {
            changed = later(changed, store.set_model(summary.id, name).await);
        }
        if summary.title_source == TitleSource::None {
            let title = title::first_words(item);
            let titled = store
                .set_title(summary.id, &title, TitleSource::FirstWords)
                .await;
            changed = later(changed, titled);
        }
        self.tell(changed);
    }

    /// The items of the last turn that a user's message began.
    pub(super) fn last_turn(&self) -> Option<LastTurn> {
        self.journal.with_items(|items| {
            let is_user = |item: &&Item| matches!(item.body, ItemBody::User { .. });
            let turn = items.iter().rev().find(is_user)?.turn;
            let rest = items
                .iter()
                .filter(|item| item.turn == turn && !is_user(item))
                .cloned()
                .collect();
            Some(LastTurn { turn, rest })
        })
    }

    pub(super) fn refused_by_store(&self, error: &StoreError) -> ErrorCard {
        error!(%error, "a turn could not begin");
        cards::storage(error)
    }
}

impl LastTurn {
    /// The last thing the model did.
    fn last_word(&self) -> Option<&Item> {
        self.rest.iter().rev().find(|item| {
            matches!(
                item.body,
                ItemBody::Assistant { .. } | ItemBody::ToolCall { .. }
            )
        })
    }

    fn can_retry(&self) -> bool {
        !self.last_word().is_some_and(|item| {
            item.status == ItemStatus::Complete && matches!(item.body, ItemBody::Assistant { .. })
        })
    }

    /// An answer that is whole but for its length can be continued too.
    fn can_continue(&self) -> bool {
        let cut = |item: &Item| match &item.body {
            ItemBody::Assistant {
                meta: Some(meta), ..
            } => matches!(
                meta.finish,
                Some(FinishReason::Length | FinishReason::Incomplete)
            ),
            _ => false,
        };
        self.can_retry() || self.last_word().is_some_and(cut)
    }

    /// What the model answered: all but the steps in which a tool ran to its end, which must not be done twice.
    pub(super) fn answer(&self) -> BTreeSet<ItemId> {
        let worked: BTreeSet<u32> = self
            .rest
            .iter()
            .filter(|item| {
                item.status == ItemStatus::Complete
                    && matches!(item.body, ItemBody::ToolCall { .. })
            })
            .map(|item| item.step)
            .collect();
        let answered = self.rest.iter().filter(|item| {
            !worked.contains(&item.step)
                && matches!(
                    item.body,
                    ItemBody::Assistant { .. }
                        | ItemBody::Thinking { .. }
                        | ItemBody::ToolCall { .. }
                )
        });
        let mut items: BTreeSet<ItemId> = answered.map(|item| item.id).collect();
        items.extend(self.error_notices());
        items
    }

    fn error_notices(&self) -> BTreeSet<ItemId> {
        let is_error = |item: &&Item| {
            matches!(
                item.body,
                ItemBody::Notice {
                    level: NoticeLevel::Error | NoticeLevel::Warning,
                    ..
                }
            )
        };
        self.rest.iter().filter(is_error).map(|it| it.id).collect()
    }

    /// What failed: error notices, and all that is not whole, with its step. A step in which a tool ran to its end stays,
    /// so that nothing is done twice; its calls keep their results, only its broken text goes.
    fn failed(&self) -> BTreeSet<ItemId> {
        let mut remove = self.error_notices();
        let broken: BTreeSet<u32> = self
            .rest
            .iter()
            .filter(|item| item.status != ItemStatus::Complete)
            .map(|item| item.step)
            .collect();
        for item in self.rest.iter().filter(|it| broken.contains(&it.step)) {
            let worked = self.rest.iter().any(|other| {
                other.step == item.step
                    && other.status == ItemStatus::Complete
                    && matches!(other.body, ItemBody::ToolCall { .. })
            });
            let goes = match &item.body {
                ItemBody::Notice { .. }
                | ItemBody::Compaction { .. }
                | ItemBody::Undo { .. }
                | ItemBody::Offer { .. } => false,
                ItemBody::ToolCall { .. } => !worked,
                _ => !worked || item.status != ItemStatus::Complete,
            };
            if goes {
                remove.insert(item.id);
            }
        }
        remove
    }
}

/// What becomes of questions to the user that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// They stay, and with them the calls beside them: the answer goes on from there.
    Stays,
    /// They end: the user did something else.
    Ends,
}

/// Calls that a restart left beside a question to the user wait for its answer: none of them runs.
pub(crate) fn queue_beside_questions(items: &mut [Item]) {
    let asked: BTreeSet<(TurnId, u32)> = items
        .iter()
        .filter(|item| item.body.awaits_approval())
        .map(|item| (item.turn, item.step))
        .collect();
    for item in items {
        if item.status == ItemStatus::InProgress
            && !item.body.awaits_approval()
            && matches!(item.body, ItemBody::ToolCall { result: None, .. })
            && asked.contains(&(item.turn, item.step))
        {
            item.status = ItemStatus::Queued;
        }
    }
}

/// Closes items that still grow although no turn runs: after a crash, or a store that failed for a while.
pub(crate) async fn close_leftovers(
    store: &Store,
    journal: &Journal,
    waiting: Waiting,
) -> Result<(), StoreError> {
    let open = journal.open_items();
    let asked: BTreeSet<(TurnId, u32)> = open
        .iter()
        .filter(|item| item.body.awaits_approval())
        .map(|item| (item.turn, item.step))
        .collect();
    let items: Vec<Item> = open
        .into_iter()
        .filter_map(|mut item| {
            let beside = asked.contains(&(item.turn, item.step));
            match &item.body {
                ItemBody::ToolCall { result: None, .. }
                    if beside && waiting == Waiting::Stays && !item.body.is_approved() =>
                {
                    None
                }
                ItemBody::ToolCall { result: None, .. } => {
                    let reason = if beside {
                        prompt::NOT_ANSWERED
                    } else {
                        prompt::CALL_INTERRUPTED
                    };
                    Some(interrupted_call(item, reason, 0))
                }
                _ => {
                    item.status = ItemStatus::Interrupted;
                    if let ItemBody::Offer { offer } = &mut item.body {
                        offer.answer.get_or_insert(ApprovalAnswer::Withdrawn);
                    }
                    Some(item)
                }
            }
        })
        .collect();
    if items.is_empty() {
        return Ok(());
    }
    warn!(items = items.len(), "closing items of a broken turn");
    store.put_items(&items).await?;
    for item in items {
        journal.emit(EventMsg::ItemCompleted { item });
    }
    Ok(())
}

fn check(text: &str, attachments: &[Attachment]) -> Result<(), ErrorCard> {
    if text.trim().is_empty() && attachments.is_empty() {
        return Err(cards::bad_input(
            "The message is empty",
            "Write something first.",
        ));
    }
    if text.len() > MAX_TEXT {
        return Err(cards::bad_input(
            "This message is too long",
            format!(
                "It has {} bytes, at most {MAX_TEXT} can be sent. Shorten it.",
                text.len()
            ),
        ));
    }
    let images: usize = attachments.iter().map(|it| it.image.base64.len()).sum();
    if images > MAX_IMAGES {
        return Err(cards::bad_input(
            "These images are too large",
            "At most 15 MB can be sent with one message. Send fewer or smaller ones.",
        ));
    }
    match attachments
        .iter()
        .find(|it| !IMAGE_TYPES.contains(&it.image.media_type.as_str()))
    {
        Some(other) => Err(cards::bad_input(
            "This file cannot be sent",
            format!(
                "“{}” is {}; PNG, JPEG, WebP and GIF images can be sent.",
                other.name, other.image.media_type
            ),
        )),
        None => Ok(()),
    }
}

/// Of two changes of a summary, made one after the other, what is to be told.
fn later<T, E>(first: Result<Option<T>, E>, second: Result<Option<T>, E>) -> Result<Option<T>, E> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok(second.or(first)),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}
