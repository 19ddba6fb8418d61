//! The column at the left: what to start, where to look, all chats, and the two pages beside the chat.

use leptos::prelude::*;

use super::{DownloadsNote, Icon, Shape, session_list::SessionList};
use crate::{
    actions, browser,
    state::{Page, use_app},
};

/// The sidebar.
#[component]
pub fn Sidebar() -> impl IntoView {
    let app = use_app();
    let at_models = Memo::new(move |_| app.view.page.get() == Page::Models);
    let at_settings = Memo::new(move |_| matches!(app.view.page.get(), Page::Settings(_)));
    view! {
        <nav class="sidebar" id="sidebar" data-testid="sidebar" aria-label="Chats and pages">
            <div class="side-head">
                <span class="brand">"Nexus"</span>
                <Show when=move || app.facts.offline_ready()>
                    <span
                        class="chip local"
                        data-testid="offline-ready"
                        title="A model is on this machine: it answers without any network"
                    >
                        <Icon shape=Shape::Lock />
                        "Offline ready"
                    </span>
                </Show>
            </div>
            <button
                type="button"
                class="button side-action"
                data-testid="new-chat"
                on:click=move |_| actions::new_chat(app)
            >
                <Icon shape=Shape::Plus />
                <span class="grow">"New chat"</span>
                <kbd>{browser::shortcut("N")}</kbd>
            </button>
            <button
                type="button"
                class="field side-action"
                data-testid="search"
                aria-haspopup="dialog"
                on:click=move |_| {
                    app.view.drawer.set(false);
                    app.view.search.set(true);
                }
            >
                <Icon shape=Shape::Search />
                <span class="grow">"Search everything"</span>
                <kbd>{browser::shortcut("K")}</kbd>
            </button>
            <SessionList />
            <div class="side-foot">
                <DownloadsNote />
                <button
                    type="button"
                    class="side-link"
                    data-testid="models"
                    aria-current=move || at_models.get().then_some("page")
                    on:click=move |_| actions::go_to_models(app)
                >
                    <Icon shape=Shape::Cube />
                    "Models"
                </button>
                <button
                    type="button"
                    class="side-link"
                    data-testid="settings"
                    aria-current=move || at_settings.get().then_some("page")
                    on:click=move |_| actions::go_to_settings(app, None)
                >
                    <Icon shape=Shape::Gear />
                    "Settings"
                </button>
            </div>
        </nav>
    }
}
