//! The state of a session in memory: the fold of its own events.
//!
//! Owns the sequence numbers and the one place where an event is numbered, applied and sent, in one step, so that a
//! snapshot and the events after it always fit together. Refuses to write to disk: callers do that first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_protocol::{
    Delta, Event, EventMsg, Item, ItemBody, ItemId, ItemStatus, SessionActivity, SessionSummary,
    Snapshot, TurnId,
};

use crate::EventSink;

/// Shared by the actor and its running turn.
pub(crate) struct Journal {
    events: Arc<dyn EventSink>,
    state: Mutex<Snapshot>,
}

impl Journal {
    pub(crate) fn new(summary: SessionSummary, events: Arc<dyn EventSink>) -> Self {
        Self {
            events,
            state: Mutex::new(Snapshot {
                session: summary,
                items: Vec::new(),
                last_seq: 0,
                activity: SessionActivity::Idle,
                context: None,
            }),
        }
    }

    /// Puts in what the store has; before the first event about items.
    pub(crate) fn load(&self, items: Vec<Item>) {
        self.lock().items = items;
    }

    /// Numbers, applies and sends.
    pub(crate) fn emit(&self, msg: EventMsg) {
        self.emit_locked(&mut self.lock(), msg);
    }

    /// The session's summary changed. Two changes of the store may be told in the other order: a title never gives way to one
    /// of a lesser source, and time does not go back.
    pub(crate) fn change(&self, mut summary: SessionSummary) {
        let mut state = self.lock();
        let known = &state.session;
        if summary.title_source < known.title_source {
            summary.title.clone_from(&known.title);
            summary.title_source = known.title_source;
        }
        summary.updated_at = summary.updated_at.max(known.updated_at);
        self.emit_locked(&mut state, EventMsg::SessionChanged { summary });
    }

    /// An item grows by `delta`.
    pub(crate) fn grow(&self, item: ItemId, delta: Delta) {
        let mut state = self.lock();
        let known = state.items.iter().rev().find(|known| known.id == item);
        let offset = known.map_or(0, |known| length(&known.body, &delta));
        let msg = EventMsg::ItemDelta {
            item,
            offset: offset as u64,
            delta,
        };
        self.emit_locked(&mut state, msg);
    }

    fn emit_locked(&self, state: &mut Snapshot, msg: EventMsg) {
        state.last_seq += 1;
        apply(state, &msg);
        // Sent under the lock: two events must not overtake each other.
        self.events.send(Event {
            session: state.session.id,
            seq: state.last_seq,
            msg,
        });
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.lock().clone()
    }

    pub(crate) fn summary(&self) -> SessionSummary {
        self.lock().session.clone()
    }

    /// Reads the items without copying them. `read` must be short: events wait meanwhile.
    pub(crate) fn with_items<T>(&self, read: impl FnOnce(&[Item]) -> T) -> T {
        read(&self.lock().items)
    }

    pub(crate) fn item(&self, id: ItemId) -> Option<Item> {
        let state = self.lock();
        state.items.iter().rev().find(|item| item.id == id).cloned()
    }

    /// Items that still grow, or wait to.
    pub(crate) fn open_items(&self) -> Vec<Item> {
        let state = self.lock();
        let open =
            |item: &&Item| matches!(item.status, ItemStatus::InProgress | ItemStatus::Queued);
        state.items.iter().filter(open).cloned().collect()
    }

    pub(crate) fn next_position(&self) -> u32 {
        let state = self.lock();
        let last = state.items.last();
        last.map_or(0, |item| item.position.saturating_add(1))
    }

    /// The step after the last one of `turn`.
    pub(crate) fn next_step(&self, turn: TurnId) -> u32 {
        let state = self.lock();
        let steps = state.items.iter().filter(|item| item.turn == turn);
        steps
            .map(|item| item.step.saturating_add(1))
            .max()
            .unwrap_or(0)
    }

    /// The running turn.
    pub(crate) fn running(&self) -> Option<TurnId> {
        match self.lock().activity {
            SessionActivity::Running { turn } => Some(turn),
            SessionActivity::Idle => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Snapshot> {
        // Nothing in here leaves the state half changed when it panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an event does to a session. Front ends fold the same way.
fn apply(state: &mut Snapshot, msg: &EventMsg) {
    match msg {
        EventMsg::TurnStarted { turn, .. } => {
            state.activity = SessionActivity::Running { turn: *turn };
        }
        EventMsg::ItemAdded { item } => state.items.push(item.clone()),
        EventMsg::ItemDelta { item, delta, .. } => {
            // The item that grows is among the last ones.
            if let Some(item) = state.items.iter_mut().rev().find(|it| it.id == *item) {
                grow(&mut item.body, delta);
            }
        }
        EventMsg::ItemCompleted { item } | EventMsg::ItemChanged { item } => {
            if let Some(place) = state.items.iter_mut().rev().find(|it| it.id == item.id) {
                place.clone_from(item);
            }
        }
        EventMsg::ItemRemoved { item } => state.items.retain(|it| it.id != *item),
        EventMsg::TurnCompleted { .. }
        | EventMsg::TurnFailed { .. }
        | EventMsg::TurnInterrupted { .. } => state.activity = SessionActivity::Idle,
        EventMsg::SessionChanged { summary } => state.session = summary.clone(),
        EventMsg::ContextUsed { context } => state.context = Some(*context),
        EventMsg::ModelActivity { .. }
        | EventMsg::FilesChanged { .. }
        | EventMsg::SessionDeleted => {}
    }
}

/// Bytes of what `delta` appends to.
fn length(body: &ItemBody, delta: &Delta) -> usize {
    match (body, delta) {
        (
            ItemBody::Assistant { text, .. } | ItemBody::Thinking { text, .. },
            Delta::Text { .. },
        ) => text.len(),
        (ItemBody::ToolCall { arguments, .. }, Delta::Arguments { .. }) => arguments.len(),
        (ItemBody::ToolCall { output, .. }, Delta::Text { .. }) => output.len(),
        _ => 0,
    }
}

fn grow(body: &mut ItemBody, delta: &Delta) {
    match (body, delta) {
        (
            ItemBody::Assistant { text, .. } | ItemBody::Thinking { text, .. },
            Delta::Text { text: more },
        ) => text.push_str(more),
        (ItemBody::ToolCall { arguments, .. }, Delta::Arguments { text: more }) => {
            arguments.push_str(more);
        }
        (ItemBody::ToolCall { output, .. }, Delta::Text { text: more }) => output.push_str(more),
        // Other pairs never are sent.
        _ => {}
    }
}
