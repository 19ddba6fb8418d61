//! Models on this machine: what is there, what can be added, and the way to the cloud's.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, ErrorCard, ModelInfo, StarterStatus};

use crate::{
    actions,
    components::{ErrorNote, Icon, Shape},
    format,
    state::{App, Loaded, use_app},
};

/// What a page-wide action is at.
#[derive(Clone, Debug, PartialEq)]
enum Adding {
    Idle,
    Busy,
    Failed(ErrorCard),
}

/// How adding a file goes: begun in the top bar, shown on the page.
#[derive(Clone, Copy)]
struct Add(RwSignal<Adding>);

fn add_state(app: App) -> Add {
    // The button and the page are siblings: the state is kept where both find it, and goes with the window.
    if let Some(add) = use_context::<Add>() {
        return add;
    }
    let add = Owner::new_root(None).with(|| Add(RwSignal::new(Adding::Idle)));
    let _ = app;
    add
}

/// The buttons of the top bar.
#[component]
pub fn ModelsTools() -> impl IntoView {
    let app = use_app();
    let busy = app.view.adding_model;
    view! {
        <button type="button" class="button quiet wide-only" on:click=move |_| actions::open_data_dir(app)>
            "Open folder"
        </button>
        <button
            type="button"
            class="button"
            data-testid="add-model-file"
            disabled=move || busy.get()
            on:click=move |_| add_file(app)
        >
            {move || if busy.get() { "Checking the file…" } else { "Add a file…" }}
        </button>
    }
}
