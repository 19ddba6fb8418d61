//! Models: those on this disk, those that could be had, and downloads. Written by [`crate::actions`] from what commands return
//! and from what the core says happened; owns no truth.

use leptos::prelude::{
    GetValue, RwSignal, Set, StoredValue, Update, UpdateValue, With, WithUntracked,
};
use nexus_protocol::{
    AppEvent, ChoiceState, Download, DownloadId, DownloadStatus, FoundModel, HubDetails, HubModel,
    HubPage, LocalModels, ModelChoice, ModelRef, ModelsPlace, MoveProgress,
};

use super::Loaded;

/// Which model's details are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `author/name`.
    pub id: String,
    /// The file that an address named: it is pointed out.
    pub file: Option<String>,
    /// The context to reckon memory for; `None` leaves it to the core.
    pub context: Option<u32>,
}

/// What an event asks the window to do beyond showing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// Nothing.
    None,
    /// A download came to its end, well or not.
    Ended(Box<Download>),
    /// Lists of what is on this disk are old now.
    ListsAreOld,
}

/// All downloads that run or wait, as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overall {
    /// How many.
    pub count: usize,
    /// Bytes on this disk.
    pub received: u64,
    /// Bytes in all.
    pub total: u64,
    /// Seconds until the last is done, where each knows its own.
    pub seconds_left: Option<u64>,
}

impl Overall {
    /// How much is here, 0 to 100; 100 only when all is.
    pub fn percent(self) -> u8 {
        percent(self.received, self.total)
    }
}

/// Models and downloads. Copying it copies handles.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    /// What is in the models folder.
    pub local: RwSignal<Loaded<LocalModels>>,
    /// What other apps keep on this disk.
    pub found: RwSignal<Loaded<Vec<FoundModel>>>,
    /// The models folder, the hub's address, its token.
    pub place: RwSignal<Loaded<ModelsPlace>>,
    /// How far a move of the models folder is.
    pub moving: RwSignal<Option<MoveProgress>>,
    /// All downloads, in the order in which they began.
    pub downloads: RwSignal<Vec<Download>>,
    /// What the built-in catalogue suggests.
    pub suggested: RwSignal<Loaded<HubPage>>,
    /// What stands in the search field: it outlives the page.
    pub query: RwSignal<String>,
    /// What was found for it.
    pub results: RwSignal<Loaded<HubPage>>,
    /// Which model's details are shown; `None` shows lists.
    pub wanted: RwSignal<Option<Wanted>>,
    /// Those details.
    pub details: RwSignal<Loaded<HubDetails>>,
    /// Whether more of the results is on the way.
    pub more_comes: RwSignal<bool>,
    questions: StoredValue<u64>,
}

