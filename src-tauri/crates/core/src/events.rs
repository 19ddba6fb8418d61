//! Events to all who listen.

use std::sync::{Mutex, PoisonError};

use nexus_agent_loop::EventSink;
use nexus_protocol::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Sends each event to every listener, in order. A listener that went is forgotten.
pub struct Broadcast<T = Event> {
    listeners: Mutex<Vec<UnboundedSender<T>>>,
}

impl<T> Default for Broadcast<T> {
    fn default() -> Self {
        Self {
            listeners: Mutex::default(),
        }
    }
}

impl<T: Clone> Broadcast<T> {
    /// Another listener, from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<T> {
        let (sender, receiver) = unbounded_channel();
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
        receiver
    }

    /// To all who listen.
    pub fn tell(&self, event: T) {
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

impl EventSink for Broadcast {
    fn send(&self, event: Event) {
        self.tell(event);
    }
}
