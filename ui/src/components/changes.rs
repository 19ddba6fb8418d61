//! The Changes panel: which files the agent changed in this chat, what changed, and the ways back.
//!
//! Shows what the core last listed. Refuses to guess what an undo would do: the core says it.

mod conflict;
mod row;
mod turns;

use leptos::{ev, prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, FileChange, SessionId, UndoScope};

use self::{conflict::Conflicts, row::ChangeRow};
use super::{ErrorNote, Icon, Shape};
use crate::{
    actions, browser,
    state::{Loaded, OpenSession, use_app},
};

pub use turns::{TurnChanges, TurnEnd};

/// The panel of the open session.
#[component]
pub fn ChangesPanel(open: OpenSession) -> impl IntoView {
    let app = use_app();
    let session = open.id;
    let changes = RwSignal::from(open.changes);
    let wide = RwSignal::new(false);
    // Rows stay while a newer list is on the way, and keep their open diffs where nothing changed.
    let list =
        Memo::new(move |_| changes.with(|changes| changes.value().cloned().unwrap_or_default()));
    let opened = RwSignal::new(std::collections::HashSet::<String>::new());
    let can_undo = Memo::new(move |_| {
        list.with(|list| list.iter().any(|change| change.not_undoable.is_none()))
    });
    let can_redo = Memo::new(move |_| app.view.redo.get() == Some(session));
    let undo = Memo::new(move |_| app.view.undo.get().filter(|undo| undo.session == session));
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            // Not the turn's end: only the panel's.
            event.prevent_default();
            event.stop_propagation();
            app.view.changes.set(false);
            browser::focus("[data-testid=changes-button]");
        }
    };
    view! {
        <div class="panel-scrim" aria-hidden="true" on:click=move |_| app.view.changes.set(false)></div>
        <aside
            class="changes-panel"
            class:wide=move || wide.get()
            data-testid="changes-panel"
            aria-label="Changes"
            on:keydown=on_key
        >
            <header class="panel-head">
                <h2 class="panel-title">"Changes"</h2>
                <span class="panel-sub">"this chat"</span>
                <span class="grow"></span>
                <Show when=move || can_redo.get()>
                    <button
                        type="button"
                        class="button quiet"
                        data-testid="redo"
                        on:click=move |_| spawn_local(actions::redo(app, session))
                    >
                        "Redo"
                    </button>
                </Show>
                <Show when=move || can_undo.get()>
                    <button
                        type="button"
                        class="button quiet"
                        data-testid="undo-all"
                        on:click=move |_| spawn_local(actions::undo(app, session, UndoScope::All, false))
                    >
                        "Undo all"
                    </button>
                </Show>
                <button
                    type="button"
                    class="icon-button panel-wider"
                    aria-label="Wider"
                    title="Wider"
                    aria-pressed=move || wide.get().to_string()
                    on:click=move |_| wide.update(|wide| *wide = !*wide)
                >
                    <Icon shape=Shape::Wider />
                </button>
                <button
                    type="button"
                    class="icon-button"
                    data-testid="changes-close"
                    aria-label="Close"
                    on:click=move |_| app.view.changes.set(false)
                >
                    <Icon shape=Shape::Cross />
                </button>
            </header>
            <div class="panel-body">
                {move || undo.get().map(|undo| view! { <Conflicts undo /> })}
                {move || changes.with(|changes| match changes {
                    Loaded::Unasked | Loaded::Loading => view! {
                        <div class="skeleton-list late" aria-label="Reading the changes">
                            <span class="skeleton wide"></span>
                            <span class="skeleton"></span>
                            <span class="skeleton short"></span>
                        </div>
                    }
                    .into_any(),
                    Loaded::Failed(card) => view! {
                        <div class="panel-note">
                            <ErrorNote card=card.clone() on_action=Callback::new(move |action: ErrorAction| match action {
                                ErrorAction::Retry | ErrorAction::None => actions::load_changes(app, session),
                                other => actions::perform(app, &other),
                            }) />
                            <button type="button" class="button" on:click=move |_| actions::load_changes(app, session)>
                                "Read again"
                            </button>
                        </div>
                    }
                    .into_any(),
                    Loaded::Ready { value, .. } if value.is_empty() => view! {
                        <p class="panel-note hint" data-testid="changes-empty">
                            "Nothing is changed. What the agent changes in your files is listed here, and can be taken back."
                        </p>
                    }
                    .into_any(),
                    Loaded::Ready { .. } => ().into_any(),
                })}
                <For
                    each=move || list.get()
                    key=change_key
                    children=move |change| view! { <ChangeRow session change opened /> }
                />
            </div>
        </aside>
    }
}

/// A row is drawn anew when anything it says is another.
fn change_key(change: &FileChange) -> (String, u32, u32, usize, bool) {
    (
        format!("{:?} {}", change.kind, change.path),
        change.added,
        change.removed,
        change.calls.len(),
        change.kept,
    )
}

/// The button in the top bar. Not there while nothing is changed.
#[component]
pub fn ChangesButton(open: OpenSession) -> impl IntoView {
    let app = use_app();
    let session: SessionId = open.id;
    let changes = RwSignal::from(open.changes);
    let count = Memo::new(move |_| {
        changes.with(|changes| {
            let list = changes.value().map_or(&[][..], |list| list);
            list.iter().filter(|change| !change.kept).count()
        })
    });
    let shown = Memo::new(move |_| {
        count.get() > 0 || app.view.changes.get() || app.view.redo.get() == Some(session)
    });
    view! {
        <Show when=move || shown.get()>
            <button
                type="button"
                class="button quiet changes-button"
                data-testid="changes-button"
                aria-expanded=move || app.view.changes.get().to_string()
                on:click=move |_| actions::toggle_changes(app)
            >
                <Icon shape=Shape::Undo />
                "Changes"
                <span class="count">{move || count.get()}</span>
            </button>
        </Show>
    }
}
