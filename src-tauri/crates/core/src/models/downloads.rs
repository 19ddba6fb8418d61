//! Downloads into the models folder: started, paused, found again after a restart, and landed as models.
//!
//! Owns the list that front ends see, and what one is at in this process. A paused download is nothing but its folder on the disk:
//! pausing, the end of the program and a kill leave the same, and one way leads on from there. Refuses to own the bytes
//! (`nexus-hub`), the task of one (`running`) and what its folder holds (`landing`).

mod landing;
mod offline;
mod running;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use nexus_hub::{Choice, HubError, Limits, choices};
use nexus_protocol::{
    AppEvent, ChoiceState, Download, DownloadId, DownloadRequest, DownloadStatus, ErrorAction,
    ErrorCard, ErrorCode, ModelRef,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    engines,
    folder::ModelsFolder,
    hub::{HubAccess, address},
    local::LocalModels,
    origin::Origin,
    original,
    shelf::Shelved,
};
use crate::{cards, events::Broadcast};

#[cfg(test)]
pub use landing::WORKING;
pub use landing::working_folders;

const TITLE: &str = "The model could not be fetched";
/// Downloads that run at once; the others wait in order.
const AT_ONCE: usize = 2;

/// All downloads. Clones are handles to the same.
#[derive(Clone)]
pub struct Downloads(Arc<Inner>);

struct Inner {
    hub: HubAccess,
    local: LocalModels,
    folder: ModelsFolder,
    limits: Limits,
    /// Whether llama.cpp is among the engines.
    llama: bool,
    events: Arc<Broadcast<AppEvent>>,
    slots: Arc<Semaphore>,
    entries: Mutex<BTreeMap<DownloadId, Entry>>,
    waiting: offline::Waiting,
    /// While the models folder is being moved.
    closed: AtomicBool,
}

/// A download that this process knows.
struct Entry {
    origin: Origin,
    /// The working folder.
    folder: PathBuf,
    view: Download,
    running: Option<Running>,
}

/// Its task.
struct Running {
    stop: CancellationToken,
    ended: CancellationToken,
    /// Stopped because the user went offline, and by nothing that the user said of this download.
    held: bool,
}

/// No download runs or begins while this is held.
pub struct Closed(Arc<Inner>);

impl Drop for Closed {
    fn drop(&mut self) {
        // The folders may be elsewhere now: the next list looks for them. One that runs is why nothing was moved.
        self.0.lock().retain(|_, entry| entry.running.is_some());
        self.0.closed.store(false, Ordering::SeqCst);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<DownloadId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is seen of a download, and tells it.
    fn show(&self, id: DownloadId, change: impl FnOnce(&mut Download)) -> Option<Download> {
        self.change(id, |entry| change(&mut entry.view))
    }

    /// Changes a download at once, and tells what is seen of it.
    fn change(&self, id: DownloadId, change: impl FnOnce(&mut Entry)) -> Option<Download> {
        let mut entries = self.lock();
        let entry = entries.get_mut(&id)?;
        let before = entry.view.clone();
        change(entry);
        let after = entry.view.clone();
        drop(entries);
        if after != before {
            self.events.tell(AppEvent::DownloadChanged {
                download: after.clone(),
            });
        }
        Some(after)
    }
}

impl Downloads {
    /// Nothing runs yet, and the disk is not looked at. Within a tokio runtime.
    pub fn new(
        hub: HubAccess,
        local: LocalModels,
        folder: ModelsFolder,
        limits: Limits,
        llama: bool,
        events: Arc<Broadcast<AppEvent>>,
    ) -> Self {
        let switch = hub.switch();
        let inner = Arc::new(Inner {
            hub,
            local,
            folder,
            limits,
            llama,
            events,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            entries: Mutex::default(),
            waiting: offline::Waiting::new(),
            closed: AtomicBool::new(false),
        });
        offline::follow(&inner, switch);
        Self(inner)
    }

