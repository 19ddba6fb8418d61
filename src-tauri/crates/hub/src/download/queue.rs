//! Downloads as a front end sees them: started, paused, watched, and a few at a time.
//!
//! Owns: the task of each download and the words that pass to and from it. Refuses to own: files (`one`).

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    Leftovers, Limits, Progress, Request, State, Trouble,
    journal::Journal,
    lock::Lock,
    meter::{self, Meter},
    one::One,
    part::{Part, blocking, remove_leftovers},
    paths::{JOURNAL, Paths},
    source::Source,
    space,
};
use crate::{client::Hub, error::HubError};

/// Between two reports.
const TICK: Duration = Duration::from_millis(200);

/// Starts downloads and lets a few of them run at once; the others wait in order.
#[derive(Clone, Debug)]
pub struct Downloads {
    hub: Hub,
    limits: Arc<Limits>,
    slots: Arc<Semaphore>,
}

/// What the user wants of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Run,
    Pause,
    Cancel(Leftovers),
}

/// A download that runs by itself. Dropping this stops it and keeps what came.
#[derive(Debug)]
pub struct Download {
    progress: watch::Receiver<Progress>,
    orders: watch::Sender<Order>,
    task: JoinHandle<Result<Vec<PathBuf>, HubError>>,
}

impl Downloads {
    /// `at_once` downloads run, at least one.
    pub fn new(hub: Hub, at_once: usize, limits: Limits) -> Self {
        Self {
            hub,
            limits: Arc::new(limits),
            slots: Arc::new(Semaphore::new(at_once.max(1))),
        }
    }

    /// Starts one, inside a tokio runtime. A file that is there already and right is not fetched again; a part goes on.
    ///
    /// # Errors
    /// [`HubError::NoHash`] and [`HubError::Name`], before anything is fetched.
    pub fn start(&self, request: Request) -> Result<Download, HubError> {
        let mut names = HashSet::new();
        let mut sources = Vec::new();
        for file in &request.files {
            let sha256 = file
                .sha256
                .ok_or_else(|| HubError::NoHash(file.path.to_string()))?;
            if !names.insert(file.path.file_name().to_lowercase()) {
                return Err(HubError::Name {
                    name: file.path.to_string(),
                    reason: "two files would have the same name in the folder",
                });
            }
            let source = Source::new(
                self.hub.endpoint.clone(),
                request.model.clone(),
                &request.revision,
                &file.path,
                (file.size, sha256),
                Arc::clone(&self.limits),
            );
            sources.push((
                Arc::new(source),
                Paths::new(&request.folder, file.path.file_name()),
            ));
        }
        let total = request
            .files
            .iter()
            .fold(0_u64, |sum, file| sum.saturating_add(file.size));
        let (report, progress) = watch::channel(Progress {
            state: State::Queued,
            received: 0,
            total,
            rate: None,
            left: None,
            trouble: None,
            files_done: 0,
            files: sources.len(),
        });
        let (orders, heard) = watch::channel(Order::Run);
        let driver = Driver {
            folder: request.folder,
            sources,
            limits: Arc::clone(&self.limits),
            slots: Arc::clone(&self.slots),
            notes: Arc::new(Notes::default()),
            report,
            orders: heard,
            meter: Meter::new(),
        };
        Ok(Download {
            progress,
            orders,
            task: tokio::spawn(driver.run()),
        })
    }
}

impl Download {
    /// Changes five times a second at most.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Stops, keeps what came, and lets others go first.
    pub fn pause(&self) {
        self.order(Order::Pause);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.order(Order::Run);
    }

    /// Ends it with [`HubError::Cancelled`].
    pub fn cancel(&self, leftovers: Leftovers) {
        self.order(Order::Cancel(leftovers));
    }

    fn order(&self, order: Order) {
        self.orders.send_modify(|now| {
            // A cancelled download does not come back.
            if !matches!(now, Order::Cancel(_)) {
                *now = order;
            }
        });
    }

    /// Waits for its end; the files, in the order of the request.
    ///
    /// # Errors
    /// What ended it.
    pub async fn finish(self) -> Result<Vec<PathBuf>, HubError> {
        self.task
            .await
            .unwrap_or_else(|error| Err(HubError::Unreachable(error.to_string())))
    }
}

/// Parts in a folder that wait to be gone on with: the names of their files, how much there is, and of how much.
pub fn unfinished(folder: &Path) -> Vec<(String, u64, u64)> {
    let mut found: Vec<(String, u64, u64)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(JOURNAL)?;
            let journal = Journal::of_part(&Paths::new(folder, name))?;
            Some((name.to_owned(), journal.done.total(), journal.identity.size))
        })
        .collect();
    found.sort();
    found
}

/// Removes what a download of this file left, unless one is running.
///
/// # Errors
/// [`HubError::Disk`].
pub fn discard(folder: &Path, name: &str) -> Result<(), HubError> {
    let paths = Paths::new(folder, crate::FilePath::new(name)?.file_name());
    match Lock::try_take(&paths.lock)? {
        Some(_lock) => remove_leftovers(&paths),
        None => Ok(()),
    }
}

/// What the steps below say about themselves, for the reports.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    state: Option<State>,
    trouble: Option<HubError>,
    part: Option<Arc<Part>>,
    finished: u64,
    files_done: usize,
}

impl Notes {
    fn told(&self) -> MutexGuard<'_, Told> {
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

    fn file_done(&self, size: u64) {
        let mut told = self.told();
        told.finished = told.finished.saturating_add(size);
        told.files_done += 1;
    }
}

/// The task of one download.
struct Driver {
    folder: PathBuf,
    sources: Vec<(Arc<Source>, Paths)>,
    limits: Arc<Limits>,
    slots: Arc<Semaphore>,
    notes: Arc<Notes>,
    report: watch::Sender<Progress>,
    orders: watch::Receiver<Order>,
    meter: Meter,
}

impl Driver {
    async fn run(mut self) -> Result<Vec<PathBuf>, HubError> {
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
            self.sources.clone(),
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
        self.sources
            .iter()
            .map(|(_, paths)| paths.target.clone())
            .collect()
    }

    fn clear(&self) -> Result<(), HubError> {
        for (_, paths) in &self.sources {
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
        let (trouble, files_done) = (told.trouble.clone(), told.files_done);
        drop(told);
        let rate = match state {
            State::Fetching => self.meter.note(Instant::now(), received),
            _ => None,
        };
        self.report.send_modify(|progress| {
            progress.left = meter::left(rate, received, progress.total);
            // Between two files, and while paused, nobody counts: what is there stays there.
            if received > 0 || state == State::Fetching {
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
    sources: Vec<(Arc<Source>, Paths)>,
    limits: Arc<Limits>,
    notes: Arc<Notes>,
    stop: CancellationToken,
) -> Result<(), Trouble> {
    *notes.told() = Told::default();
    prepare(folder, sources.clone(), Arc::clone(&limits)).await?;
    for (source, paths) in sources {
        let size = source.identity().size;
        One {
            source,
            paths,
            limits: Arc::clone(&limits),
            notes: Arc::clone(&notes),
            stop: stop.clone(),
        }
        .run()
        .await?;
        notes.file_done(size);
    }
    Ok(())
}

/// Makes the folder and looks whether all of what is missing has room.
async fn prepare(
    folder: PathBuf,
    sources: Vec<(Arc<Source>, Paths)>,
    limits: Arc<Limits>,
) -> Result<(), HubError> {
    let place = folder.clone();
    blocking(move || {
        fs::create_dir_all(&folder)?;
        let missing = sources.iter().fold(0_u64, |sum, (source, paths)| {
            let listed = source.identity();
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
