//! One changed file: how much, its diff on request, and what can be done with it.

use std::collections::HashSet;

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ChangeKind, FileChange, FileDiff, SessionId, UndoScope};

use crate::{
    actions,
    components::{
        ErrorNote, Icon, Shape,
        result::{Counts, DiffView},
    },
    state::{Loaded, use_app},
    visible,
};

/// The row. `opened` holds the paths whose diffs are shown, so that a newer list closes none.
#[component]
pub fn ChangeRow(
    session: SessionId,
    change: FileChange,
    opened: RwSignal<HashSet<String>>,
) -> impl IntoView {
    let app = use_app();
    let diff = RwSignal::new(Loaded::<FileDiff>::Unasked);
    let path = StoredValue::new(change.path.clone());
    let open = Memo::new(move |_| opened.with(|all| path.with_value(|path| all.contains(path))));
    let load = move || {
        diff.set(Loaded::Loading);
        spawn_local(async move {
            let answer = actions::change_diff(session, path.get_value()).await;
            diff.try_set(match answer {
                Ok(value) => Loaded::Ready {
                    value,
                    refreshing: false,
                },
                Err(card) => Loaded::Failed(card),
            });
        });
    };
    // A row that is drawn anew with its diff open reads it anew.
    if open.get_untracked() {
        load();
    }
    let toggle = move |_| {
        let was = open.get_untracked();
        opened.update(|all| {
            let path = path.get_value();
            if was {
                all.remove(&path);
            } else {
                all.insert(path);
            }
        });
        if !was {
            load();
        }
    };
    let busy = RwSignal::new(false);
    let undo = move |_| {
        busy.set(true);
        spawn_local(async move {
            let scope = UndoScope::File {
                path: path.get_value(),
            };
            actions::undo(app, session, scope, false).await;
            busy.try_set(false);
        });
    };
    let keep = move |_| {
        busy.set(true);
        spawn_local(async move {
            actions::keep(app, session, Some(path.get_value())).await;
            busy.try_set(false);
        });
    };
    let kind = match change.kind {
        ChangeKind::Created => Some("new"),
        ChangeKind::Deleted => Some("deleted"),
        ChangeKind::Modified => None,
    };
    let (folder, name) = split_path(&visible::plain(&change.shown));
    let kept = change.kept;
    let fixed = change.not_undoable.clone();
    let can_undo = fixed.is_none();
    view! {
        <section class="change" class:kept=kept data-testid="change-row" data-path=change.shown.clone()>
            <div class="change-head">
                <button
                    type="button"
                    class="change-open"
                    class:open=move || open.get()
                    aria-expanded=move || open.get().to_string()
                    title=change.path.clone()
                    on:click=toggle
                >
                    <span class="turn"><Icon shape=Shape::ChevronRight /></span>
                    <span class="change-what">
                        <code class="change-name" dir="ltr">
                            <span class="path-folder">{folder}</span>
                            <span class="path-file">{name}</span>
                        </code>
                        {kind.map(|kind| view! { <span class="chip small">{kind}</span> })}
                        <Counts added=change.added removed=change.removed />
                    </span>
                </button>
                <button
                    type="button"
                    class="button quiet change-undo"
                    data-testid="change-undo"
                    disabled=move || busy.get() || !can_undo
                    on:click=undo
                >
                    "Undo"
                </button>
                {if kept {
                    view! { <span class="change-kept"><Icon shape=Shape::Check />"Kept"</span> }.into_any()
                } else {
                    view! {
                        <button
                            type="button"
                            class="button"
                            data-testid="change-keep"
                            disabled=move || busy.get()
                            on:click=keep
                        >
                            "Keep"
                        </button>
                    }
                    .into_any()
                }}
            </div>
            {fixed.map(|why| view! { <p class="change-fixed" dir="auto">{format!("Cannot be undone: {why}")}</p> })}
            <Show when=move || open.get()>
                <div class="change-diff">
                    {move || match diff.get() {
                        Loaded::Unasked | Loaded::Loading => view! {
                            <div class="skeleton-list late"><span class="skeleton wide"></span><span class="skeleton"></span></div>
                        }
                        .into_any(),
                        Loaded::Ready { value, .. } => view! { <DiffView diff=value bare=true /> }.into_any(),
                        Loaded::Failed(card) => view! {
                            <ErrorNote card on_action=Callback::new(move |_| load()) />
                        }
                        .into_any(),
                    }}
                </div>
            </Show>
        </section>
    }
}

/// A path in two: what may be shortened, and the file's name, which may not.
fn split_path(path: &str) -> (String, String) {
    let cut = path.rfind(['/', '\\']).map_or(0, |at| at + 1);
    let (folder, name) = path.split_at(cut);
    (folder.to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::split_path;

    #[test]
    fn a_name_stands_apart_from_its_folder() {
        let split = |path| {
            let (folder, name) = split_path(path);
            format!("{folder}|{name}")
        };
        assert_eq!(split("src/ä/main.rs"), "src/ä/|main.rs");
        assert_eq!(split("main.rs"), "|main.rs");
        assert_eq!(split("C:\\a\\b.txt"), "C:\\a\\|b.txt");
    }
}
