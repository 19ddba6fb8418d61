//! Models that other apps keep on this disk: one press uses them, without a copy.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, FoundApp, FoundModel};

use super::several::Several;
use crate::{
    actions,
    components::ErrorNote,
    format,
    state::{Loaded, use_app},
    visible,
};

const APPS: [FoundApp; 5] = [
    FoundApp::LmStudio,
    FoundApp::Ollama,
    FoundApp::Jan,
    FoundApp::LlamaCpp,
    FoundApp::HuggingFace,
];

/// The part; nothing where nothing was found.
#[component]
pub fn Found() -> impl IntoView {
    let app = use_app();
    let found = Memo::new(move |_| {
        app.library
            .found
            .with(|held| held.value().cloned().unwrap_or_default())
    });
    let failed = Memo::new(move |_| {
        app.library.found.with(|held| match held {
            Loaded::Failed(card) => Some(card.clone()),
            _ => None,
        })
    });
    view! {
        {move || failed.get().map(|card| view! {
            <ErrorNote card on_action=Callback::new(move |_: ErrorAction| actions::load_found(app)) />
        })}
        <Show when=move || found.with(|all| !all.is_empty())>
            <section class="models-part" aria-labelledby="part-found" data-testid="found-models">
                <h2 class="section-title" id="part-found">"Found in other apps"</h2>
                {APPS
                    .into_iter()
                    .map(|which| {
                        let of = Memo::new(move |_| {
                            found.with(|all| {
                                all.iter().filter(|model| model.app == which).cloned().collect::<Vec<_>>()
                            })
                        });
                        view! { <Show when=move || of.with(|of| !of.is_empty())><OfApp which of /></Show> }
                    })
                    .collect_view()}
            </section>
        </Show>
    }
}

#[component]
fn OfApp(which: FoundApp, of: Memo<Vec<FoundModel>>) -> impl IntoView {
    view! {
        <div class="card found" role="group" aria-label=which.title()>
            <div class="found-app">
                <span>{which.title()}</span>
                <span class="found-count">{move || of.with(|of| format::count(of.len(), "model", "models"))}</span>
            </div>
            <Several
                items=of
                most=5
                key=|model: &FoundModel| (model.path.clone(), model.here.clone())
                children=|model| view! { <FoundLine model /> }
            />
        </div>
    }
}

#[component]
fn FoundLine(model: FoundModel) -> impl IntoView {
    let app = use_app();
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None);
    let name = visible::plain(&model.name);
    let mut facts = vec![format::bytes(model.bytes)];
    facts.extend(model.quantization.clone());
    let path = StoredValue::new(model.path.clone());
    let take = move || {
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match actions::take_model(app, path.get_value()).await {
                Ok(info) => {
                    let model = info.model.clone();
                    app.view.say(
                        format!("{} is ready, and nothing was copied", info.display_name),
                        false,
                        Some((
                            "Use".into(),
                            Callback::new(move |()| actions::use_model(app, model.clone())),
                        )),
                    );
                }
                Err(card) => drop(failed.try_set(Some(card))),
            }
            busy.try_set(false);
        });
    };
    let right = match (&model.problem, &model.here) {
        (Some(problem), _) => {
            let words = format!("{}. {}", problem.title, problem.detail);
            view! { <p class="found-problem" dir="auto">{words}</p> }.into_any()
        }
        (None, Some(here)) => {
            let here = here.clone();
            let label = format!("Use {name}");
            view! {
                <div class="card-actions">
                    <span class="fit-needs">"on the list above"</span>
                    <button
                        type="button"
                        class="button quiet"
                        aria-label=label
                        data-testid="use-model"
                        on:click=move |_| actions::use_model(app, here.clone())
                    >
                        "Use"
                    </button>
                </div>
            }
            .into_any()
        }
        (None, None) => {
            let label = format!("Add {name} without copying it");
            view! {
                <button
                    type="button"
                    class="button"
                    aria-label=label
                    title="Adds a link: nothing is copied"
                    data-testid="found-take"
                    disabled=move || busy.get()
                    on:click=move |_| take()
                >
                    {move || if busy.get() { "Checking…" } else { "Add" }}
                </button>
            }
            .into_any()
        }
    };
    view! {
        <div class="found-line" data-testid="found-line" data-path=path.get_value()>
            <div class="card-words">
                <div class="found-name" dir="auto" title=path.get_value()>{name}</div>
                <div class="card-facts">{facts.join(" · ")}</div>
            </div>
            {right}
            {move || failed.get().map(|card| view! {
                <div class="card-below">
                    <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                        ErrorAction::Retry | ErrorAction::RetryAt { .. } => take(),
                        other => actions::perform(app, &other),
                    }) />
                </div>
            })}
        </div>
    }
}
