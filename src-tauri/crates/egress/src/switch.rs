//! The offline switch.
//!
//! Owns: its state, who waits for it, and the connections that go when it is turned on. Refuses to own: who turns it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;

use crate::client::Pool;

/// Whether the user chose to be offline. Cheap to clone: all clones are one switch.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    offline: watch::Sender<bool>,
    pools: Mutex<Vec<Weak<Pool>>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            offline: watch::Sender::new(false),
            pools: Mutex::default(),
        }
    }
}

impl Switch {
    /// One that is off.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing may leave.
    pub fn is_offline(&self) -> bool {
        *self.inner.offline.borrow()
    }

    /// Turns it. Going offline ends what is under way and closes every kept connection before this returns.
    pub fn set(&self, offline: bool) {
        // First the state, then the connections: whoever takes a connection after this has seen the state.
        let changed = self
            .inner
            .offline
            .send_if_modified(|held| std::mem::replace(held, offline) != offline);
        if !changed {
            return;
        }
        tracing::info!(offline, "the offline switch was turned");
        if offline {
            let mut pools = self.pools();
            pools.retain(|pool| match pool.upgrade() {
                Some(pool) => {
                    pool.close();
                    true
                }
                None => false,
            });
        }
    }

    /// Waits until nothing may leave; at once where that is so already.
    pub async fn wait_offline(&self) {
        self.turned(false).await;
    }

    /// Waits until the switch is in another state than `known`; at once where that is so already.
    pub async fn turned(&self, known: bool) {
        let mut offline = self.inner.offline.subscribe();
        // Its sender lives as long as `self`, so there is no other way for this to end.
        let _ = offline.wait_for(|offline| *offline != known).await;
    }

    pub(crate) fn remember(&self, pool: &Arc<Pool>) {
        let mut pools = self.pools();
        // Clients that are gone need not be closed: what is made for one image would pile up here.
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(pool));
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.pools().len()
    }

    fn pools(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Pool>>> {
        self.inner
            .pools
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
