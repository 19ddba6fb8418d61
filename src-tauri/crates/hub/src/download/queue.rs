//! Downloads as a front end holds them: started, paused, cancelled, watched.
//!
//! Owns: the handles, and what is found in a folder without one. Refuses to own: the task behind a handle (`driver`).

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use super::{
    Leftovers, Limits, Progress, Request, State,
    driver::{Driver, Order, Wanted},
    journal::Journal,
    lock::Lock,
    meter::Meter,
    notes::Notes,
    part::remove_leftovers,
    paths::{JOURNAL, Paths},
    source::Source,
};
use crate::{client::Hub, error::HubError};

/// Starts downloads and lets a few of them run at once; the others wait in order.
#[derive(Clone, Debug)]
pub struct Downloads {
    hub: Hub,
    limits: Arc<Limits>,
    slots: Arc<Semaphore>,
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
        let mut wanted = Vec::new();
        let optional = request.optional.iter().map(|file| (file, true));
        let files = request.files.iter().map(|file| (file, false));
        let mut total = 0_u64;
        for (file, optional) in files.chain(optional) {
            let fresh = names.insert(file.path.file_name().to_lowercase());
            let checksum = match file.checksum {
                Some(checksum) if fresh => checksum,
                _ if optional => continue,
                None => return Err(HubError::NoHash(file.path.to_string())),
                Some(_) => {
                    return Err(HubError::Name {
                        name: file.path.to_string(),
                        reason: "two files would have the same name in the folder",
                    });
                }
            };
            total = total.saturating_add(file.size);
            let source = Source::new(
                self.hub.endpoint.clone(),
                request.model.clone(),
                &request.revision,
                &file.path,
                (file.size, checksum),
                Arc::clone(&self.limits),
            );
            wanted.push(Wanted {
                source: Arc::new(source),
                paths: Paths::new(&request.folder, file.path.file_name()),
                optional,
            });
        }
        let (report, progress) = watch::channel(Progress {
            state: State::Queued,
            received: 0,
            total,
            rate: None,
            left: None,
            trouble: None,
            files_done: 0,
            files: wanted.len(),
        });
        let (orders, heard) = watch::channel(Order::Run);
        let driver = Driver {
            folder: request.folder,
            wanted,
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
