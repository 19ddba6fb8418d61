//! The offline switch: what runs is paused when it is turned on, and goes on when it is turned off.
//!
//! Owns who waits for that. Refuses to resume what the user paused.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use nexus_egress::Switch;
use nexus_protocol::{Download, DownloadId, DownloadStatus};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Downloads, Entry, Inner};

/// What is said of one that waits.
const WAITS: &str = "It waits because you are offline, and goes on when you are online again.";

/// Those that wait.
pub(super) struct Waiting {
    ids: Mutex<BTreeSet<DownloadId>>,
    /// One came that may go on at once: the switch was turned back before it had stopped.
    nudge: Arc<Notify>,
    gone: CancellationToken,
    _ends_the_task: DropGuard,
}

impl Waiting {
    pub(super) fn new() -> Self {
        let gone = CancellationToken::new();
        Self {
            ids: Mutex::default(),
            nudge: Arc::default(),
            _ends_the_task: gone.clone().drop_guard(),
            gone,
        }
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<DownloadId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that was stopped, before anybody is told: what the user says of it then counts.
    pub(super) fn add(&self, view: &mut Download) {
        self.ids().insert(view.id);
        view.status = DownloadStatus::Paused;
        view.trouble = Some(WAITS.to_owned());
    }

    /// One was cut off, which may have been after the switch was turned back.
    pub(super) fn look_again(&self) {
        self.nudge.notify_one();
    }

    /// The user has said something about it.
    pub(super) fn remove(&self, id: DownloadId) {
        self.ids().remove(&id);
    }
}

/// Waits for the switch as long as there are downloads.
pub(super) fn follow(inner: &Arc<Inner>, switch: Switch) {
    let (nudge, gone) = (Arc::clone(&inner.waiting.nudge), inner.waiting.gone.clone());
    let inner = Arc::downgrade(inner);
    tokio::spawn(async move {
        let mut offline = false;
        loop {
            tokio::select! {
                () = switch.turned(offline) => offline = !offline,
                () = nudge.notified() => {}
                () = gone.cancelled() => return,
            }
            let Some(inner) = Weak::upgrade(&inner) else {
                return;
            };
            let downloads = Downloads(inner);
            if offline {
                downloads.hold().await;
            } else {
                downloads.let_go().await;
            }
        }
    });
}

impl Entry {
    fn waits(&self) -> bool {
        self.view.trouble.as_deref() == Some(WAITS)
    }
}

impl Downloads {
    /// Pauses all that run.
    async fn hold(&self) {
        self.stop_all(true).await;
    }

    /// Goes on with all that wait, in the order in which they were begun.
    async fn let_go(&self) {
        let ids = std::mem::take(&mut *self.0.waiting.ids());
        for id in ids {
            let waits = self.0.lock().get(&id).is_some_and(Entry::waits);
            if !waits {
                // The user has paused it meanwhile.
                continue;
            }
            if let Err(error) = self.resume(id).await {
                tracing::debug!(?error, "a download does not go on");
            }
        }
    }
}
