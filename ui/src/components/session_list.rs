//! All chats, by day, each with its menu: rename in place, delete with a way back.

use leptos::{ev, html, prelude::*};
use nexus_protocol::SessionState;

use super::{
    Icon, Shape,
    menu::{Menu, MenuItem},
};
use crate::{
    actions, browser,
    format::{DayGroup, local_day},
    state::{Page, SessionRow, use_app},
};

/// The list. Empty days have no heading.
#[component]
pub fn SessionList() -> impl IntoView {
    let app = use_app();
    let groups = Memo::new(move |_| {
        let now = browser::now();
        let today = local_day(now, browser::west_minutes(now));
        let day_of = |row: &SessionRow| {
            let at = row.summary.with_untracked(|summary| summary.updated_at);
            DayGroup::of(local_day(at, browser::west_minutes(at)), today)
        };
        app.store.sessions.with(|rows| {
            rows.iter()
                .map(|row| (row.id, day_of(row)))
                .collect::<Vec<_>>()
        })
    });
    let rows_of = move |group: DayGroup| {
        groups.with(|groups| {
            groups
                .iter()
                .filter(|(_, at)| *at == group)
                .filter_map(|(id, _)| app.store.row(*id))
                .collect::<Vec<_>>()
        })
    };
    view! {
        <div class="session-list" role="group" aria-label="Chats">
            <Show when=move || app.store.sessions.with(Vec::is_empty)>
                <p class="side-empty">"Your chats will be listed here."</p>
            </Show>
            {DayGroup::ALL
                .into_iter()
                .map(|group| {
                    let any = Memo::new(move |_| {
                        groups.with(|groups| groups.iter().any(|(_, at)| *at == group))
                    });
                    view! {
                        <Show when=move || any.get()>
                            <section aria-label=group.title()>
                                <h2 class="side-title" aria-hidden="true">{group.title()}</h2>
                                <For
                                    each=move || rows_of(group)
                                    key=|row| row.id
                                    children=|row| view! { <SessionLine row /> }
                                />
                            </section>
                        </Show>
                    }
                })
                .collect_view()}
        </div>
    }
}

#[component]
fn SessionLine(row: SessionRow) -> impl IntoView {
    let app = use_app();
    let id = row.id;
    let summary = RwSignal::from(row.summary);
    let menu = RwSignal::new(false);
    let renaming = RwSignal::new(false);
    let opener = NodeRef::<html::Button>::new();
    let title = Memo::new(move |_| {
        let title = summary.with(|summary| summary.title.clone());
        if title.is_empty() {
            "New chat".to_owned()
        } else {
            title
        }
    });
    let current = Memo::new(move |_| {
        app.view.page.get() == Page::Chat
            && app
                .store
                .open
                .with(|open| open.as_ref().is_some_and(|open| open.id == id))
    });
    let state = Memo::new(move |_| app.store.attention.with(|attention| attention.of(id)));
    let on_key = move |event: ev::KeyboardEvent| match event.key().as_str() {
        "F2" => {
            event.prevent_default();
            renaming.set(true);
        }
        "Delete" => {
            event.prevent_default();
            actions::delete_session(app, id);
        }
        _ => {}
    };
    let items = move || {
        vec![
            MenuItem {
                label: "Rename",
                hint: "",
                chosen: None,
                shape: Shape::Pencil,
                bad: false,
                testid: "session-rename",
                run: Callback::new(move |()| renaming.set(true)),
            },
            MenuItem {
                label: "Delete",
                hint: "",
                chosen: None,
                shape: Shape::Bin,
                bad: true,
                testid: "session-delete",
                run: Callback::new(move |()| actions::delete_session(app, id)),
            },
        ]
    };
    let close = Callback::new(move |()| {
        menu.set(false);
        if let Some(opener) = opener.get_untracked() {
            let _focused = opener.focus();
        }
    });
    view! {
        <div
            class="session-row"
            class:current=move || current.get()
            class:menu-open=move || menu.get()
            data-testid="session-row"
            data-session=id.to_string()
        >
            <Show
                when=move || !renaming.get()
                fallback=move || view! { <RenameField title=title.get_untracked() id renaming /> }
            >
                <button
                    type="button"
                    class="session-open"
                    aria-current=move || current.get().then_some("true")
                    title=move || title.get()
                    on:click=move |_| actions::open_session(app, id)
                    on:dblclick=move |_| renaming.set(true)
                    on:keydown=on_key
                >
                    {move || state.get().map(|state| {
                        let (class, testid, words) = match state {
                            SessionState::Running => ("dot", "session-running", "Answering: "),
                            SessionState::Waiting => ("dot waiting", "session-waiting", "Waiting for you: "),
                        };
                        view! {
                            <span class=class data-testid=testid></span>
                            <span class="visually-hidden">{words}</span>
                        }
                    })}
                    <span class="session-title" dir="auto">{move || title.get()}</span>
                </button>
                <button
                    type="button"
                    class="icon-button session-more"
                    node_ref=opener
                    data-testid="session-menu"
                    aria-haspopup="menu"
                    aria-expanded=move || menu.get().to_string()
                    aria-label=move || format!("More for {}", title.get())
                    on:click=move |_| menu.set(true)
                >
                    <Icon shape=Shape::Dots />
                </button>
                <Show when=move || menu.get()>
                    <Menu label=title.get_untracked() items=items() close />
                </Show>
            </Show>
        </div>
    }
}

#[component]
fn RenameField(
    title: String,
    id: nexus_protocol::SessionId,
    renaming: RwSignal<bool>,
) -> impl IntoView {
    let app = use_app();
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _focused = field.focus();
            field.select();
        }
    });
    let old = StoredValue::new(title.clone());
    let finish = move |keep: bool| {
        // Leaving by Enter or Escape also blurs the field: only the first of the two counts.
        if !renaming.get_untracked() {
            return;
        }
        let new = field
            .get_untracked()
            .map_or_else(String::new, |field| field.value());
        let new = new.trim().to_owned();
        renaming.set(false);
        if keep && !new.is_empty() && old.with_value(|old| *old != new) {
            actions::rename_session(app, id, new);
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.is_composing() {
            return;
        }
        let keep = match event.key().as_str() {
            "Enter" => true,
            "Escape" => false,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        finish(keep);
        let row = format!("[data-session=\"{id}\"] .session-open");
        request_animation_frame(move || browser::focus(&row));
    };
    view! {
        <input
            class="rename-field"
            node_ref=field
            data-testid="rename-input"
            aria-label="New title"
            maxlength="200"
            dir="auto"
            value=title
            on:keydown=on_key
            on:blur=move |_| finish(true)
        />
    }
}
