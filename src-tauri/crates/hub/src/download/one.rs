//! One file, from its lock to its name.
//!
//! Owns: the order of things: lock, look, fetch, check, name; and what is left behind when one of them fails. Refuses to own:
//! each of them.

use std::{fs, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    Limits, State, Trouble,
    journal::Journal,
    lock::Lock,
    notes::Notes,
    part::{Part, remove_leftovers},
    paths::Paths,
    source::Source,
    transfer::Transfer,
    verify::checksum,
};
use crate::error::HubError;

pub(crate) struct One {
    pub(crate) source: Arc<Source>,
    pub(crate) paths: Paths,
    pub(crate) limits: Arc<Limits>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) stop: CancellationToken,
}

impl One {
    /// Returns once the file has its name, and the bytes are those that were expected.
    pub(crate) async fn run(&self) -> Result<(), Trouble> {
        let _lock = Lock::take(&self.paths.lock, &self.stop, || {
            self.notes.state(State::WaitingForOther);
        })
        .await?;
        self.notes.state(State::Fetching);
        let outcome = match self.already_there().await {
            Ok(true) => {
                // What a kill between the last two steps left.
                Ok(remove_leftovers(&self.paths)?)
            }
            Ok(false) => self.fetch().await,
            Err(trouble) => Err(trouble),
        };
        self.notes.part(None);
        if let Err(Trouble::Fatal(error)) = &outcome
            && !(error.resumable() && self.something_came())
        {
            remove_leftovers(&self.paths)?;
        }
        outcome
    }

    /// Whether a later start has anything to go on from.
    fn something_came(&self) -> bool {
        Journal::of_part(&self.paths).is_some_and(|journal| journal.done.total() > 0)
    }

    async fn already_there(&self) -> Result<bool, Trouble> {
        let target = &self.paths.target;
        let Ok(found) = fs::symlink_metadata(target) else {
            return Ok(false);
        };
        let listed = self.source.identity();
        if found.is_file() && found.len() == listed.size {
            self.notes.state(State::Verifying);
            if checksum(target.clone(), listed.checksum, self.stop.clone()).await?
                == listed.checksum
            {
                return Ok(true);
            }
        }
        Err(Trouble::Fatal(HubError::Taken {
            path: target.display().to_string(),
        }))
    }

    async fn fetch(&self) -> Result<(), Trouble> {
        let part = Arc::new(Part::open(
            self.paths.clone(),
            self.source.identity().clone(),
        )?);
        self.notes.part(Some(Arc::clone(&part)));
        let listed = self.source.identity().checksum;
        let first = self.fill(&part).await?;
        if first != listed {
            // Once may be a disk, a cache or a proxy. Twice is the server.
            tracing::warn!(
                file = self.source.name(),
                "the content was wrong; once more"
            );
            part.reset()?;
            self.source.forget_link().await;
            let second = self.fill(&part).await?;
            if second != listed {
                return Err(Trouble::Fatal(HubError::WrongHash {
                    name: self.source.name().to_owned(),
                    expected: listed,
                    got: second,
                }));
            }
        }
        Ok(part.finish().await?)
    }

    /// Until all bytes are there; returns what they add up to.
    async fn fill(&self, part: &Arc<Part>) -> Result<crate::Checksum, Trouble> {
        let mut restarts = 0;
        let mut whole = false;
        loop {
            self.notes.state(State::Fetching);
            let transfer = Transfer {
                source: Arc::clone(&self.source),
                part: Arc::clone(part),
                limits: Arc::clone(&self.limits),
                notes: Arc::clone(&self.notes),
                stop: self.stop.clone(),
                whole,
            };
            match transfer.run().await {
                Ok(()) => {
                    self.notes.state(State::Verifying);
                    let expected = self.source.identity().checksum;
                    return checksum(part.paths.part.clone(), expected, self.stop.clone()).await;
                }
                Err(Trouble::NoRanges) => {
                    whole = true;
                    part.reset()?;
                }
                Err(Trouble::Changed) if restarts < self.limits.restarts => {
                    restarts += 1;
                    // Servers behind one hub may name the same bytes differently. Where the hub vouches for them, they are kept
                    // once: should that be wrong, the check of the whole tells.
                    if restarts == 1 && self.source.is_confirmed().await {
                        part.forget_etag();
                    } else {
                        part.reset()?;
                    }
                    self.source.forget_link().await;
                }
                Err(Trouble::Changed) => {
                    return Err(HubError::Changed(self.source.name().to_owned()).into());
                }
                Err(other) => return Err(other),
            }
        }
    }
}