impl Library {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self {
            local: RwSignal::new(Loaded::Unasked),
            found: RwSignal::new(Loaded::Unasked),
            place: RwSignal::new(Loaded::Unasked),
            moving: RwSignal::new(None),
            downloads: RwSignal::new(Vec::new()),
            suggested: RwSignal::new(Loaded::Unasked),
            query: RwSignal::new(String::new()),
            results: RwSignal::new(Loaded::Unasked),
            wanted: RwSignal::new(None),
            details: RwSignal::new(Loaded::Unasked),
            more_comes: RwSignal::new(false),
            questions: StoredValue::new(0),
        }
    }

    /// Numbers a question to the hub: only the answer to the last one counts.
    pub fn ask(&self) -> u64 {
        self.questions.update_value(|count| *count += 1);
        self.questions.get_value()
    }

    /// Whether nothing was asked since.
    pub fn is_last(&self, question: u64) -> bool {
        self.questions.get_value() == question
    }

    /// Takes in what happened outside sessions.
    pub fn apply(&self, event: AppEvent) -> Aftermath {
        match event {
            AppEvent::DownloadChanged { download } => {
                let ended = ends(&download.status)
                    && self
                        .download(download.id)
                        .is_none_or(|held| !ends(&held.status));
                self.put(download.clone());
                if ended {
                    Aftermath::Ended(Box::new(download))
                } else {
                    Aftermath::None
                }
            }
            AppEvent::DownloadRemoved { id } => {
                self.forget(id);
                Aftermath::None
            }
            AppEvent::LocalModelsChanged => Aftermath::ListsAreOld,
            AppEvent::ModelsMoving { progress } => {
                self.moving.set(Some(progress));
                Aftermath::None
            }
        }
    }

    /// Adds a download or changes it.
    fn put(&self, download: Download) {
        self.downloads.update(
            |all| match all.iter_mut().find(|held| held.id == download.id) {
                Some(held) => *held = download,
                None => all.push(download),
            },
        );
    }

    /// Adds a download that a command told of. What events said of it already is newer: one that fails at once has failed before the
    /// command that began it answers.
    pub fn add(&self, download: Download) {
        if self.download(download.id).is_none() {
            self.put(download);
        }
    }

    /// Takes a download off the list.
    pub fn forget(&self, id: DownloadId) {
        self.downloads
            .update(|all| all.retain(|held| held.id != id));
    }

    /// A download as it stands, without subscribing.
    pub fn download(&self, id: DownloadId) -> Option<Download> {
        self.downloads
            .with_untracked(|all| all.iter().find(|held| held.id == id).cloned())
    }

    /// What runs or waits, as one. Subscribes.
    pub fn overall(&self) -> Option<Overall> {
        self.downloads.with(|all| overall(all))
    }

    /// Whether a choice is here or on its way, as of now. Subscribes.
    pub fn choice_state(&self, model: &str, choice: &ModelChoice) -> ChoiceState {
        self.downloads.with(|downloads| {
            self.local.with(|local| {
                state_of(model, &choice.file, &choice.state, downloads, local.value())
            })
        })
    }

    /// The same for an entry of the built-in catalogue. Subscribes.
    pub fn known_state(&self, model: &HubModel) -> ChoiceState {
        let Some(known) = &model.known else {
            return ChoiceState::Absent;
        };
        let told = known
            .here
            .clone()
            .map_or(ChoiceState::Absent, |model| ChoiceState::Here { model });
        self.downloads.with(|downloads| {
            self.local
                .with(|local| state_of(&model.id, &known.file, &told, downloads, local.value()))
        })
    }
}

impl Default for Library {
    fn default() -> Self {
        Self::new()
    }
}

/// Whole percent, rounded down, so that 100 means all.
pub fn percent(done: u64, total: u64) -> u8 {
    if total == 0 {
        return 0;
    }
    let percent = u128::from(done) * 100 / u128::from(total);
    u8::try_from(percent.min(100)).unwrap_or(100)
}

fn ends(status: &DownloadStatus) -> bool {
    matches!(
        status,
        DownloadStatus::Done { .. } | DownloadStatus::Failed { .. }
    )
}

fn overall(downloads: &[Download]) -> Option<Overall> {
    let going: Vec<&Download> = downloads
        .iter()
        .filter(|download| !download.status.rests())
        .collect();
    if going.is_empty() {
        return None;
    }
    let sum = |part: fn(&Download) -> u64| {
        going
            .iter()
            .fold(0_u64, |sum, download| sum.saturating_add(part(download)))
    };
    Some(Overall {
        count: going.len(),
        received: sum(|download| download.received),
        total: sum(|download| download.total),
        seconds_left: going
            .iter()
            .map(|download| download.seconds_left)
            .collect::<Option<Vec<u64>>>()
            .and_then(|all| all.into_iter().max()),
    })
}

/// What was told with a list grows old while downloads run and files go: what is known now counts more.
fn state_of(
    model: &str,
    file: &str,
    told: &ChoiceState,
    downloads: &[Download],
    local: Option<&LocalModels>,
) -> ChoiceState {
    let same = downloads
        .iter()
        .find(|download| download.model == model && download.file == file);
    match same.map(|download| (download.id, &download.status)) {
        Some((_, DownloadStatus::Done { model })) if has(local, model) => {
            return ChoiceState::Here {
                model: model.clone(),
            };
        }
        Some((_, DownloadStatus::Done { .. })) | None => {}
        Some((id, _)) => return ChoiceState::Downloading { download: id },
    }
    let fetched = local.and_then(|local| {
        local.models.iter().find(|held| {
            held.origin
                .as_ref()
                .is_some_and(|origin| origin.model == model && origin.file == file)
        })
    });
    match (fetched, told) {
        (Some(held), _) => ChoiceState::Here {
            model: held.info.model.clone(),
        },
        (None, ChoiceState::Here { model }) if has(local, model) => told.clone(),
        _ => ChoiceState::Absent,
    }
}

/// Whether a model is in the list; taken as told while there is no list.
fn has(local: Option<&LocalModels>, model: &ModelRef) -> bool {
    local.is_none_or(|local| local.models.iter().any(|held| held.info.model == *model))
}

#[cfg(test)]
mod tests;
