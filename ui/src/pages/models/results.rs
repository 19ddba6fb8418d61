//! What was found for the words in the field, or the file that the path in it names.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, ErrorCard, HubPage, ImportMode};

use super::hub_card::HubCard;
use crate::{
    actions,
    components::ErrorNote,
    format,
    state::{Loaded, use_app},
    visible,
};

/// The list.
#[component]
pub fn Results() -> impl IntoView {
    let app = use_app();
    let results = app.library.results;
    let busy = Memo::new(move |_| {
        results.with(|held| {
            matches!(
                held,
                Loaded::Ready {
                    refreshing: true,
                    ..
                }
            )
        })
    });
    let page = Memo::new(move |_| results.with(|held| held.value().cloned()));
    let failed = Memo::new(move |_| {
        results.with(|held| match held {
            Loaded::Failed(card) => Some(card.clone()),
            _ => None,
        })
    });
    let again = Callback::new(move |action: ErrorAction| match action {
        ErrorAction::Retry | ErrorAction::RetryAt { .. } => actions::search_models(app),
        other => actions::perform(app, &other),
    });
    view! {
        <section class="models-part" aria-label="Search results" aria-busy=move || busy.get().to_string() data-testid="hub-results">
            <p class="visually-hidden" role="status">
                {move || page.with(|page| page.as_ref().filter(|_| !busy.get()).map(|page| {
                    format::count(page.models.len(), "model", "models")
                }))}
            </p>
            {move || match (failed.get(), page.with(Option::is_some)) {
                (Some(card), _) => view! { <ErrorNote card on_action=again /> }.into_any(),
                (None, false) => view! {
                    <div class="skeleton-list flush late" aria-label="Asking the hub">
                        <span class="skeleton block"></span>
                        <span class="skeleton block"></span>
                        <span class="skeleton block"></span>
                    </div>
                }
                .into_any(),
                (None, true) => view! { <Page page busy again /> }.into_any(),
            }}
        </section>
    }
}

#[component]
fn Page(
    page: Memo<Option<HubPage>>,
    busy: Memo<bool>,
    again: Callback<ErrorAction>,
) -> impl IntoView {
    let app = use_app();
    let trouble =
        Memo::new(move |_| page.with(|page| page.as_ref().and_then(|page| page.trouble.clone())));
    let models = Memo::new(move |_| {
        page.with(|page| {
            page.as_ref()
                .map(|page| page.models.clone())
                .unwrap_or_default()
        })
    });
    let more =
        Memo::new(move |_| page.with(|page| page.as_ref().is_some_and(|page| page.next.is_some())));
    let comes = app.library.more_comes;
    view! {
        {move || trouble.get().map(|card| view! { <ErrorNote card on_action=again /> })}
        {move || (trouble.with(Option::is_some) && !more.get() && models.with(|all| !all.is_empty())).then(|| view! {
            <h2 class="section-title">"From the list that came with the app"</h2>
        })}
        <div class="models-part" class:pale=move || busy.get()>
            <For
                each=move || models.get()
                // Two answers may say different things of one model.
                key=|model| serde_json::to_string(model).unwrap_or_else(|_| model.id.clone())
                children=|model| view! { <HubCard model /> }
            />
        </div>
        <Show when=move || models.with(Vec::is_empty)>
            <div class="empty" data-testid="hub-none">
                <p>"No model that this app can run matches."</p>
                <p class="hint">"Try fewer words, or paste the model’s name (author/name) or the address of its page."</p>
            </div>
        </Show>
        <Show when=move || more.get()>
            <div class="actions center">
                <button
                    type="button"
                    class="button"
                    data-testid="hub-more"
                    disabled=move || comes.get()
                    on:click=move |_| actions::more_models(app)
                >
                    {move || if comes.get() { "Asking…" } else { "Show more" }}
                </button>
            </div>
        </Show>
    }
}

/// What came of adding a file.
#[derive(Clone, PartialEq)]
enum Adding {
    Rest,
    Busy,
    Failed(ErrorCard),
}

/// A path stands in the field: the file can be added.
#[component]
pub fn AddPath(path: String) -> impl IntoView {
    let app = use_app();
    let state = RwSignal::new(Adding::Rest);
    let shown = visible::plain(&path);
    let name = visible::file_name(&shown).to_owned();
    let path = StoredValue::new(path);
    let add = move |mode: ImportMode| {
        state.set(Adding::Busy);
        spawn_local(async move {
            match actions::import_model(app, path.get_value(), mode).await {
                Ok(info) => {
                    app.view
                        .say(format!("{} is ready", info.display_name), false, None);
                    app.library.query.set(String::new());
                }
                Err(card) => drop(state.try_set(Adding::Failed(card))),
            }
        });
    };
    let busy = move || state.get() == Adding::Busy;
    view! {
        <section class="models-part" aria-label="A file of your own">
            <div class="card model-card add-path" data-testid="add-path">
                <div class="card-words">
                    <div class="card-title">{format!("Add {name}")}</div>
                    <div class="card-facts">
                        <code class="path" dir="ltr">{shown}</code>
                    </div>
                    <p class="card-about">
                        "The file is checked and stays where it is: the models folder gets a link to it. A copy takes its size again, and the file may go afterwards."
                    </p>
                </div>
                <div class="card-actions">
                    <button
                        type="button"
                        class="button"
                        data-testid="add-path-copy"
                        disabled=busy
                        on:click=move |_| add(ImportMode::Copy)
                    >
                        "Copy"
                    </button>
                    <button
                        type="button"
                        class="button primary"
                        data-testid="add-path-link"
                        disabled=busy
                        on:click=move |_| add(ImportMode::Either)
                    >
                        {move || if busy() { "Checking the file…" } else { "Add" }}
                    </button>
                </div>
            </div>
            {move || match state.get() {
                Adding::Failed(card) => view! {
                    <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                        ErrorAction::Retry | ErrorAction::RetryAt { .. } => add(ImportMode::Either),
                        other => actions::perform(app, &other),
                    }) />
                }
                .into_any(),
                _ => ().into_any(),
            }}
        </section>
    }
}
