//! Events to all who listen.

use std::sync::{Mutex, PoisonError};

use nexus_agent_loop::EventSink;
use nexus_protocol::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Sends each event to every listener, in order. A listener that went is forgotten.
#[derive(Default)]
pub struct Broadcast {
    listeners: Mutex<Vec<UnboundedSender<Event>>>,
}

impl Broadcast {
    /// Another listener, from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<Event> {
        let (sender, receiver) = unbounded_channel();
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
        receiver
    }
}

impl EventSink for Broadcast {
    fn send(&self, event: Event) {
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // The last one takes the event itself: with one window, which is the rule, nothing is copied.
        let Some(last) = listeners.pop() else { return };
        listeners.retain(|listener| listener.send(event.clone()).is_ok());
        if last.send(event).is_ok() {
            listeners.push(last);
        }
    }
}
