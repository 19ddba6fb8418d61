//! What the window knows: a fold of the core's events ([`Store`]), what its commands returned ([`Facts`]), and where the
//! user is looking ([`View`]). Owns no truth: closing the window loses nothing but drafts.

mod facts;
pub mod perf;
mod row;
mod session;
mod store;
mod view;

#[cfg(test)]
mod tests;

use leptos::prelude::{expect_context, provide_context};

pub use facts::{Facts, Loaded};
pub use row::{Appended, Row, RowBody};
pub use session::{Load, OpenSession};
pub use store::{Outcome, SessionRow, Store};
pub use view::{Draft, Page, SettingsSection, Toast, View};

/// All state of the window; a handful of handles, so it is passed by copy.
#[derive(Clone, Copy)]
pub struct App {
    /// Sessions and their items: written by events only.
    pub store: Store,
    /// Settings, providers, models: written by what commands return.
    pub facts: Facts,
    /// Page, dialogs, toasts.
    pub view: View,
}

impl App {
    /// Fresh state, for the lifetime of the current reactive owner.
    pub fn new() -> Self {
        Self {
            store: Store::new(),
            facts: Facts::new(),
            view: View::new(),
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
