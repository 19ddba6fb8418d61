//! The task of one download, from its turn in the queue to a model.
//!
//! Owns the order of the steps and what is shown of each. Refuses to keep anything that a restart would need: that is on the disk.

use std::{path::PathBuf, sync::Arc, time::Duration};

use nexus_hub::{HubError, Leftovers, Lock, Progress, Request, State};
use nexus_protocol::{AppEvent, Download, DownloadStatus, ErrorCard, ModelRef};
use tokio_util::sync::CancellationToken;

use super::{Inner, TITLE, landing};
use crate::{cards, models::origin::Origin};

const LOOK_AGAIN: Duration = Duration::from_millis(300);

pub(super) struct Task {
    pub(super) inner: Arc<Inner>,
    pub(super) origin: Origin,
    pub(super) folder: PathBuf,
    pub(super) stop: CancellationToken,
    pub(super) ended: CancellationToken,
}

/// How it ended.
enum End {
    Stopped,
    /// The user went offline while it ran.
    CutOff,
    Failed(ErrorCard),
    Done(ModelRef),
}

impl Task {
    pub(super) async fn run(self) {
        let end = match self.steps().await {
            Ok(end) => end,
            Err(card) => End::Failed(card),
        };
        let (folder, origin) = (self.folder.clone(), self.origin.clone());
        let received =
            tokio::task::spawn_blocking(move || landing::received(&folder, &origin)).await;
        let landed = matches!(end, End::Done(_));
        let mut waits = false;
        // All at once: what anybody does next must not find it running, and nobody's word may come in between.
        self.inner.change(self.origin.id, |entry| {
            let held = entry.running.take().is_some_and(|running| running.held);
            let view = &mut entry.view;
            view.rate = None;
            view.seconds_left = None;
            view.trouble = None;
            if let Ok(received) = received {
                view.received = received;
            }
            waits = match end {
                End::Stopped => held,
                End::CutOff => held || !self.stop.is_cancelled(),
                End::Failed(_) | End::Done(_) => false,
            };
            match end {
                End::Stopped | End::CutOff if waits => self.inner.waiting.add(view),
                End::Stopped | End::CutOff => view.status = DownloadStatus::Paused,
                End::Failed(error) => view.status = DownloadStatus::Failed { error },
                End::Done(model) => {
                    view.received = view.total;
                    view.status = DownloadStatus::Done { model };
                }
            }
        });
        if landed {
            self.inner.events.tell(AppEvent::LocalModelsChanged);
        }
        if waits {
            self.inner.waiting.look_again();
        }
        self.ended.cancel();
    }

    async fn steps(&self) -> Result<End, ErrorCard> {
        let slots = Arc::clone(&self.inner.slots);
        let _slot = tokio::select! {
            slot = slots.acquire_owned() => slot.map_err(cards::internal)?,
            () = self.stop.cancelled() => return Ok(End::Stopped),
        };
        let Some(_lock) = self.claim().await? else {
            return Ok(End::Stopped);
        };
        if !self.folder.is_dir() {
            // Whoever held it finished, or threw it away.
            return match self.landed_elsewhere().await {
                Some(model) => Ok(End::Done(model)),
                None => self.begin_again().await,
            };
        }
        self.fetch().await
    }

