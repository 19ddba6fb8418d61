//! Files that somebody changed since the agent did: both versions, and what an undo would lose.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::UndoConflict;

use crate::{
    actions,
    components::{Icon, Shape, result::DiffView},
    format,
    state::{Undo, use_app},
    visible,
};

/// The question: undo all the same, or leave everything as it is.
#[component]
pub fn Conflicts(undo: Undo) -> impl IntoView {
    let app = use_app();
    let busy = RwSignal::new(false);
    let Undo {
        session,
        scope,
        report,
    } = undo;
    let count = report.conflicts.len();
    let scope = StoredValue::new(scope);
    let force = move |_| {
        busy.set(true);
        spawn_local(async move {
            actions::undo(app, session, scope.get_value(), true).await;
            busy.try_set(false);
        });
    };
    view! {
        <section class="conflict" role="alert" data-testid="undo-conflict">
            <p class="conflict-title">
                <Icon shape=Shape::Warning />
                <strong>{format!("{} changed since", format::count(count, "file was", "files were"))}</strong>
            </p>
            <p class="conflict-words">
                "Nothing is undone yet. If you undo anyway, the changes made since are lost."
            </p>
            {report.conflicts.into_iter().map(|conflict| view! { <Conflict conflict /> }).collect_view()}
            <div class="actions end">
                <button
                    type="button"
                    class="button"
                    data-testid="undo-cancel"
                    on:click=move |_| app.view.undo.set(None)
                >
                    "Cancel"
                </button>
                <button
                    type="button"
                    class="button bad"
                    data-testid="undo-force"
                    disabled=move || busy.get()
                    on:click=force
                >
                    "Undo anyway"
                </button>
            </div>
        </section>
    }
}

#[component]
fn Conflict(conflict: UndoConflict) -> impl IntoView {
    let UndoConflict {
        path,
        shown,
        since,
        undo,
    } = conflict;
    view! {
        <div class="conflict-file">
            <code dir="ltr" title=path>{visible::plain(&shown)}</code>
            <h3 class="label">"Changed since: what you would lose"</h3>
            <DiffView diff=since bare=true />
            <h3 class="label">"What the undo would do"</h3>
            <DiffView diff=undo bare=true />
        </div>
    }
}
