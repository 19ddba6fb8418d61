//! What the window knows: a fold of the core's events ([`Store`]), what its commands returned ([`Facts`], and for models
//! [`Library`]), and where the user is looking ([`View`]). Owns no truth: closing the window loses nothing but drafts.

mod attention;
mod facts;
mod library;
pub mod perf;
mod row;
mod session;
mod store;
mod view;

#[cfg(test)]
mod tests;

use leptos::prelude::{Get, With, expect_context, provide_context};
use nexus_protocol::{Mode, ModelRef, Routing, SessionId, SessionSummary};

pub use attention::Attention;
pub use facts::{Facts, Loaded};
pub use library::{Aftermath, Library, Overall, Wanted, percent};
pub use row::{Appended, Row, RowBody};
pub use session::{Load, OpenSession};
pub use store::{Outcome, SessionRow, Store};
pub use view::{Draft, Page, SettingsSection, Toast, Undo, View};

/// All state of the window; a handful of handles, so it is passed by copy.
#[derive(Clone, Copy)]
pub struct App {
    /// Sessions and their items: written by events only.
    pub store: Store,
    /// Settings, providers, models: written by what commands return.
    pub facts: Facts,
    /// Models on this disk, models to be had, downloads.
    pub library: Library,
    /// Page, dialogs, toasts.
    pub view: View,
}

impl App {
    /// Fresh state, for the lifetime of the current reactive owner.
    pub fn new() -> Self {
        Self {
            store: Store::new(),
            facts: Facts::new(),
            library: Library::new(),
            view: View::new(),
        }
    }

    /// What is known of the open session; `None` in a new chat. Subscribes.
    pub fn summary(self) -> Option<SessionSummary> {
        let id = self.store.open.with(|open| open.as_ref().map(|o| o.id))?;
        self.summary_of(id)
    }

    /// What is known of a session. Subscribes to the list too: a session may come into it after it was opened.
    pub fn summary_of(self, id: SessionId) -> Option<SessionSummary> {
        let rows = self.store.sessions;
        let row = rows.with(|rows| rows.iter().find(|row| row.id == id).cloned())?;
        Some(row.summary.get())
    }

    /// The model that will answer: the open session's, else the one for new chats. Subscribes.
    pub fn model(self) -> Option<ModelRef> {
        self.summary()
            .and_then(|summary| summary.model)
            .or_else(|| self.facts.default_model())
    }

    /// Whether it reads images. Subscribes.
    pub fn takes_images(self) -> bool {
        self.model()
            .and_then(|model| self.facts.model(&model))
            .is_some_and(|info| info.images)
    }

    /// How free the agent is: in the open session, or in the new chat that would begin. Subscribes.
    pub fn mode(self) -> Mode {
        match self.store.open.with(Option::is_some) {
            true => self.summary().map_or(Mode::default(), |s| s.mode),
            false => self.view.new_mode.get(),
        }
    }

    /// Where answers are made, as it was chosen: in the open session, or in the new chat that would begin. Subscribes.
    pub fn routing(self) -> Option<Routing> {
        match self.store.open.with(Option::is_some) {
            true => self.summary().and_then(|summary| summary.routing),
            false => self.view.new_routing.get(),
        }
    }

    /// The working folder: of the open session, or of the new chat that would begin. Subscribes.
    pub fn folder(self) -> Option<String> {
        match self.store.open.with(Option::is_some) {
            true => self.summary().and_then(|summary| summary.folder),
            false => self.view.new_folder.get(),
        }
    }

    /// Hands it to all components below.
    pub fn provide(self) {
        provide_context(self);
    }
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

/// The state that [`App::provide`] handed down. Panics outside the tree: a fault of the program.
pub fn use_app() -> App {
    expect_context::<App>()
}
