//! From the core's events to a window, a batch a frame.
//!
//! A model can say more than a window can draw: deltas of one item that wait together travel as one. Nothing else is
//! touched, and the order stays.

use std::time::Duration;

use nexus_protocol::{AppEvent, Delta, Event, EventMsg};
use tauri::ipc::Channel;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};

/// One frame at 60 Hz: what comes sooner than this after the last batch waits for it.
const FRAME: Duration = Duration::from_millis(16);

/// Events in one batch at most, so that no single message to the window grows without bound.
const BATCH: usize = 4096;

/// Forwards until the core or the window is gone.
pub async fn forward(mut events: UnboundedReceiver<Event>, channel: Channel<Vec<Event>>) {
    let mut next = Instant::now();
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, BATCH).await > 0 {
        // The first event after a pause goes at once; under load this is where the others gather.
        sleep_until(next).await;
        while batch.len() < BATCH
            && let Ok(event) = events.try_recv()
        {
            batch.push(event);
        }
        if let Err(error) = channel.send(merge(std::mem::take(&mut batch))) {
            tracing::debug!(%error, "a window went");
            return;
        }
        next = Instant::now() + FRAME;
    }
}

/// The same for what happens outside all sessions. There is little of it, so that nothing is merged or waits.
pub async fn forward_app(mut events: UnboundedReceiver<AppEvent>, channel: Channel<Vec<AppEvent>>) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = channel.send(std::mem::take(&mut batch)) {
            tracing::debug!(%error, "a window went");
            return;
        }
    }
}

/// Joins neighbouring deltas of the same kind and item. The offset of the first and the number of the last stay.
pub fn merge(events: Vec<Event>) -> Vec<Event> {
    let mut merged: Vec<Event> = Vec::with_capacity(events.len().min(64));
    for event in events {
        if let Some(last) = merged.last_mut()
            && last.session == event.session
            && append(&mut last.msg, &event.msg)
        {
            last.seq = event.seq;
        } else {
            merged.push(event);
        }
    }
    merged
}

/// Appends `more` to `last` where both are deltas of one item and meet; says whether it did.
fn append(last: &mut EventMsg, more: &EventMsg) -> bool {
    let (
        EventMsg::ItemDelta {
            item,
            offset,
            delta,
        },
        EventMsg::ItemDelta {
            item: more_item,
            offset: more_offset,
            delta: more_delta,
        },
    ) = (last, more)
    else {
        return false;
    };
    let (text, more_text) = match (delta, more_delta) {
        (Delta::Text { text }, Delta::Text { text: more })
        | (Delta::Arguments { text }, Delta::Arguments { text: more }) => (text, more),
        _ => return false,
    };
    let meets = *item == *more_item && *offset + text.len() as u64 == *more_offset;
    if meets {
        text.push_str(more_text);
    }
    meets
}

#[cfg(test)]
mod tests {
    use nexus_protocol::{ItemId, SessionId};
    use uuid::Uuid;

    use super::*;

    fn text(item: u128, seq: u64, offset: u64, text: &str) -> Event {
        delta(item, seq, offset, Delta::Text { text: text.into() })
    }

    fn delta(item: u128, seq: u64, offset: u64, delta: Delta) -> Event {
        Event {
            session: SessionId(Uuid::from_u128(1)),
            seq,
            msg: EventMsg::ItemDelta {
                item: ItemId(Uuid::from_u128(item)),
                offset,
                delta,
            },
        }
    }

    #[test]
    fn neighbours_that_meet_become_one() {
        let events = vec![text(1, 1, 0, "a"), text(1, 2, 1, "é"), text(1, 3, 3, "c")];
        assert_eq!(merge(events), vec![text(1, 3, 0, "aéc")]);
    }

    #[test]
    fn other_items_kinds_and_gaps_stay_apart() {
        let arguments = |seq, offset| delta(1, seq, offset, Delta::Arguments { text: "{".into() });
        let events = vec![
            text(1, 1, 0, "a"),
            text(2, 2, 0, "b"),
            arguments(3, 0),
            text(1, 4, 9, "z"),
        ];
        assert_eq!(merge(events.clone()), events);
    }

    #[test]
    fn another_event_between_keeps_the_order() {
        let deleted = Event {
            session: SessionId(Uuid::from_u128(1)),
            seq: 2,
            msg: EventMsg::SessionDeleted,
        };
        let events = vec![text(1, 1, 0, "a"), deleted, text(1, 3, 1, "b")];
        assert_eq!(merge(events.clone()), events);
    }
}