    /// All of them, the oldest first: those of this run, and those that the disk knows from earlier ones.
    pub async fn list(&self) -> Result<Vec<Download>, ErrorCard> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let on_disk = landing::working_folders(&inner.folder.path());
            let mut entries = inner.lock();
            entries.retain(|_, entry| {
                // What another process finished or removed is no longer ours to show.
                entry.running.is_some()
                    || matches!(
                        entry.view.status,
                        DownloadStatus::Done { .. } | DownloadStatus::Failed { .. }
                    )
                    || entry.folder.is_dir()
            });
            for (folder, origin) in on_disk {
                let known = entries.values_mut().find(|entry| entry.folder == folder);
                match known {
                    Some(entry) if entry.running.is_some() => {}
                    Some(entry) => {
                        let seen = landing::view(&folder, &origin);
                        entry.view.received = seen.received;
                        if !matches!(entry.view.status, DownloadStatus::Failed { .. }) {
                            entry.view.status = seen.status;
                        }
                    }
                    None => {
                        let entry = Entry {
                            view: landing::view(&folder, &origin),
                            origin,
                            folder,
                            running: None,
                        };
                        entries.insert(entry.origin.id, entry);
                    }
                }
            }
            Ok(entries.values().map(|entry| entry.view.clone()).collect())
        })
        .await
        .unwrap_or_else(|error| Err(cards::internal(error)))
    }

    /// Fetches a choice, or goes on with it. One that is here already is done at once.
    ///
    /// # Errors
    /// Where the hub does not have it, nothing here could run it, or the models folder is being moved.
    pub async fn start(&self, request: DownloadRequest) -> Result<Download, ErrorCard> {
        self.refuse_while_closed()?;
        let hub = self.0.hub.connect().await?;
        let asked = address(&hub, &request.model).map_err(|error| cards::hub(TITLE, &error))?;
        let revision = request.revision.or(asked.revision);
        let file = request.file;
        let found = async {
            let info = hub.model(&asked.model, revision.as_deref()).await?;
            let revision = info
                .commit
                .clone()
                .or(revision)
                .unwrap_or_else(|| "main".to_owned());
            let listing = hub.files(&info.id, &revision).await?;
            let choice = choices(&listing.files)
                .into_iter()
                .find(|choice| first_file(choice) == Some(file.as_str()))
                .ok_or_else(|| HubError::NotFound(format!("file “{file}” in “{}”", info.id)))?;
            let preview = original::preview(&hub, &info.id, &revision, &choice).await?;
            Ok::<_, HubError>((info, revision, choice, preview))
        };
        let (info, revision, choice, preview) =
            found.await.map_err(|error| cards::hub(TITLE, &error))?;
        let label = original::label(&choice, preview.as_ref());
        let architecture = info
            .gguf
            .as_ref()
            .and_then(|gguf| gguf.architecture.as_deref());
        let objection = engines::objection(&choice, architecture, self.0.llama)
            .or_else(|| original::objection(preview.as_ref()));
        if let Some(reason) = objection {
            return Err(ErrorCard::new(
                ErrorCode::UnsupportedQuantization,
                format!("{label} cannot be used here"),
                format!("{reason} Choose another file."),
                ErrorAction::None,
            ));
        }
        let id = DownloadId(uuid::Uuid::now_v7());
        let origin = Origin::new(id, info.id.clone(), revision, label, &choice)
            .ok_or_else(|| cards::hub(TITLE, &HubError::NoHash(file.clone())))?;
        if let Some(model) = self.here(&origin).await {
            return Ok(done(&origin, model));
        }
        self.begin(origin).await
    }

    /// Puts it on the list and runs it; where it is on the list or the disk already, that one runs.
    async fn begin(&self, origin: Origin) -> Result<Download, ErrorCard> {
        let folder = landing::folder_for(&self.0.folder.path(), &origin);
        // What the disk knows is on the list after this.
        let listed = self.list().await?;
        if let Some(known) = self.known(&folder) {
            return self.resume(known).await;
        }
        // Another file under this name was begun earlier, and the hub has changed it since: it can never be finished.
        for old in listed.iter().filter(|old| {
            old.status.rests()
                && !matches!(old.status, DownloadStatus::Done { .. })
                && old.model == origin.model.to_string()
                && old.file == origin.file
        }) {
            self.cancel(old.id).await?;
        }
        let (place, kept) = (folder.clone(), origin.clone());
        let origin = tokio::task::spawn_blocking(move || landing::prepare(&place, kept))
            .await
            .map_err(cards::internal)??;
        let id = origin.id;
        self.0.lock().insert(
            id,
            Entry {
                view: landing::fresh(&origin),
                origin,
                folder,
                running: None,
            },
        );
        self.resume(id).await
    }

    fn known(&self, folder: &std::path::Path) -> Option<DownloadId> {
        let entries = self.0.lock();
        let mut found = entries.iter().filter(|(_, entry)| entry.folder == folder);
        // The record of one that is done says nothing of a new one.
        found
            .find(|(_, entry)| !matches!(entry.view.status, DownloadStatus::Done { .. }))
            .map(|(id, _)| *id)
    }

    async fn here(&self, origin: &Origin) -> Option<ModelRef> {
        let file = origin.hub_file()?;
        let shelf = super::shelf::Shelf(self.0.local.shelved().await);
        match shelf.of_file(&file) {
            ChoiceState::Here { model } => Some(model),
            ChoiceState::Absent | ChoiceState::Downloading { .. } => None,
        }
    }

    /// Goes on with one that rests. Nothing happens to one that runs.
    pub async fn resume(&self, id: DownloadId) -> Result<Download, ErrorCard> {
        self.refuse_while_closed()?;
        self.look_up(id).await?;
        self.0.waiting.remove(id);
        let mut entries = self.0.lock();
        let Some(entry) = entries.get_mut(&id) else {
            return Err(unknown());
        };
        if entry.running.is_some() || matches!(entry.view.status, DownloadStatus::Done { .. }) {
            return Ok(entry.view.clone());
        }
        let running = Running {
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            held: false,
        };
        let task = running::Task {
            inner: Arc::clone(&self.0),
            origin: entry.origin.clone(),
            folder: entry.folder.clone(),
            stop: running.stop.clone(),
            ended: running.ended.clone(),
        };
        entry.running = Some(running);
        drop(entries);
        let view = self.0.show(id, |view| {
            view.status = DownloadStatus::Queued;
            view.trouble = None;
        });
        tokio::spawn(task.run());
        view.ok_or_else(unknown)
    }

    /// Stops one and keeps what came.
    pub async fn pause(&self, id: DownloadId) -> Result<Download, ErrorCard> {
        self.look_up(id).await?;
        self.stop(id, false).await;
        self.0.waiting.remove(id);
        // It waits for nothing any more.
        self.0
            .show(id, |view| view.trouble = None)
            .ok_or_else(unknown)
    }

    /// Stops one and removes what came. One that is done goes off the list; its model stays.
    pub async fn cancel(&self, id: DownloadId) -> Result<(), ErrorCard> {
        self.look_up(id).await?;
        self.stop(id, false).await;
        self.0.waiting.remove(id);
        let (folder, landed) = {
            let entries = self.0.lock();
            let entry = entries.get(&id).ok_or_else(unknown)?;
            let landed = matches!(entry.view.status, DownloadStatus::Done { .. });
            (entry.folder.clone(), landed)
        };
        if !landed {
            tokio::task::spawn_blocking(move || landing::discard(&folder))
                .await
                .map_err(cards::internal)??;
        }
        self.0.lock().remove(&id);
        self.0.events.tell(AppEvent::DownloadRemoved { id });
        Ok(())
    }

    /// Pauses all: the program ends.
    pub async fn pause_all(&self) {
        self.stop_all(false).await;
    }

    /// Stops those that run.
    async fn stop_all(&self, held: bool) {
        let running: Vec<DownloadId> = {
            let entries = self.0.lock();
            let running = entries.iter().filter(|(_, entry)| entry.running.is_some());
            running.map(|(id, _)| *id).collect()
        };
        futures::future::join_all(running.iter().map(|id| self.stop(*id, held))).await;
    }

    /// Lets none begin while the folder is moved.
    ///
    /// # Errors
    /// Where one runs, here or in another program of ours.
    pub async fn close(&self) -> Result<Closed, ErrorCard> {
        if self.0.closed.swap(true, Ordering::SeqCst) {
            return Err(moving());
        }
        let closed = Closed(Arc::clone(&self.0));
        if self.list().await?.iter().any(|view| !view.status.rests()) {
            return Err(cards::busy(
                "The models folder cannot be moved now",
                "A download runs. Pause it, or let it end, then move the folder.",
            ));
        }
        Ok(closed)
    }

    /// What is on its way, for the hub's pages.
    pub async fn shelved(&self) -> Vec<Shelved> {
        // A disk that cannot be read has nothing on it here; the list says why.
        let _listed = self.list().await;
        let entries = self.0.lock();
        let on_their_way = entries
            .values()
            .filter(|entry| !matches!(entry.view.status, DownloadStatus::Done { .. }));
        on_their_way
            .map(|entry| Shelved {
                model: Some(entry.view.model.clone()),
                file: entry.view.file.clone(),
                size: entry.origin.size,
                sha256: Some(entry.origin.sha256),
                state: ChoiceState::Downloading {
                    download: entry.view.id,
                },
            })
            .collect()
    }

    async fn stop(&self, id: DownloadId, held: bool) {
        let ended = {
            let mut entries = self.0.lock();
            let Some(running) = entries.get_mut(&id).and_then(|it| it.running.as_mut()) else {
                return;
            };
            // What the user stopped stays stopped.
            running.held = held && (running.held || !running.stop.is_cancelled());
            running.stop.cancel();
            running.ended.clone()
        };
        ended.cancelled().await;
    }

    /// A front end may know one from an earlier run that this process has not looked for yet.
    async fn look_up(&self, id: DownloadId) -> Result<(), ErrorCard> {
        if !self.0.lock().contains_key(&id) {
            self.list().await?;
        }
        if self.0.lock().contains_key(&id) {
            Ok(())
        } else {
            Err(unknown())
        }
    }

    fn refuse_while_closed(&self) -> Result<(), ErrorCard> {
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(moving());
        }
        Ok(())
    }
}

fn first_file(choice: &Choice) -> Option<&str> {
    choice.files.first().map(|file| file.path.as_str())
}

fn done(origin: &Origin, model: ModelRef) -> Download {
    Download {
        received: origin.bytes(),
        status: DownloadStatus::Done { model },
        ..landing::fresh(origin)
    }
}

fn unknown() -> ErrorCard {
    cards::bad_input(
        "There is no such download",
        "It has ended or was cancelled. Look at the list again.",
    )
}

fn moving() -> ErrorCard {
    cards::busy(
        "The models folder is being moved",
        "Nothing can be fetched meanwhile. Try again when it is done.",
    )
}
