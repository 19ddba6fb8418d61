//! What the agent at work adds to the state: sessions that wait say so until nothing waits any more; mode, folder, changes.

use leptos::prelude::{GetUntracked, Owner, Set};
use nexus_protocol::{Event, EventMsg, SessionId, SessionState};
use uuid::Uuid;

use super::{
    opened,
    script::{Core, Step, session_id, summary},
    state_of,
};
use crate::state::Store;

fn play(store: &Store, core: &mut Core, steps: impl IntoIterator<Item = Step>) {
    for step in steps {
        for event in core.step(step) {
            store.apply(event);
        }
    }
}

#[test]
fn a_session_waits_until_every_question_is_answered() {
    let owner = Owner::new();
    owner.set();
    let store = Store::new();
    let mut core = Core::new();
    let state = |store: &Store| state_of(store, session_id());
    play(&store, &mut core, [Step::Begin, Step::Call, Step::Call]);
    assert_eq!(state(&store), Some(SessionState::Running));
    play(&store, &mut core, [Step::Ask(0), Step::Ask(1)]);
    assert_eq!(state(&store), Some(SessionState::Waiting));
    play(&store, &mut core, [Step::Reply(0, true)]);
    assert_eq!(state(&store), Some(SessionState::Waiting));
    play(&store, &mut core, [Step::Reply(1, false)]);
    assert_eq!(state(&store), Some(SessionState::Running));
    play(&store, &mut core, [Step::End]);
    assert_eq!(state(&store), None);
}

#[test]
fn what_waited_before_the_window_opened_waits() {
    let owner = Owner::new();
    owner.set();
    let other = SessionId(Uuid::from_u128(8));
    let store = Store::new();
    store.list(
        vec![summary(7, 1), summary(8, 2)],
        &[
            (session_id(), SessionState::Waiting),
            (other, SessionState::Running),
        ],
    );
    assert_eq!(state_of(&store, session_id()), Some(SessionState::Waiting));
    assert_eq!(state_of(&store, other), Some(SessionState::Running));

    // Its question is answered by another window: the first word of it here is the answer.
    let mut core = Core::new();
    for step in [Step::Begin, Step::Call, Step::Ask(0)] {
        core.step(step);
    }
    play(&store, &mut core, [Step::Reply(0, true)]);
    assert_eq!(state_of(&store, session_id()), Some(SessionState::Running));
}

#[test]
fn a_snapshot_says_what_waits() {
    let owner = Owner::new();
    owner.set();
    let (store, _open) = opened();
    let mut core = Core::new();
    for step in [Step::Begin, Step::Call, Step::Ask(0)] {
        core.step(step);
    }
    store.restore(core.snapshot());
    assert_eq!(state_of(&store, session_id()), Some(SessionState::Waiting));
    // A turn that was broken off leaves nothing to answer.
    play(&store, &mut core, [Step::Finish(0, false), Step::End]);
    assert_eq!(state_of(&store, session_id()), None);
    store.restore(core.snapshot());
    assert_eq!(state_of(&store, session_id()), None);
}

#[test]
fn a_question_in_the_open_chat_is_announced() {
    let owner = Owner::new();
    owner.set();
    let (store, open) = opened();
    let mut core = Core::new();
    store.restore(core.snapshot());
    play(&store, &mut core, [Step::Begin, Step::Call, Step::Ask(0)]);
    assert_eq!(
        store.announcement.get_untracked(),
        "Waiting for your answer"
    );
    assert_eq!(open.items(), core.items);
}

#[test]
fn a_session_that_is_deleted_asks_for_nothing() {
    let owner = Owner::new();
    owner.set();
    let store = Store::new();
    let mut core = Core::new();
    play(&store, &mut core, [Step::Begin]);
    store.apply(Event {
        session: session_id(),
        seq: 99,
        msg: EventMsg::SessionDeleted,
    });
    assert_eq!(state_of(&store, session_id()), None);
}

#[test]
fn mode_and_folder_are_the_session_s_or_the_new_chat_s() {
    use crate::state::App;
    use nexus_protocol::Mode;

    let owner = Owner::new();
    owner.set();
    let app = App::new();
    app.view.new_mode.set(Mode::Plan);
    app.view.new_folder.set(Some("/home/me/a".into()));
    assert_eq!(app.mode(), Mode::Plan);
    assert_eq!(app.folder().as_deref(), Some("/home/me/a"));

    let mut known = summary(7, 1);
    known.mode = Mode::Edits;
    known.folder = Some("/home/me/b".into());
    app.store.put(known);
    app.store
        .open
        .set(Some(crate::state::OpenSession::new(session_id())));
    assert_eq!(app.mode(), Mode::Edits);
    assert_eq!(app.folder().as_deref(), Some("/home/me/b"));
}

#[test]
fn a_list_of_changes_that_was_overtaken_is_not_taken() {
    use crate::state::Loaded;

    let owner = Owner::new();
    owner.set();
    let (_store, open) = opened();
    let first = open.ask_changes();
    assert_eq!(open.changes.get_untracked(), Loaded::Loading);
    let second = open.ask_changes();
    open.take_changes(second, Ok(Vec::new()));
    open.take_changes(first, Err(super::script::card()));
    assert_eq!(
        open.changes.get_untracked(),
        Loaded::Ready {
            value: Vec::new(),
            refreshing: false
        }
    );
}
