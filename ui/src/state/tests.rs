//! The fold: whatever way events reach the window (live, replayed, merged, cut by a snapshot), it shows what the core holds.

use leptos::prelude::{GetUntracked, Owner, WithUntracked};
use nexus_protocol::{
    AnswerMeta, Delta, ErrorAction, ErrorCard, ErrorCode, Event, EventMsg, Item, ItemBody, ItemId,
    ItemStatus, ModelActivity, ModelRef, NoticeLevel, SessionActivity, SessionId, SessionSummary,
    Snapshot, TitleSource, ToolResult, TurnId, UnixMillis, Usage,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Load, OpenSession, Outcome, Store};

fn session_id() -> SessionId {
    SessionId(Uuid::from_u128(7))
}

fn summary(id: u128, updated_at: i64) -> SessionSummary {
    SessionSummary {
        id: SessionId(Uuid::from_u128(id)),
        title: format!("chat {id}"),
        title_source: TitleSource::FirstWords,
        model: None,
        created_at: UnixMillis(0),
        updated_at: UnixMillis(updated_at),
    }
}

/// What the core does, in small: it holds the items and says each change as an event.
#[derive(Clone, Debug)]
struct Core {
    items: Vec<Item>,
    seq: u64,
    activity: SessionActivity,
    next_id: u128,
    next_position: u32,
}

/// One step of the core, as a test chooses it.
#[derive(Clone, Debug)]
enum Step {
    Begin,
    User(String),
    Answer,
    Think,
    Call,
    Grow(usize, String),
    GrowArguments(usize, String),
    Finish(usize, bool),
    Fail,
    Remove(usize),
    Wait,
    End,
}

impl Core {
    fn new() -> Self {
        Self {
            items: Vec::new(),
            seq: 0,
            activity: SessionActivity::Idle,
            next_id: 1,
            next_position: 0,
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            session: summary(7, 1),
            items: self.items.clone(),
            last_seq: self.seq,
            activity: self.activity,
        }
    }

    fn event(&mut self, msg: EventMsg) -> Vec<Event> {
        self.seq += 1;
        vec![Event {
            session: session_id(),
            seq: self.seq,
            msg,
        }]
    }

    fn add(&mut self, status: ItemStatus, body: ItemBody) -> Vec<Event> {
        let item = Item {
            id: ItemId(Uuid::from_u128(self.next_id)),
            session: session_id(),
            turn: TurnId(Uuid::from_u128(1)),
            step: 0,
            position: self.next_position,
            created_at: UnixMillis(5),
            status,
            body,
        };
        self.next_id += 1;
        self.next_position += 1;
        self.items.push(item.clone());
        self.event(EventMsg::ItemAdded { item })
    }