    /// Waits for another program that fetches the same. `None` where the user does not want to wait.
    async fn claim(&self) -> Result<Option<Lock>, ErrorCard> {
        loop {
            let (path, folder, origin) = (
                landing::lock_of(&self.folder),
                self.folder.clone(),
                self.origin.clone(),
            );
            let taken = tokio::task::spawn_blocking(move || {
                let lock = Lock::try_take(&path)?;
                Ok::<_, HubError>((lock, landing::received(&folder, &origin)))
            })
            .await
            .map_err(cards::internal)?;
            let (lock, received) = taken.map_err(|error| cards::hub(TITLE, &error))?;
            if lock.is_some() {
                return Ok(lock);
            }
            self.show(|view| {
                view.status = DownloadStatus::Elsewhere;
                view.received = received;
            });
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.stop.cancelled() => return Ok(None),
            }
        }
    }

    async fn landed_elsewhere(&self) -> Option<ModelRef> {
        let shelf = self.inner.local.shelved().await;
        let file = self.origin.hub_file()?;
        match super::super::shelf::Shelf(shelf).of_file(&file) {
            nexus_protocol::ChoiceState::Here { model } => Some(model),
            _ => None,
        }
    }

    async fn begin_again(&self) -> Result<End, ErrorCard> {
        let (folder, origin) = (self.folder.clone(), self.origin.clone());
        tokio::task::spawn_blocking(move || landing::prepare(&folder, origin))
            .await
            .map_err(cards::internal)??;
        self.fetch().await
    }

    async fn fetch(&self) -> Result<End, ErrorCard> {
        self.show(|view| view.status = DownloadStatus::Connecting);
        let begun_online = !self.inner.hub.switch().is_offline();
        let hub = self.inner.hub.connect().await?;
        let files = self
            .origin
            .files()
            .ok_or_else(|| cards::internal("the note of a download was changed"))?;
        let failed = |error: HubError| cards::hub(TITLE, &error);
        let download = nexus_hub::Downloads::new(hub, 1, self.inner.limits.clone())
            .start(Request {
                model: self.origin.model.clone(),
                revision: self.origin.revision.clone(),
                files,
                optional: self.origin.companions(),
                folder: self.folder.clone(),
            })
            .map_err(failed)?;
        let mut progress = download.progress();
        let mut stopping = false;
        loop {
            tokio::select! {
                changed = progress.changed() => {
                    // It closes when the download has ended.
                    if changed.is_err() {
                        break;
                    }
                    let now = progress.borrow_and_update().clone();
                    self.show(|view| follow(view, &now));
                    if matches!(now.state, State::Done | State::Failed(_)) {
                        break;
                    }
                }
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    download.cancel(Leftovers::Keep);
                }
            }
        }
        match download.finish().await {
            Ok(_) => self.land().await.map(End::Done),
            Err(HubError::Cancelled) => Ok(End::Stopped),
            Err(HubError::Offline) if begun_online => Ok(End::CutOff),
            Err(error) => Err(failed(error)),
        }
    }

    async fn land(&self) -> Result<ModelRef, ErrorCard> {
        self.show(|view| view.status = DownloadStatus::Verifying);
        let (folder, origin) = (self.folder.clone(), self.origin.clone());
        // The folder that it is in, wherever the models are by now.
        let models = folder.parent().map(PathBuf::from).unwrap_or_default();
        let name = tokio::task::spawn_blocking(move || landing::land(&models, &folder, &origin))
            .await
            .map_err(cards::internal)??;
        Ok(ModelRef::new(ModelRef::LOCAL, &name))
    }

    fn show(&self, change: impl FnOnce(&mut Download)) {
        // `None` means that nobody has it on a list any more.
        let _gone = self.inner.show(self.origin.id, change);
    }
}

fn follow(view: &mut Download, now: &Progress) {
    view.status = match now.state {
        State::Queued => DownloadStatus::Connecting,
        State::WaitingForOther => DownloadStatus::Elsewhere,
        State::Fetching if now.rate.is_none() && now.received == view.received => {
            DownloadStatus::Connecting
        }
        State::Fetching => DownloadStatus::Fetching,
        // What comes after is this task's to say.
        State::Verifying | State::Done => DownloadStatus::Verifying,
        State::Paused | State::Failed(_) => view.status.clone(),
    };
    view.received = now.received;
    view.rate = now.rate;
    view.seconds_left = now.left.map(|left| left.as_secs());
    view.trouble = now.trouble.as_ref().map(ToString::to_string);
}
