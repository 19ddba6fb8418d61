//! The line over the page: its name, what goes on in it, and the way to the sidebar where that is out of sight.

use leptos::prelude::*;
use nexus_protocol::{ItemStatus, ModelActivity, SessionActivity, SessionState};

use super::{DownloadsChip, Icon, Shape, changes::ChangesButton};
use crate::{
    actions,
    app::toggle_sidebar,
    state::{OpenSession, Page, RowBody, use_app},
};

/// The top bar.
#[component]
pub fn TopBar() -> impl IntoView {
    let app = use_app();
    let title = Memo::new(move |_| match app.view.page.get() {
        Page::Models => "Models".to_owned(),
        Page::Settings(_) => "Settings".to_owned(),
        Page::Chat | Page::Onboarding => app
            .summary()
            .map(|summary| summary.title)
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| "New chat".to_owned()),
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
            <Offline />
            <DownloadsChip />
            <Show when=move || at_chat.get()>
                {move || app.store.open.get().map(|open| view! { <ChangesButton open /> })}
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

/// Says that nothing leaves this machine, while that is so; a click ends it.
#[component]
fn Offline() -> impl IntoView {
    let app = use_app();
    let fixed = move || app.facts.is_fixed("offline");
    view! {
        <Show when=move || app.facts.offline()>
            <button
                type="button"
                class="chip local"
                data-testid="banner-offline"
                title=move || if fixed() {
                    "Nothing leaves this machine. Fixed by the environment: NEXUS_OFFLINE"
                } else {
                    "Nothing leaves this machine. Click to go online."
                }
                disabled=fixed
                on:click=move |_| actions::go_online(app)
            >
                <Icon shape=Shape::Lock />
                <span class="chip-text">"Offline"</span>
                <span class="visually-hidden">": nothing leaves this machine. Go online"</span>
            </button>
        </Show>
    }
}

/// What the session is doing, in two words.
#[component]
fn State(open: OpenSession) -> impl IntoView {
    let app = use_app();
    let id = open.id;
    let waiting = Memo::new(move |_| {
        app.store.attention.with(|attention| attention.of(id)) == Some(SessionState::Waiting)
    });
    // A tool at work: the model waits for it. The last of several may still wait its turn.
    let working = {
        let rows = open.rows.clone();
        Memo::new(move |_| {
            let last = rows.with(|rows| rows.last().cloned());
            last.is_some_and(|row| {
                matches!(row.body, RowBody::Tool { .. })
                    && matches!(
                        row.status.get(),
                        ItemStatus::InProgress | ItemStatus::Queued
                    )
            })
        })
    };
    let words = Memo::new(move |_| {
        if waiting.get() {
            return Some(("waiting for you", true));
        }
        let SessionActivity::Running { .. } = open.activity.get() else {
            return None;
        };
        Some(match open.phase.get() {
            Some(ModelActivity::Loading) => ("loading the model", false),
            Some(ModelActivity::Waiting) => ("reading", false),
            Some(ModelActivity::Retrying { .. }) => ("trying again", true),
            None if working.get() => ("running", false),
            None => ("answering", false),
        })
    });
    view! {
        {move || words.get().map(|(words, slow)| view! {
            <span class="top-state" class:warn=slow data-testid="session-state">{words}</span>
        })}
    }
}
