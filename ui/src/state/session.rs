//! The open session: its rows, what it is doing, and the rules by which events and snapshots change them.
//!
//! Owns order, duplicates and gaps. Refuses to fetch: it says when a snapshot is needed, the feed gets one.

use std::collections::HashMap;

use leptos::prelude::{
    ArcRwSignal, ArcStoredValue, GetUntracked, Set, Update, UpdateValue, WithUntracked, WithValue,
};
use nexus_protocol::{
    ContextUse, ErrorCard, Event, EventMsg, FileChange, Item, ItemId, ModelActivity,
    SessionActivity, SessionId, Snapshot,
};

use super::{Appended, Loaded, Outcome, Row};

/// Whether the session can be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// Its first snapshot is on the way.
    Loading,
    /// It is here.
    Ready,
    /// It could not be read.
    Failed(ErrorCard),
}

/// The session in the window.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Which.
    pub id: SessionId,
    /// Its items, by position. Changes when items come and go, not when one grows.
    pub rows: ArcRwSignal<Vec<Row>>,
    /// Whether a turn runs.
    pub activity: ArcRwSignal<SessionActivity>,
    /// Whether the user said stop and the turn has not ended yet.
    pub stopping: ArcRwSignal<bool>,
    /// What the model is at before its first word.
    pub phase: ArcRwSignal<Option<ModelActivity>>,
    /// Why the last turn was broken off, where it was not the user.
    pub broken_off: ArcRwSignal<Option<ErrorCard>>,
    /// Whether it can be shown.
    pub load: ArcRwSignal<Load>,
    /// What filled the model's context at the last call.
    pub context: ArcRwSignal<Option<ContextUse>>,
    /// Files that the agent changed: what the core last listed.
    pub changes: ArcRwSignal<Loaded<Vec<FileChange>>>,
    cursor: ArcStoredValue<Cursor>,
    /// How often the list of changes was asked for: an answer that was overtaken is not taken.
    asked: ArcStoredValue<u64>,
}

#[derive(Debug, Default)]
struct Cursor {
    /// Where each item's row is.
    index: HashMap<ItemId, usize>,
    /// The last event that is contained in the rows.
    last_seq: u64,
    /// While a snapshot is on the way: the events that came meanwhile.
    waiting: Option<Vec<Event>>,
}

impl OpenSession {
    /// A session that waits for its first snapshot.
    pub fn new(id: SessionId) -> Self {
        Self {
            id,
            rows: ArcRwSignal::new(Vec::new()),
            activity: ArcRwSignal::new(SessionActivity::Idle),
            stopping: ArcRwSignal::new(false),
            phase: ArcRwSignal::new(None),
            broken_off: ArcRwSignal::new(None),
            load: ArcRwSignal::new(Load::Loading),
            context: ArcRwSignal::new(None),
            changes: ArcRwSignal::new(Loaded::Unasked),
            cursor: ArcStoredValue::new(Cursor {
                waiting: Some(Vec::new()),
                ..Cursor::default()
            }),
            asked: ArcStoredValue::new(0),
        }
    }

    /// Whether a turn runs, without subscribing.
    pub fn is_running(&self) -> bool {
        matches!(
            self.activity.get_untracked(),
            SessionActivity::Running { .. }
        )
    }

    /// Says that the list of changes is on the way, and gives a number for its answer. What is shown stays until then.
    pub fn ask_changes(&self) -> u64 {
        self.changes.set(match self.changes.get_untracked() {
            Loaded::Ready { value, .. } => Loaded::Ready {
                value,
                refreshing: true,
            },
            _ => Loaded::Loading,
        });
        self.asked
            .try_update_value(|asked| {
                *asked += 1;
                *asked
            })
            .unwrap_or_default()
    }

    /// Takes the list of changes that was asked for under a number, unless it was asked for again since.
    pub fn take_changes(&self, number: u64, answer: Result<Vec<FileChange>, ErrorCard>) {
        if self.asked.with_value(|asked| *asked != number) {
            return;
        }
        self.changes.set(match answer {
            Ok(value) => Loaded::Ready {
                value,
                refreshing: false,
            },
            Err(card) => Loaded::Failed(card),
        });
    }

    /// All items as they are shown.
    pub fn items(&self) -> Vec<Item> {
        self.rows
            .with_untracked(|rows| rows.iter().map(Row::item).collect())
    }

    /// Takes one event in. The cost does not depend on how much was said before.
    pub fn apply(&self, event: Event) -> Outcome {
        let mut event = Some(event);
        let fresh = self.cursor.try_update_value(|cursor| {
            if let Some(waiting) = &mut cursor.waiting {
                waiting.extend(event.take());
                return false;
            }
            event
                .as_ref()
                .is_some_and(|event| event.seq > cursor.last_seq)
        });
        match event {
            Some(event) if fresh == Some(true) => {
                let seq = event.seq;
                let outcome = self.take(event.msg);
                self.cursor.update_value(|cursor| match outcome {
                    Outcome::NeedsSnapshot => cursor.waiting = Some(Vec::new()),
                    Outcome::Done => cursor.last_seq = seq,
                });
                outcome
            }
            _ => Outcome::Done,
        }
    }

