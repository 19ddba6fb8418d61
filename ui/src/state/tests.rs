//! The fold: whatever way events reach the window (live, replayed, merged, cut by a snapshot), it shows what the core holds.

mod agent;
mod script;

use leptos::prelude::{GetUntracked, Owner, WithUntracked};
use nexus_protocol::{Delta, Event, EventMsg, ModelRef, SessionId, SessionState, TurnId, Usage};
use proptest::prelude::*;
use uuid::Uuid;

use self::script::{Core, Step, card, session_id, summary};
use super::{Load, OpenSession, Outcome, Store};

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
        any::<usize>().prop_map(Step::Ask),
        (any::<usize>(), any::<bool>()).prop_map(|(at, well)| Step::Reply(at, well)),
        Just(Step::Compact),
        any::<bool>().prop_map(Step::Undo),
        any::<usize>().prop_map(Step::TakeBack),
        any::<u32>().prop_map(|tokens| Step::Fill(u64::from(tokens))),
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
                EventMsg::ItemDelta {
                    item,
                    offset,
                    delta: Delta::Text { text },
                },
                EventMsg::ItemDelta {
                    item: next,
                    offset: at,
                    delta: Delta::Text { text: more },
                },
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

fn state_of(store: &Store, session: SessionId) -> Option<SessionState> {
    store.attention.with_untracked(|all| all.of(session))
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
        prop_assert_eq!(open.context.get_untracked(), core.context);

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
        prop_assert_eq!(open.context.get_untracked(), core.context);
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
    assert_eq!(state_of(&store, session_id()), Some(SessionState::Running));
}

#[test]
fn sessions_keep_their_order_whatever_way_they_come() {
    let owner = Owner::new();
    owner.set();
    let store = Store::new();
    store.list(vec![summary(1, 10), summary(2, 30), summary(3, 20)], &[]);
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
    assert_eq!(state_of(&store, other), Some(SessionState::Running));
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
    assert_eq!(state_of(&store, other), None);
}
