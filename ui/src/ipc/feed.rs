//! The event pump: whole batches from the channel into the store, snapshots where something is missing, and the stopwatch.

use std::cell::Cell;

use leptos::task::{spawn_local, tick};
use nexus_protocol::{ErrorCard, Event, EventMsg, SessionId};

use super::client;
use crate::state::{Load, Outcome, Store, perf};
use leptos::prelude::Set;

thread_local! {
    /// Whether a stopwatch runs already: batches that are drawn together are timed together.
    static DRAWING: Cell<bool> = const { Cell::new(false) };
}

/// Starts the stream of events. Returns when the core took the subscription.
///
/// # Errors
/// The core's card where it refused.
pub async fn start(store: Store) -> Result<(), ErrorCard> {
    client::subscribe(move |events| take(store, events)).await
}

/// Gets a snapshot into the open session, and again while events outran it.
pub async fn refresh(store: Store, session: SessionId) {
    // Three in a row means that what the core sends does not add up; a fourth would not either.
    for _attempt in 0..3 {
        match client::snapshot(session).await {
            Ok(snapshot) => {
                if store.restore(snapshot) == Outcome::Done {
                    return;
                }
            }
            Err(card) => {
                if let Some(open) = store.opened(session) {
                    open.load.set(Load::Failed(card));
                }
                return;
            }
        }
    }
    super::bridge::report("three snapshots in a row did not meet the events that followed");
}

/// Reads which files changed in the open session. What is shown stays until the new list is here.
pub async fn refresh_changes(store: Store, session: SessionId) {
    let Some(open) = store.opened(session) else {
        return;
    };
    let number = open.ask_changes();
    open.take_changes(number, client::changes(session).await);
}

fn take(store: Store, events: Vec<Event>) {
    let deltas = events
        .iter()
        .filter(|event| matches!(event.msg, EventMsg::ItemDelta { .. }))
        .count();
    let begun = perf::now();
    for event in events {
        let session = event.session;
        if matches!(event.msg, EventMsg::FilesChanged { .. }) && store.opened(session).is_some() {
            spawn_local(refresh_changes(store, session));
        }
        if store.apply(event) == Outcome::NeedsSnapshot {
            spawn_local(refresh(store, session));
        }
    }
    let applied = perf::now();
    perf::applied(u32::try_from(deltas).unwrap_or(u32::MAX), applied - begun);
    if DRAWING.replace(true) {
        return;
    }
    spawn_local(async move {
        // Once for the effects that the batch woke, once more for those that they woke.
        tick().await;
        tick().await;
        settle_layout();
        DRAWING.set(false);
        perf::drawn(perf::now() - applied);
    });
}

/// Makes the browser lay out now what it would lay out before the next frame.
fn settle_layout() {
    let body = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.body());
    if let Some(body) = body {
        let _height = body.offset_height();
    }
}
