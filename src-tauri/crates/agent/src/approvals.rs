//! Questions to the user that a running turn waits for.
//!
//! Owns that each is answered at most once: the one who takes a nonce out of here has the only answer. What was asked and
//! answered is in the tool call's item; nothing here outlives the turn.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use nexus_protocol::{ApprovalAnswer, ErrorCard, ItemId, Nonce};
use tokio::sync::oneshot;

use crate::cards;

/// The questions of one session.
#[derive(Default)]
pub(crate) struct Approvals {
    waiting: Mutex<HashMap<Nonce, Waiting>>,
}

struct Waiting {
    item: ItemId,
    fingerprint: String,
    answer: oneshot::Sender<ApprovalAnswer>,
}

impl Approvals {
    /// Begins to wait. Dropping the receiver withdraws the question.
    pub(crate) fn ask(
        &self,
        item: ItemId,
        nonce: Nonce,
        fingerprint: &str,
    ) -> oneshot::Receiver<ApprovalAnswer> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            item,
            fingerprint: fingerprint.to_owned(),
            answer,
        };
        self.lock().insert(nonce, waiting);
        answered
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// Where nobody waits for it, it was answered before, or it is an answer to another question.
    pub(crate) fn answer(
        &self,
        item: ItemId,
        nonce: Nonce,
        fingerprint: &str,
        answer: ApprovalAnswer,
    ) -> Result<(), ErrorCard> {
        let mut all = self.lock();
        let fits = all
            .get(&nonce)
            .is_some_and(|it| it.item == item && it.fingerprint == fingerprint);
        if !fits {
            return Err(cards::nothing_to_approve());
        }
        let waiting = all.remove(&nonce).ok_or_else(cards::nothing_to_approve)?;
        drop(all);
        // Who asked may have been stopped in this very moment.
        waiting
            .answer
            .send(answer)
            .map_err(|_| cards::nothing_to_approve())
    }

    /// Nobody waits any more.
    pub(crate) fn forget(&self, nonce: Nonce) {
        self.lock().remove(&nonce);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Nonce, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
