//! Models: what is on this machine, what is on its way, and what could be had.
//!
//! One page with three faces: lists, what a search found, one model's details. Owns how they follow each other; what they
//! show is in [`crate::state::Library`].

mod choices;
mod cloud;
mod details;
mod downloads;
mod drop_file;
mod fit;
mod found;
mod get;
mod hub_card;
mod local;
mod local_card;
mod results;
mod search_field;
mod several;
mod suggested;
mod words;

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::ErrorAction;

use self::{
    cloud::Cloud,
    details::Details,
    downloads::Downloads,
    drop_file::DropFile,
    found::Found,
    local::Local,
    results::{AddPath, Results},
    search_field::SearchField,
    suggested::Suggested,
    words::Typed,
};
use crate::{
    actions,
    components::{ErrorNote, ModelsFolder},
    state::{App, use_app},
};

/// The buttons of the top bar.
#[component]
pub fn ModelsTools() -> impl IntoView {
    let app = use_app();
    let busy = app.view.adding_model;
    view! {
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

fn add_file(app: App) {
    app.view.adding_model.set(true);
    app.view.model_error.set(None);
    spawn_local(async move {
        match actions::pick_model_file(app).await {
            Ok(Some(info)) => drop(app.view.say(
                format!("{} is ready", info.display_name),
                false,
                None,
            )),
            Ok(None) => {}
            Err(card) => app.view.model_error.set(Some(card)),
        }
        app.view.adding_model.set(false);
    });
}

/// Which face the page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Face {
    Lists,
    Results,
    Path(String),
    Details,
}

/// The page.
#[component]
pub fn ModelsPage() -> impl IntoView {
    let app = use_app();
    actions::load_models(app, false);
    actions::load_local(app);
    actions::load_place(app);
    actions::load_found(app);
    actions::load_suggested(app);
    let library = app.library;
    let face = Memo::new(move |_| {
        if library.wanted.with(Option::is_some) {
            return Face::Details;
        }
        match library.query.with(|query| Typed::of(query)) {
            Typed::Nothing => Face::Lists,
            Typed::Question => Face::Results,
            Typed::Path(path) => Face::Path(path),
        }
    });
    view! {
        <div class="page" data-testid="models-page">
            <DropFile />
            <div class="page-column">
                <Show when=move || face.get() != Face::Details>
                    <SearchField />
                </Show>
                {move || app.view.model_error.get().map(|card| view! {
                    <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                        ErrorAction::Retry | ErrorAction::RetryAt { .. } => add_file(app),
                        other => actions::perform(app, &other),
                    }) />
                })}
                {move || match face.get() {
                    Face::Lists => view! {
                        <Downloads />
                        <Local />
                        <Suggested />
                        <Found />
                        <section class="models-part" aria-labelledby="part-folder">
                            <h2 class="section-title" id="part-folder">"On the disk"</h2>
                            <div class="card"><ModelsFolder /></div>
                        </section>
                        <Cloud />
                    }
                    .into_any(),
                    // Without the downloads: what was asked for must not begin below the window.
                    Face::Results => view! { <Results /> }.into_any(),
                    Face::Path(path) => view! { <AddPath path /> }.into_any(),
                    Face::Details => view! { <Details /> }.into_any(),
                }}
            </div>
        </div>
    }
}
