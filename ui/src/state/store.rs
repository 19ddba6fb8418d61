//! The store: the list of sessions, which of them run, and the open one. [`Store::apply`] is the only writer of what events
//! say; [`Store::list`] and [`Store::put`] take what commands returned, which is the same data by another way.

use std::collections::HashSet;

use leptos::prelude::{ArcRwSignal, GetUntracked, RwSignal, Set, Update, WithUntracked};
use nexus_protocol::{Event, EventMsg, SessionActivity, SessionId, SessionSummary, Snapshot};

use super::OpenSession;

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
    /// Those in which a turn runs.
    pub running: RwSignal<HashSet<SessionId>>,
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
            running: RwSignal::new(HashSet::new()),
            open: RwSignal::new(None),
            announcement: RwSignal::new(String::new()),
        }
    }

    /// Takes one event in.
    pub fn apply(&self, event: Event) -> Outcome {
        let session = event.session;
        match &event.msg {
            EventMsg::TurnStarted { .. } | EventMsg::ItemDelta { .. } => self.mark(session, true),
            EventMsg::TurnCompleted { .. } => self.ended(session, "Answer complete"),
            EventMsg::TurnFailed { .. } => self.ended(session, "The answer failed"),
            EventMsg::TurnInterrupted { .. } => self.ended(session, "The answer was stopped"),
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
        self.mark(
            snapshot.session.id,
            matches!(snapshot.activity, SessionActivity::Running { .. }),
        );
        match self.opened(snapshot.session.id) {
            Some(open) => open.restore(snapshot),
            None => Outcome::Done,
        }
    }

    /// Takes the whole list of sessions in.
    pub fn list(&self, summaries: Vec<SessionSummary>) {
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
        self.mark(id, false);
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

    fn ended(&self, session: SessionId, words: &str) {
        self.mark(session, false);
        if self.opened(session).is_some() {
            self.announcement.set(words.to_owned());
        }
    }

    fn mark(&self, session: SessionId, running: bool) {
        if self.running.with_untracked(|all| all.contains(&session)) != running {
            self.running.update(|all| {
                if running {
                    all.insert(session);
                } else {
                    all.remove(&session);
                }
            });
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
