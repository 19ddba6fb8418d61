//! The line over the page: its name, what goes on in it, and the way to the sidebar where that is out of sight.

use leptos::prelude::*;
use nexus_protocol::{ModelActivity, SessionActivity};

use super::{Icon, Shape};
use crate::{
    actions,
    app::toggle_sidebar,
    state::{OpenSession, Page, use_app},
};

/// The top bar.
#[component]
pub fn TopBar() -> impl IntoView {
    let app = use_app();
    let title = Memo::new(move |_| match app.view.page.get() {
        Page::Models => "Models".to_owned(),
        Page::Settings(_) => "Settings".to_owned(),
        Page::Chat | Page::Onboarding => {
            let open = app.store.open.get().map(|open| open.id);
            // The list is read too: a session may come into it after it was opened.
            let row = app
                .store
                .sessions
                .with(|rows| rows.iter().find(|row| Some(row.id) == open).cloned());
            row.map(|row| row.summary.with(|summary| summary.title.clone()))
                .filter(|title| !title.is_empty())
                .unwrap_or_else(|| "New chat".to_owned())
        }
    });
    Effect::new(move |_| {
        if let Some(document) = crate::browser::document() {
            document.set_title(&format!("{} – Nexus", title.get()));
        }
    });
    let at_chat = Memo::new(move |_| app.view.page.get() == Page::Chat);
    let at_models = Memo::new(move |_| app.view.page.get() == Page::Models);
    view! {
        <header class="top-bar">
            <button
                type="button"
                class="icon-button sidebar-toggle"
                data-testid="sidebar-toggle"
                aria-label="Show or hide the sidebar"
                aria-controls="sidebar"
                on:click=move |_| toggle_sidebar(app)
            >
                <Icon shape=Shape::Panel />
            </button>
            <h1 class="top-title" dir="auto" data-testid="top-title">{move || title.get()}</h1>
            <Show when=move || at_chat.get()>
                {move || app.store.open.get().map(|open| view! { <State open /> })}
            </Show>
            <span class="grow"></span>
            <Show when=move || at_chat.get()>
                <button
                    type="button"
                    class="icon-button narrow-only"
                    aria-label="New chat"
                    on:click=move |_| actions::new_chat(app)
                >
                    <Icon shape=Shape::Plus />
                </button>
            </Show>
            <Show when=move || at_models.get()>
                <crate::pages::ModelsTools />
            </Show>
        </header>
    }
}

/// What the session is doing, in two words.
#[component]
fn State(open: OpenSession) -> impl IntoView {
    let words = Memo::new(move |_| {
        let SessionActivity::Running { .. } = open.activity.get() else {
            return None;
        };
        Some(match open.phase.get() {
            Some(ModelActivity::Loading) => ("loading the model", false),
            Some(ModelActivity::Waiting) => ("reading", false),
            Some(ModelActivity::Retrying { .. }) => ("trying again", true),
            None => ("answering", false),
        })
    });
    view! {
        {move || words.get().map(|(words, slow)| view! {
            <span class="top-state" class:warn=slow data-testid="session-state">{words}</span>
        })}
    }
}
