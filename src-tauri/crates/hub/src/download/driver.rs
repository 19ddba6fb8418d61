//! The task of one download: waits for its turn, runs, obeys, reports.
//!
//! Owns: the order of the files and the moments of the reports. Refuses to own: files (`one`), handles (`queue`).

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Leftovers, Limits, Progress, State, Trouble,
    journal::Journal,
    lock::Lock,
    meter::{self, Meter},
    notes::Notes,
    one::One,
    part::{blocking, remove_leftovers},
    paths::Paths,
    source::Source,
    space,
};
use crate::error::HubError;

/// Between two reports.
const TICK: Duration = Duration::from_millis(200);

/// A file that is to be fetched.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) source: Arc<Source>,
    pub(crate) paths: Paths,
    /// The others are of use without it.
    pub(crate) optional: bool,
}

/// What the user wants of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Run,
    Pause,
    Cancel(Leftovers),
}

/// The task of one download.
pub(crate) struct Driver {
    pub(crate) folder: PathBuf,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) report: watch::Sender<Progress>,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) meter: Meter,
}

impl Driver {
    pub(crate) async fn run(mut self) -> Result<Vec<PathBuf>, HubError> {
        let outcome = self.until_the_end().await;
        let state = match &outcome {
            Ok(_) => State::Done,
            Err(error) => State::Failed(error.clone()),
        };
        self.publish(Some(state));
        outcome
    }

    async fn until_the_end(&mut self) -> Result<Vec<PathBuf>, HubError> {
        loop {
            match self.order() {
                Order::Run => {}
                Order::Pause => {
                    self.publish(Some(State::Paused));
                    self.next_order().await;
                    continue;
                }
                Order::Cancel(leftovers) => {
                    if leftovers == Leftovers::Remove {
                        self.clear()?;
                    }
                    return Err(HubError::Cancelled);
                }
            }
            self.publish(Some(State::Queued));
            let slots = Arc::clone(&self.slots);
            let slot = tokio::select! {
                slot = slots.acquire_owned() => slot,
                () = self.next_order() => continue,
            };
            let outcome = self.work().await;
            drop(slot);
            match outcome {
                Ok(()) => return Ok(self.targets()),
                Err(Trouble::Fatal(error)) => return Err(error),
                Err(Trouble::Stopped) => {}
                Err(other) => return Err(HubError::BadAnswer(format!("{other:?}"))),
            }
        }
    }

    /// Runs until it is done or an order says otherwise.
    async fn work(&mut self) -> Result<(), Trouble> {
        self.meter.restart();
        let stop = CancellationToken::new();
        let work = fetch_all(
            self.folder.clone(),
            self.wanted.clone(),
            Arc::clone(&self.limits),
            Arc::clone(&self.notes),
            stop.clone(),
        );
        tokio::pin!(work);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told_to_stop = false;
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                _ = tick.tick() => self.publish(None),
                () = Self::change(&mut self.orders), if !told_to_stop => {
                    if self.order() != Order::Run {
                        told_to_stop = true;
                        stop.cancel();
                    }
                }
            }
        }
    }

    /// A handle that was dropped wants nothing any more.
    fn order(&self) -> Order {
        if self.orders.has_changed().is_err() && !matches!(*self.orders.borrow(), Order::Cancel(_))
        {
            return Order::Cancel(Leftovers::Keep);
        }
        *self.orders.borrow()
    }

    async fn next_order(&mut self) {
        Self::change(&mut self.orders).await;
    }

    async fn change(orders: &mut watch::Receiver<Order>) {
        // An error means that the handle is gone, which `order` notices.
        let _ = orders.changed().await;
    }

    fn targets(&self) -> Vec<PathBuf> {
        self.wanted
            .iter()
            .filter(|wanted| !wanted.optional || wanted.paths.target.is_file())
            .map(|wanted| wanted.paths.target.clone())
            .collect()
    }

    fn clear(&self) -> Result<(), HubError> {
        for Wanted { paths, .. } in &self.wanted {
            // Where it was never begun there is nothing to lock.
            if paths.folder().is_dir()
                && let Some(_lock) = Lock::try_take(&paths.lock)?
            {
                remove_leftovers(paths)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self, state: Option<State>) {
        let told = self.notes.told();
        let received = told
            .finished
            .saturating_add(told.part.as_ref().map_or(0, |part| part.received()));
        let state = state
            .or_else(|| told.state.clone())
            .unwrap_or(State::Queued);
        let counted = told.part.is_some();
        let (trouble, files_done) = (told.trouble.clone(), told.files_done);
        drop(told);
        let rate = match state {
            State::Fetching => self.meter.note(Instant::now(), received),
            _ => None,
        };
        self.report.send_modify(|progress| {
            progress.left = meter::left(rate, received, progress.total);
            // Between two files, and while paused, nobody counts: what is there stays there.
            if counted || received > progress.received {
                progress.received = received;
            }
            progress.rate = rate;
            progress.trouble = trouble;
            progress.files_done = files_done;
            progress.state = state;
        });
    }
}

/// All files of a download, one after the other: the first then is of use before the last.
async fn fetch_all(
    folder: PathBuf,
    all: Vec<Wanted>,
    limits: Arc<Limits>,
    notes: Arc<Notes>,
    stop: CancellationToken,
) -> Result<(), Trouble> {
    notes.begin_anew();
    prepare(folder, all.clone(), Arc::clone(&limits)).await?;
    let hurried = Arc::new(Limits {
        tries: limits.optional_tries,
        ..Limits::clone(&limits)
    });
    for wanted in all {
        let size = wanted.source.identity().size;
        let one = One {
            source: Arc::clone(&wanted.source),
            paths: wanted.paths.clone(),
            limits: Arc::clone(if wanted.optional { &hurried } else { &limits }),
            notes: Arc::clone(&notes),
            stop: stop.clone(),
        };
        match one.run().await {
            Ok(()) => notes.file_done(size),
            // What the user stopped is not to be without it for ever.
            Err(trouble @ (Trouble::Stopped | Trouble::Fatal(HubError::Offline))) => {
                return Err(trouble);
            }
            Err(trouble) if !wanted.optional => return Err(trouble),
            Err(trouble) => {
                tracing::warn!(file = wanted.source.name(), ?trouble, "a file is left out");
                notes.trouble(None);
                // Nobody goes on from here: the next start has the others and may try this one anew.
                remove_leftovers(&wanted.paths)?;
            }
        }
    }
    Ok(())
}

/// Makes the folder and looks whether all of what is missing has room.
async fn prepare(folder: PathBuf, all: Vec<Wanted>, limits: Arc<Limits>) -> Result<(), HubError> {
    let place = folder.clone();
    blocking(move || {
        fs::create_dir_all(&folder)?;
        let missing = all.iter().fold(0_u64, |sum, wanted| {
            let (listed, paths) = (wanted.source.identity(), &wanted.paths);
            if fs::symlink_metadata(&paths.target).is_ok() {
                return sum;
            }
            let there = Journal::of_part(paths)
                .filter(|journal| journal.identity == *listed)
                .map_or(0, |journal| journal.done.total());
            sum.saturating_add(listed.size - there)
        });
        Ok(space::check(&folder, missing, &limits))
    })
    .await
    .map_err(|error| HubError::disk("Making", &place, &error))?
}