    fn growing(&self, pick: usize) -> Option<usize> {
        let open: Vec<usize> = self
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.status == ItemStatus::InProgress)
            .map(|(at, _)| at)
            .collect();
        (!open.is_empty()).then(|| open[pick % open.len()])
    }

    fn step(&mut self, step: Step) -> Vec<Event> {
        let model = ModelRef("local/a".into());
        match step {
            Step::Begin => {
                let turn = TurnId(Uuid::from_u128(1));
                self.activity = SessionActivity::Running { turn };
                self.event(EventMsg::TurnStarted { turn, model })
            }
            Step::User(text) => self.add(
                ItemStatus::Complete,
                ItemBody::User {
                    text,
                    attachments: Vec::new(),
                },
            ),
            Step::Answer => self.add(
                ItemStatus::InProgress,
                ItemBody::Assistant {
                    text: String::new(),
                    model,
                    meta: None,
                },
            ),
            Step::Think => self.add(
                ItemStatus::InProgress,
                ItemBody::Thinking {
                    text: String::new(),
                    duration_ms: None,
                },
            ),
            Step::Call => self.add(
                ItemStatus::InProgress,
                ItemBody::ToolCall {
                    call_id: "c".into(),
                    name: "calculate".into(),
                    arguments: String::new(),
                    result: None,
                },
            ),
            Step::Grow(pick, more) => {
                let Some(at) = self.growing(pick) else {
                    return Vec::new();
                };
                let id = self.items[at].id;
                let offset = match &mut self.items[at].body {
                    ItemBody::Assistant { text, .. } | ItemBody::Thinking { text, .. } => {
                        let offset = text.len() as u64;
                        text.push_str(&more);
                        offset
                    }
                    _ => return Vec::new(),
                };
                self.event(EventMsg::ItemDelta {
                    item: id,
                    offset,
                    delta: Delta::Text { text: more },
                })
            }
            Step::GrowArguments(pick, more) => {
                let Some(at) = self.growing(pick) else {
                    return Vec::new();
                };
                let id = self.items[at].id;
                let ItemBody::ToolCall { arguments, .. } = &mut self.items[at].body else {
                    return Vec::new();
                };
                let offset = arguments.len() as u64;
                arguments.push_str(&more);
                self.event(EventMsg::ItemDelta {
                    item: id,
                    offset,
                    delta: Delta::Arguments { text: more },
                })
            }
            Step::Finish(pick, well) => {
                let Some(at) = self.growing(pick) else {
                    return Vec::new();
                };
                let item = &mut self.items[at];
                item.status = if well {
                    ItemStatus::Complete
                } else {
                    ItemStatus::Interrupted
                };
                match &mut item.body {
                    ItemBody::Assistant { meta, .. } => {
                        *meta = Some(AnswerMeta {
                            usage: Some(Usage::default()),
                            time_to_first_token_ms: Some(3),
                            duration_ms: 4,
                            tokens_per_second: None,
                            finish: None,
                        });
                    }
                    ItemBody::Thinking { duration_ms, .. } => *duration_ms = Some(9),
                    ItemBody::ToolCall { result, .. } => {
                        *result = Some(ToolResult {
                            ok: well,
                            output: "4".into(),
                            summary: "4".into(),
                            duration_ms: 1,
                        });
                    }
                    _ => {}
                }
                let item = item.clone();
                self.event(EventMsg::ItemCompleted { item })
            }
            Step::Fail => {
                let card = card();
                let mut events = self.add(
                    ItemStatus::Complete,
                    ItemBody::Notice {
                        level: NoticeLevel::Error,
                        text: "It broke".into(),
                        error: Some(card.clone()),
                    },
                );
                self.activity = SessionActivity::Idle;
                events.extend(self.event(EventMsg::TurnFailed {
                    turn: TurnId(Uuid::from_u128(1)),
                    error: card,
                }));
                events
            }
            Step::Remove(pick) => {
                if self.items.is_empty() {
                    return Vec::new();
                }
                let at = pick % self.items.len();
                let item = self.items.remove(at).id;
                self.event(EventMsg::ItemRemoved { item })
            }
            Step::Wait => self.event(EventMsg::ModelActivity {
                activity: ModelActivity::Waiting,
            }),
            Step::End => {
                self.activity = SessionActivity::Idle;
                self.event(EventMsg::TurnCompleted {
                    turn: TurnId(Uuid::from_u128(1)),
                    usage: Usage::default(),
                })
            }
        }
    }
}

fn card() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::ProviderDown,
        "It broke",
        "Try again.",
        ErrorAction::Retry,
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Begin),
        "[aé€🦀 ]{0,4}".prop_map(Step::User),
        Just(Step::Answer),
        Just(Step::Think),
        Just(Step::Call),
        (any::<usize>(), "[aé€🦀\n]{1,6}").prop_map(|(at, text)| Step::Grow(at, text)),
        (any::<usize>(), "[aé€🦀\n]{1,6}").prop_map(|(at, text)| Step::Grow(at, text)),
        (any::<usize>(), "[aé{}]{1,4}").prop_map(|(at, text)| Step::GrowArguments(at, text)),
        (any::<usize>(), any::<bool>()).prop_map(|(at, well)| Step::Finish(at, well)),
        Just(Step::Fail),
        any::<usize>().prop_map(Step::Remove),
        Just(Step::Wait),
        Just(Step::End),
    ];
    prop::collection::vec(step, 0..60)
}

