//! The root of the tree: what is provided to all, which page fills the window, and the keys that work everywhere.

use std::sync::Arc;

use leptos::{ev, prelude::*};
use nexus_protocol::{ErrorCode, Theme};

use crate::{
    actions, browser,
    components::{Banners, ChangesPanel, SearchDialog, Sidebar, Toasts, TopBar},
    ipc::{bridge, client},
    markdown::MarkdownHost,
    pages::{ChatPage, FailurePage, ModelsPage, OnboardingPage, SettingsPage},
    state::{App, Loaded, Page, View, use_app},
};

/// The whole window.
#[component]
pub fn Root() -> impl IntoView {
    let app = App::new();
    app.provide();
    provide_context(markdown_host(app));
    use_theme(app);
    use_shortcuts(app);
    actions::start(app);

    view! {
        {move || match app.facts.start.get() {
            Loaded::Unasked | Loaded::Loading => view! { <Starting /> }.into_any(),
            Loaded::Failed(card) => view! { <FailurePage card /> }.into_any(),
            Loaded::Ready { .. } => view! { <Window /> }.into_any(),
        }}
        <Toasts />
        <div class="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
            {move || app.store.announcement.get()}
        </div>
    }
}

#[component]
fn Starting() -> impl IntoView {
    view! {
        <div class="app late" aria-busy="true" aria-label="Starting">
            <div class="sidebar">
                <div class="side-head"><span class="brand">"Nexus"</span></div>
                <div class="skeleton-list">
                    <span class="skeleton wide"></span>
                    <span class="skeleton"></span>
                    <span class="skeleton short"></span>
                </div>
            </div>
            <div class="main"></div>
        </div>
    }
}

#[component]
fn Window() -> impl IntoView {
    let app = use_app();
    let onboarding = Memo::new(move |_| app.view.page.get() == Page::Onboarding);
    view! {
        <Show
            when=move || onboarding.get()
            fallback=move || view! { <Frame /> }
        >
            <OnboardingPage />
        </Show>
    }
}

#[component]
fn Frame() -> impl IntoView {
    let app = use_app();
    let View {
        page,
        sidebar_hidden,
        drawer,
        search,
        changes,
        ..
    } = app.view;
    // Going where one is already must not build the page anew: the composer would lose what is typed.
    let page = Memo::new(move |_| page.get());
    let panel = Memo::new(move |_| {
        changes.get() && page.get() == Page::Chat && app.store.open.with(Option::is_some)
    });
    view! {
        <div
            class="app"
            class:panel-open=move || panel.get()
            class:sidebar-hidden=move || sidebar_hidden.get()
            class:drawer-open=move || drawer.get()
        >
            <a class="skip-link" href="#main" on:click=move |event| {
                event.prevent_default();
                app.view.focus();
            }>"Skip to the message box"</a>
            <Sidebar />
            <div class="scrim" aria-hidden="true" on:click=move |_| drawer.set(false)></div>
            <main class="main" id="main">
                <Banners />
                <TopBar />
                {move || match page.get() {
                    Page::Models => view! { <ModelsPage /> }.into_any(),
                    Page::Settings(section) => view! { <SettingsPage section /> }.into_any(),
                    Page::Chat | Page::Onboarding => view! { <ChatPage /> }.into_any(),
                }}
            </main>
            <Show when=move || panel.get()>
                {move || app.store.open.get().map(|open| view! { <ChangesPanel open /> })}
            </Show>
            <Show when=move || search.get()>
                <SearchDialog />
            </Show>
        </div>
    }
}

/// Keeps `data-theme` on the root element: absent means as the system.
fn use_theme(app: App) {
    let theme = Memo::new(move |_| {
        app.facts.settings.with(|view| {
            view.as_ref()
                .map_or(Theme::System, |view| view.settings.theme)
        })
    });
    Effect::new(move |_| {
        let Some(root) = browser::document().and_then(|document| document.document_element())
        else {
            return;
        };
        let name = match theme.get() {
            Theme::System => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        };
        // Setting or removing a plain attribute of the root cannot fail.
        let _done = match name {
            Some(name) => root.set_attribute("data-theme", name),
            None => root.remove_attribute("data-theme"),
        };
    });
}

/// The keys that work everywhere. Fields handle theirs first.
fn use_shortcuts(app: App) {
    let handle = window_event_listener(ev::keydown, move |event| {
        if event.is_composing() || event.default_prevented() || !app.facts.is_started() {
            return;
        }
        let onboarding = app.view.page.get_untracked() == Page::Onboarding;
        if event.key() == "Escape" {
            let running = app
                .store
                .open
                .with_untracked(|open| open.as_ref().is_some_and(|open| open.is_running()));
            let page = app.view.page.get_untracked();
            if app.view.close_floating() || (page == Page::Models && actions::leave_details(app)) {
                event.prevent_default();
            } else if running && page == Page::Chat {
                event.prevent_default();
                actions::stop(app);
            }
            return;
        }
        let command = if browser::is_mac() {
            event.meta_key()
        } else {
            event.ctrl_key()
        };
        if !command || event.alt_key() || event.shift_key() || onboarding {
            return;
        }
        let known = match event.key().as_str() {
            "n" => {
                actions::new_chat(app);
                true
            }
            "k" => {
                app.view.search.update(|open| *open = !*open);
                true
            }
            "," => {
                actions::go_to_settings(app, None);
                true
            }
            "b" => {
                toggle_sidebar(app);
                true
            }
            _ => false,
        };
        if known {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
}

/// Shows or hides the sidebar: a drawer in a narrow window, a column in a wide one.
pub fn toggle_sidebar(app: App) {
    let open = if browser::is_narrow() {
        app.view.drawer
    } else {
        app.view.sidebar_hidden
    };
    open.update(|open| *open = !*open);
    if app.view.drawer.get_untracked() {
        request_animation_frame(|| browser::focus("[data-testid=new-chat]"));
    }
}

/// The side effects that Markdown may have: each goes through the core.
fn markdown_host(app: App) -> MarkdownHost {
    MarkdownHost {
        open_link: Callback::new(move |url: String| actions::open_link(app, url)),
        copy: Callback::new(move |text: String| actions::copy_text(app, text)),
        highlight: Arc::new(|language, code| {
            Box::pin(async move {
                // Without colours the code stays as it is: no word to the user, a line in the log.
                match client::highlight(language, code).await {
                    Ok(spans) => spans,
                    Err(card) => {
                        bridge::report(&format!("highlighting failed: {}", card.detail));
                        Vec::new()
                    }
                }
            })
        }),
        load_image: Arc::new(|url| {
            Box::pin(async move {
                match client::fetch_image(url).await {
                    Ok(image) => Ok(format!("data:{};base64,{}", image.media_type, image.base64)),
                    Err(card) if card.code == ErrorCode::Internal => Err(card.title),
                    Err(card) => Err(format!("{}. {}", card.title, card.detail)),
                }
            })
        }),
    }
}
