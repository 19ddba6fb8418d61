//! The store: the list of sessions, which of them run or wait, and the open one. [`Store::apply`] is the only writer of what events
//! say; [`Store::list`] and [`Store::put`] take what commands returned, which is the same data by another way.

use leptos::prelude::{ArcRwSignal, GetUntracked, RwSignal, Set, Update, WithUntracked};
use nexus_protocol::{Event, EventMsg, SessionId, SessionState, SessionSummary, Snapshot};

use super::{Attention, OpenSession};

/// What the caller of [`Store::apply`] must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Done,
    /// Get a snapshot of the open session: something is missing.
    NeedsSnapshot,
}

/// One line of the sidebar.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Which.
    pub id: SessionId,
    /// What is known of it.
    pub summary: ArcRwSignal<SessionSummary>,
}

/// Sessions and their items. Copying it copies handles.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// By time of the last word, newest first.
    pub sessions: RwSignal<Vec<SessionRow>>,
    /// Those in which a turn runs or waits for the user.
    pub attention: RwSignal<Attention>,
    /// The one in the window.
    pub open: RwSignal<Option<OpenSession>>,
    /// What a screen reader should hear once.
    pub announcement: RwSignal<String>,
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            sessions: RwSignal::new(Vec::new()),
            attention: RwSignal::new(Attention::default()),
            open: RwSignal::new(None),
            announcement: RwSignal::new(String::new()),
        }
    }

    /// Takes one event in.
    pub fn apply(&self, event: Event) -> Outcome {
        let session = event.session;
        self.attention.maybe_update(|all| all.take(&event));
        match &event.msg {
            EventMsg::ItemAdded { item } | EventMsg::ItemChanged { item }
                if item.body.awaits_approval() =>
            {
                self.announce(session, "Waiting for your answer");
            }
            EventMsg::TurnCompleted { .. } => self.announce(session, "Answer complete"),
            EventMsg::TurnFailed { .. } => self.announce(session, "The answer failed"),
            EventMsg::TurnInterrupted { .. } => self.announce(session, "The answer was stopped"),
            EventMsg::SessionChanged { summary } => self.put(summary.clone()),
            EventMsg::SessionDeleted => self.forget(session),
            _ => {}
        }
        match self.opened(session) {
            Some(open) => open.apply(event),
            None => Outcome::Done,
        }
    }

    /// Takes a snapshot in, where its session is still the open one.
    pub fn restore(&self, snapshot: Snapshot) -> Outcome {
        self.put(snapshot.session.clone());
        self.attention.maybe_update(|all| all.meet(&snapshot));
        match self.opened(snapshot.session.id) {
            Some(open) => open.restore(snapshot),
            None => Outcome::Done,
        }
    }

    /// Takes the whole list of sessions in, and which of them run or wait.
    pub fn list(&self, summaries: Vec<SessionSummary>, states: &[(SessionId, SessionState)]) {
        self.attention.maybe_update(|all| all.begin(states));
        let mut rows: Vec<SessionRow> = summaries.into_iter().map(SessionRow::new).collect();
        sort(&mut rows);
        self.sessions.set(rows);
    }

    /// Adds a session to the list or changes it there.
    pub fn put(&self, summary: SessionSummary) {
        let Some(row) = self.row(summary.id) else {
            self.sessions.update(|rows| {
                rows.push(SessionRow::new(summary));
                sort(rows);
            });
            return;
        };
        let held = row.summary.get_untracked();
        if held == summary {
            return;
        }
        let moved = held.updated_at != summary.updated_at;
        row.summary.set(summary);
        if moved {
            self.sessions.update(|rows| sort(rows));
        }
    }

    /// Takes a session off the list.
    pub fn forget(&self, id: SessionId) {
        self.sessions.update(|rows| rows.retain(|row| row.id != id));
        self.attention.maybe_update(|all| all.forget(id));
        if self.opened(id).is_some() {
            self.open.set(None);
        }
    }

    /// The session's line, where it is in the list.
    pub fn row(&self, id: SessionId) -> Option<SessionRow> {
        self.sessions
            .with_untracked(|rows| rows.iter().find(|row| row.id == id).cloned())
    }

    /// The open session, where it is this one.
    pub fn opened(&self, id: SessionId) -> Option<OpenSession> {
        self.open
            .with_untracked(|open| open.as_ref().filter(|open| open.id == id).cloned())
    }

    fn announce(&self, session: SessionId, words: &str) {
        if self.opened(session).is_some() {
            self.announcement.set(words.to_owned());
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionRow {
    fn new(summary: SessionSummary) -> Self {
        Self {
            id: summary.id,
            summary: ArcRwSignal::new(summary),
        }
    }
}

fn sort(rows: &mut [SessionRow]) {
    rows.sort_by_key(|row| {
        std::cmp::Reverse(
            row.summary
                .with_untracked(|s| (s.updated_at, s.created_at, s.id)),
        )
    });
}