/// Neighbouring deltas that meet become one, as the bridge does it where `join` says so.
fn merged(events: &[Event], join: &[bool]) -> Vec<Event> {
    let mut out: Vec<Event> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if join.get(at % join.len().max(1)).copied().unwrap_or(false)
            && let Some(last) = out.last_mut()
            && let (
                EventMsg::ItemDelta { item, offset, delta: Delta::Text { text } },
                EventMsg::ItemDelta { item: next, offset: at, delta: Delta::Text { text: more } },
            ) = (&mut last.msg, &event.msg)
            && item == next
            && *offset + text.len() as u64 == *at
        {
            text.push_str(more);
            last.seq = event.seq;
            continue;
        }
        out.push(event.clone());
    }
    out
}

fn opened() -> (Store, OpenSession) {
    let store = Store::new();
    let open = OpenSession::new(session_id());
    leptos::prelude::Set::set(&store.open, Some(open.clone()));
    (store, open)
}

proptest! {
    #[test]
    fn events_and_snapshots_fold_to_the_same(
        steps in steps(),
        cut in any::<prop::sample::Index>(),
        back in 0_usize..12,
        join in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let owner = Owner::new();
        owner.set();
        let mut core = Core::new();
        let cut = cut.index(steps.len() + 1);
        let mut events = Vec::new();
        let mut snapshot = core.snapshot();
        let mut cut_at = 0;
        for (at, step) in steps.into_iter().enumerate() {
            if at == cut {
                snapshot = core.snapshot();
                cut_at = events.len();
            }
            events.extend(core.step(step));
        }

        // Live from the start.
        let (store, open) = opened();
        prop_assert_eq!(store.restore(Core::new().snapshot()), Outcome::Done);
        for event in &events {
            prop_assert_eq!(store.apply(event.clone()), Outcome::Done);
        }
        prop_assert_eq!(open.items(), core.items.clone());
        prop_assert_eq!(open.activity.get_untracked(), core.activity);

        // All of it again changes nothing.
        for event in &events {
            prop_assert_eq!(store.apply(event.clone()), Outcome::Done);
        }
        prop_assert_eq!(open.items(), core.items.clone());

        // A snapshot in the middle, then events that overlap it, some of them merged across it.
        let from = cut_at.saturating_sub(back);
        let (store, open) = opened();
        prop_assert_eq!(store.restore(snapshot.clone()), Outcome::Done);
        for event in merged(&events[from..], &join) {
            prop_assert_eq!(store.apply(event), Outcome::Done);
        }
        prop_assert_eq!(open.items(), core.items.clone());

        // The same while the snapshot is still on the way: what comes meanwhile waits for it.
        let (store, open) = opened();
        let tail = merged(&events[from..], &join);
        for event in &tail {
            prop_assert_eq!(store.apply(event.clone()), Outcome::Done);
        }
        prop_assert_eq!(open.items(), Vec::new());
        prop_assert_eq!(store.restore(snapshot), Outcome::Done);
        prop_assert_eq!(open.items(), core.items.clone());
        prop_assert_eq!(open.load.get_untracked(), Load::Ready);
    }

    #[test]
    fn a_lost_delta_asks_for_a_snapshot_which_heals(
        pieces in prop::collection::vec("[aé€🦀]{1,5}", 2..20),
        lost in any::<prop::sample::Index>(),
    ) {
        let owner = Owner::new();
        owner.set();
        let mut core = Core::new();
        let (store, open) = opened();
        store.restore(core.snapshot());
        let mut events = core.step(Step::Answer);
        for piece in &pieces {
            events.extend(core.step(Step::Grow(0, piece.clone())));
        }
        // The last delta is kept: only what follows a hole can show it.
        events.remove(1 + lost.index(pieces.len() - 1));
        let outcomes: Vec<Outcome> = events.into_iter().map(|event| store.apply(event)).collect();
        prop_assert_eq!(outcomes.iter().filter(|o| **o == Outcome::NeedsSnapshot).count(), 1);
        prop_assert_eq!(store.restore(core.snapshot()), Outcome::Done);
        prop_assert_eq!(open.items(), core.items);
    }
}