    /// Takes a snapshot in, then the events that came while it was on the way. Rows that stay keep their place in the page.
    pub fn restore(&self, snapshot: Snapshot) -> Outcome {
        let mut rows = Vec::with_capacity(snapshot.items.len());
        for item in snapshot.items {
            let kept = self.row(item.id).filter(|row| row.replace(&item));
            rows.push(kept.unwrap_or_else(|| Row::new(item)));
        }
        let waiting = self
            .cursor
            .try_update_value(|cursor| {
                cursor.index = positions(&rows);
                cursor.last_seq = snapshot.last_seq;
                cursor.waiting.take()
            })
            .flatten()
            .unwrap_or_default();
        self.rows.set(rows);
        if snapshot.activity == SessionActivity::Idle {
            self.stopping.set(false);
        }
        self.activity.set(snapshot.activity);
        self.context.set(snapshot.context);
        self.load.set(Load::Ready);
        let mut outcome = Outcome::Done;
        for event in waiting {
            if self.apply(event) == Outcome::NeedsSnapshot {
                outcome = Outcome::NeedsSnapshot;
            }
        }
        outcome
    }

    fn take(&self, msg: EventMsg) -> Outcome {
        match msg {
            EventMsg::TurnStarted { turn, .. } => {
                self.activity.set(SessionActivity::Running { turn });
                self.stopping.set(false);
                self.phase.set(None);
                self.broken_off.set(None);
            }
            EventMsg::ItemAdded { item }
            | EventMsg::ItemChanged { item }
            | EventMsg::ItemCompleted { item } => {
                if !matches!(item.body, nexus_protocol::ItemBody::User { .. }) {
                    self.calm();
                }
                self.put(item);
            }
            EventMsg::ItemDelta {
                item,
                offset,
                delta,
            } => {
                self.calm();
                let appended = self.row(item).map(|row| row.append(offset, &delta));
                if !matches!(appended, Some(Appended::Grew | Appended::Known)) {
                    return Outcome::NeedsSnapshot;
                }
            }
            EventMsg::ItemRemoved { item } => self.remove(item),
            EventMsg::ModelActivity { activity } => self.phase.set(Some(activity)),
            EventMsg::TurnCompleted { .. } | EventMsg::TurnFailed { .. } => self.rest(None),
            EventMsg::TurnInterrupted { error, .. } => self.rest(error),
            EventMsg::ContextUsed { context } => self.context.set(Some(context)),
            // The feed asks for the list itself: the number alone shows nothing.
            EventMsg::FilesChanged { .. }
            | EventMsg::SessionChanged { .. }
            | EventMsg::SessionDeleted => {}
        }
        Outcome::Done
    }

    fn row(&self, id: ItemId) -> Option<Row> {
        let place = self
            .cursor
            .with_value(|cursor| cursor.index.get(&id).copied())?;
        self.rows.with_untracked(|rows| rows.get(place).cloned())
    }

    fn put(&self, item: Item) {
        let place = self
            .cursor
            .with_value(|cursor| cursor.index.get(&item.id).copied());
        if let Some(row) = self.row(item.id) {
            if !row.replace(&item) {
                self.rows.update(|rows| {
                    if let Some(place) = place.and_then(|place| rows.get_mut(place)) {
                        *place = Row {
                            version: row.version + 1,
                            ..Row::new(item)
                        };
                    }
                });
            }
            return;
        }
        let row = Row::new(item);
        let at_end = self
            .rows
            .with_untracked(|rows| rows.last().is_none_or(|last| last.position <= row.position));
        if at_end {
            let place = self.rows.with_untracked(Vec::len);
            self.cursor.update_value(|cursor| {
                cursor.index.insert(row.id, place);
            });
            self.rows.update(|rows| rows.push(row));
        } else {
            self.rows.update(|rows| {
                let place = rows.partition_point(|other| other.position <= row.position);
                rows.insert(place, row);
            });
            self.reindex();
        }
    }

    fn remove(&self, id: ItemId) {
        let known = self
            .cursor
            .with_value(|cursor| cursor.index.contains_key(&id));
        if known {
            self.rows.update(|rows| rows.retain(|row| row.id != id));
            self.reindex();
        }
    }

    fn reindex(&self) {
        let index = self.rows.with_untracked(|rows| positions(rows));
        self.cursor.update_value(|cursor| cursor.index = index);
    }

    /// The model speaks: what it did before does not matter any more.
    fn calm(&self) {
        if self.phase.with_untracked(Option::is_some) {
            self.phase.set(None);
        }
    }

    fn rest(&self, error: Option<ErrorCard>) {
        self.activity.set(SessionActivity::Idle);
        self.stopping.set(false);
        self.phase.set(None);
        self.broken_off.set(error);
    }
}

fn positions(rows: &[Row]) -> HashMap<ItemId, usize> {
    rows.iter()
        .enumerate()
        .map(|(place, row)| (row.id, place))
        .collect()
}
