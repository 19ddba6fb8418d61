//! How many events a second the bridge takes from the core and hands to a window, merged and written as JSON. Prints one
//! line of JSON. What the page then does with them is measured in the real window, by the end-to-end tests.
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use nexus_protocol::{Delta, Event, EventMsg, ItemId, SessionId};
use tauri::ipc::{Channel, InvokeResponseBody};
use tokio::sync::mpsc::unbounded_channel;

const EVENTS: u64 = 500_000;
const TEXT: &str = "word ";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let session = SessionId("019aa000-0000-7000-8000-000000000001".parse()?);
    // Two items by turns in blocks of 64, as an answer and a thought are: neighbours merge, blocks do not.
    let items: [ItemId; 2] = [
        "019aa000-0000-7000-8000-000000000002".parse()?,
        "019aa000-0000-7000-8000-000000000003".parse()?,
    ];
    let (bytes, messages) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let channel = Channel::new({
        let (bytes, messages) = (Arc::clone(&bytes), Arc::clone(&messages));
        move |body| {
            if let InvokeResponseBody::Json(json) = body {
                bytes.fetch_add(json.len(), Ordering::Relaxed);
                messages.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }
    });
    let (events, received) = unbounded_channel();
    let mut offsets = [0; 2];
    let began = Instant::now();
    let forwarder = tokio::spawn(nexus_agent::forward(received, channel));
    for seq in 1..=EVENTS {
        let which = usize::from(seq / 64 % 2 == 1);
        let msg = EventMsg::ItemDelta {
            item: items[which],
            offset: offsets[which],
            delta: Delta::Text {
                text: TEXT.to_owned(),
            },
        };
        offsets[which] += TEXT.len() as u64;
        if events.send(Event { session, seq, msg }).is_err() {
            anyhow::bail!("the bridge went");
        }
        if seq % 4096 == 0 {
            // A core is never faster than its own work: let the bridge run.
            tokio::time::sleep(Duration::from_micros(10)).await;
        }
    }
    drop(events);
    forwarder.await?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{{\"bridge_events_per_s\": {:.0}, \"bridge_messages\": {}, \"bridge_json_mib\": {:.2}}}",
        EVENTS as f64 / seconds,
        messages.load(Ordering::Relaxed),
        bytes.load(Ordering::Relaxed) as f64 / 1024.0 / 1024.0
    );
    Ok(())
}