#[test]
fn a_delta_wakes_its_own_row_only() {
    let owner = Owner::new();
    owner.set();
    let mut core = Core::new();
    let (store, open) = opened();
    store.restore(core.snapshot());
    for step in [Step::Answer, Step::Answer, Step::Grow(1, "one".into())] {
        for event in core.step(step) {
            store.apply(event);
        }
    }
    let rows = open.rows.get_untracked();
    // The rows themselves stay: a snapshot that says the same replaces none.
    store.restore(core.snapshot());
    let after = open.rows.get_untracked();
    for (row, same) in rows.iter().zip(&after) {
        let (super::RowBody::Assistant { text: a, .. }, super::RowBody::Assistant { text: b, .. }) =
            (&row.body, &same.body)
        else {
            panic!("both are answers");
        };
        assert_eq!(a, b, "the signal is the same one");
    }
    assert_eq!(open.items(), core.items);
}

#[test]
fn a_turn_that_broke_off_leaves_its_card_until_the_next_one() {
    let owner = Owner::new();
    owner.set();
    let mut core = Core::new();
    let (store, open) = opened();
    store.restore(core.snapshot());
    let turn = TurnId(Uuid::from_u128(1));
    for msg in [
        EventMsg::TurnStarted {
            turn,
            model: ModelRef("local/a".into()),
        },
        EventMsg::TurnInterrupted {
            turn,
            error: Some(card()),
        },
    ] {
        for event in core.event(msg) {
            store.apply(event);
        }
    }
    assert_eq!(open.broken_off.get_untracked(), Some(card()));
    assert!(!open.is_running());
    assert_eq!(store.announcement.get_untracked(), "The answer was stopped");
    for event in core.step(Step::Begin) {
        store.apply(event);
    }
    assert_eq!(open.broken_off.get_untracked(), None);
    assert!(store.running.with_untracked(|all| all.contains(&session_id())));
}

#[test]
fn sessions_keep_their_order_whatever_way_they_come() {
    let owner = Owner::new();
    owner.set();
    let store = Store::new();
    store.list(vec![summary(1, 10), summary(2, 30), summary(3, 20)]);
    let ids = |store: &Store| -> Vec<u128> {
        store
            .sessions
            .with_untracked(|rows| rows.iter().map(|row| row.id.0.as_u128()).collect())
    };
    assert_eq!(ids(&store), [2, 3, 1]);
    store.apply(Event {
        session: SessionId(Uuid::from_u128(1)),
        seq: 1,
        msg: EventMsg::SessionChanged {
            summary: summary(1, 40),
        },
    });
    assert_eq!(ids(&store), [1, 2, 3]);
    store.apply(Event {
        session: SessionId(Uuid::from_u128(2)),
        seq: 1,
        msg: EventMsg::SessionDeleted,
    });
    assert_eq!(ids(&store), [1, 3]);
    store.put(summary(2, 35));
    assert_eq!(ids(&store), [1, 2, 3]);
}

#[test]
fn events_of_other_sessions_only_move_their_dot() {
    let owner = Owner::new();
    owner.set();
    let (store, open) = opened();
    store.restore(Core::new().snapshot());
    let other = SessionId(Uuid::from_u128(8));
    store.apply(Event {
        session: other,
        seq: 1,
        msg: EventMsg::TurnStarted {
            turn: TurnId(Uuid::from_u128(1)),
            model: ModelRef("local/a".into()),
        },
    });
    assert!(store.running.with_untracked(|all| all.contains(&other)));
    assert_eq!(open.items(), Vec::new());
    assert!(!open.is_running());
    store.apply(Event {
        session: other,
        seq: 2,
        msg: EventMsg::TurnCompleted {
            turn: TurnId(Uuid::from_u128(1)),
            usage: Usage::default(),
        },
    });
    assert!(store.running.with_untracked(std::collections::HashSet::is_empty));
}
