//! What the steps of a download say about themselves, for its reports.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{State, part::Part};
use crate::error::HubError;

/// Written by the steps, read five times a second.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Told>);

#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) state: Option<State>,
    pub(crate) trouble: Option<HubError>,
    pub(crate) part: Option<Arc<Part>>,
    pub(crate) finished: u64,
    pub(crate) files_done: usize,
}

impl Notes {
    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self, state: State) {
        self.told().state = Some(state);
    }

    pub(crate) fn trouble(&self, trouble: Option<HubError>) {
        self.told().trouble = trouble;
    }

    pub(crate) fn part(&self, part: Option<Arc<Part>>) {
        self.told().part = part;
    }

    /// A new start: what was counted before is counted again.
    pub(crate) fn begin_anew(&self) {
        *self.told() = Told::default();
    }

    pub(crate) fn file_done(&self, size: u64) {
        let mut told = self.told();
        told.finished = told.finished.saturating_add(size);
        told.files_done += 1;
    }
}
