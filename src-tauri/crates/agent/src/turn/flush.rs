//! Growing items on their way to disk while the stream goes on.
//!
//! Owns one write at a time: at most one is under way, the next takes all that changed meanwhile. Items that took their
//! last form are told only when they are written. Refuses to make the stream wait.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use nexus_protocol::{EventMsg, Item, ItemId};
use nexus_store::{Store, StoreError};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::journal::Journal;

/// How long text may be shown and not on disk.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

pub(super) struct Flusher {
    store: Store,
    journal: Arc<Journal>,
    timer: Interval,
    /// Changed since the last write.
    dirty: Vec<ItemId>,
    /// In their last form, not yet written.
    finals: VecDeque<Item>,
    writing: Option<BoxFuture<'static, Result<Vec<Item>, StoreError>>>,
    /// Whether the next write should not wait for the timer.
    urgent: bool,
}

impl Flusher {
    pub(super) fn new(store: Store, journal: Arc<Journal>) -> Self {
        let mut timer = interval(FLUSH_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            store,
            journal,
            timer,
            dirty: Vec::new(),
            finals: VecDeque::new(),
            writing: None,
            urgent: false,
        }
    }

    /// A new item: it is written at once.
    pub(super) fn added(&mut self, id: ItemId) {
        self.grew(id);
        self.urgent = true;
    }

    /// An item grew: it is written within [`FLUSH_EVERY`].
    pub(super) fn grew(&mut self, id: ItemId) {
        if !self.dirty.contains(&id) {
            self.dirty.push(id);
        }
    }

    /// An item took its last form.
    pub(super) fn completed(&mut self, item: Item) {
        self.dirty.retain(|id| *id != item.id);
        self.finals.push_back(item);
        self.urgent = true;
    }

    /// Writes as it is due; waits for ever where nothing is. Dropping this future loses nothing.
    pub(super) async fn work(&mut self) -> Result<(), StoreError> {
        if self.writing.is_none() {
            if self.dirty.is_empty() && self.finals.is_empty() {
                return std::future::pending().await;
            }
            if !self.urgent {
                self.timer.tick().await;
            }
            self.begin();
        }
        self.written().await
    }

    /// Writes all that is left and `items`, which took their last form, and tells them.
    pub(super) async fn finish(mut self, items: Vec<Item>) -> Result<(), StoreError> {
        self.written().await?;
        for item in items {
            self.completed(item);
        }
        if !self.dirty.is_empty() || !self.finals.is_empty() {
            self.begin();
        }
        self.written().await
    }

    fn begin(&mut self) {
        self.urgent = false;
        self.timer.reset();
        let finals: Vec<Item> = self.finals.drain(..).collect();
        let mut items: Vec<Item> = self
            .dirty
            .drain(..)
            .filter_map(|id| self.journal.item(id))
            .collect();
        items.extend(finals.iter().cloned());
        let store = self.store.clone();
        self.writing = Some(
            async move {
                store.put_items(&items).await?;
                Ok(finals)
            }
            .boxed(),
        );
    }

    async fn written(&mut self) -> Result<(), StoreError> {
        if let Some(writing) = &mut self.writing {
            let result = writing.await;
            self.writing = None;
            for item in result? {
                self.journal.emit(EventMsg::ItemCompleted { item });
            }
        }
        Ok(())
    }
}
