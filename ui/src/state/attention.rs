//! Which sessions run and which wait for the user: the dots of the sidebar, a fold of all sessions' events.
//!
//! Plain data. Refuses to know items: it keeps the ids of the calls that wait, nothing of what they are.

use std::collections::{HashMap, HashSet};

use nexus_protocol::{
    Event, EventMsg, Item, ItemBody, ItemId, ItemStatus, SessionActivity, SessionId, SessionState,
    Snapshot,
};

/// Sessions that run or wait; those that rest are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    sessions: HashMap<SessionId, Asked>,
}

/// What a running session asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    /// The calls that wait.
    calls: HashSet<ItemId>,
    /// Something waited when the window opened; which call it is was not said.
    before: bool,
}

impl Attention {
    /// Why a session wants attention.
    pub fn of(&self, session: SessionId) -> Option<SessionState> {
        self.sessions.get(&session).map(|asked| {
            if asked.before || !asked.calls.is_empty() {
                SessionState::Waiting
            } else {
                SessionState::Running
            }
        })
    }

    /// Takes in what the core said at the start. Events that came before it know better. Says whether anything changed.
    pub fn begin(&mut self, states: &[(SessionId, SessionState)]) -> bool {
        let mut changed = false;
        for (session, state) in states {
            self.sessions.entry(*session).or_insert_with(|| {
                changed = true;
                Asked {
                    calls: HashSet::new(),
                    before: *state == SessionState::Waiting,
                }
            });
        }
        changed
    }

    /// Takes an event in. Says whether anything changed: deltas come by the hundred and change nothing.
    pub fn take(&mut self, event: &Event) -> bool {
        let session = event.session;
        match &event.msg {
            EventMsg::TurnStarted { .. } => {
                let fresh = Asked::default();
                self.sessions.insert(session, fresh.clone()) != Some(fresh)
            }
            EventMsg::ItemDelta { .. } => {
                if self.sessions.contains_key(&session) {
                    return false;
                }
                self.sessions.insert(session, Asked::default());
                true
            }
            EventMsg::ItemAdded { item }
            | EventMsg::ItemChanged { item }
            | EventMsg::ItemCompleted { item } => self.note(item),
            EventMsg::ItemRemoved { item } => self
                .sessions
                .get_mut(&session)
                .is_some_and(|asked| asked.calls.remove(item)),
            EventMsg::TurnCompleted { .. }
            | EventMsg::TurnFailed { .. }
            | EventMsg::TurnInterrupted { .. }
            | EventMsg::SessionDeleted => self.forget(session),
            _ => false,
        }
    }

    /// Takes a session as it stands. Says whether anything changed.
    pub fn meet(&mut self, snapshot: &Snapshot) -> bool {
        let calls: HashSet<ItemId> = snapshot
            .items
            .iter()
            .filter(|item| waits(item))
            .map(|item| item.id)
            .collect();
        let session = snapshot.session.id;
        if snapshot.activity == SessionActivity::Idle && calls.is_empty() {
            return self.forget(session);
        }
        let asked = Asked {
            calls,
            before: false,
        };
        self.sessions.insert(session, asked.clone()) != Some(asked)
    }

    /// A session rests, or is gone. Says whether anything changed.
    pub fn forget(&mut self, session: SessionId) -> bool {
        self.sessions.remove(&session).is_some()
    }

    fn note(&mut self, item: &Item) -> bool {
        if !matches!(
            item.body,
            ItemBody::ToolCall { .. } | ItemBody::Offer { .. }
        ) {
            return false;
        }
        if waits(item) {
            let asked = self.sessions.entry(item.session).or_default();
            return asked.calls.insert(item.id);
        }
        self.sessions.get_mut(&item.session).is_some_and(|asked| {
            let known = asked.calls.remove(&item.id);
            std::mem::take(&mut asked.before) || known
        })
    }
}

/// What was broken off waits for nobody.
fn waits(item: &Item) -> bool {
    item.status == ItemStatus::InProgress && item.body.awaits_answer()
}
