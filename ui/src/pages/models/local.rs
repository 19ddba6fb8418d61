//! What is on this machine: models that can be used, files that cannot, and the starter while it is not in place.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{BrokenModel, ErrorAction, ModelInfo, ModelPlace, ModelRef, StarterStatus};

use super::{local_card::LocalCard, several::Several};
use crate::{
    actions,
    components::{ErrorNote, SureButton},
    format,
    state::{Loaded, use_app},
    visible,
};

/// The part.
#[component]
pub fn Local() -> impl IntoView {
    let app = use_app();
    let local = app.library.local;
    let models = Memo::new(move |_| {
        local.with(|held| {
            held.value().map(|held| {
                held.models
                    .iter()
                    .map(|view| view.info.model.clone())
                    .collect::<Vec<ModelRef>>()
            })
        })
    });
    let broken = Memo::new(move |_| {
        local.with(|held| {
            held.value()
                .map(|held| held.broken.clone())
                .unwrap_or_default()
        })
    });
    // Servers on this machine, such as Ollama: theirs to manage, ours to use.
    let served = Memo::new(move |_| {
        app.facts.catalog.with(|catalog| {
            catalog
                .value()
                .map(|catalog| {
                    catalog
                        .cloud
                        .iter()
                        .filter(|info| info.place == ModelPlace::ThisMachine)
                        .cloned()
                        .collect::<Vec<_>>()
                })
                .unwrap_or_default()
        })
    });
    let starter = Memo::new(move |_| match app.facts.starter.get() {
        Some(StarterStatus::Available { bytes }) => Some(bytes),
        _ => None,
    });
    let failed = Memo::new(move |_| {
        local.with(|held| match held {
            Loaded::Failed(card) => Some(card.clone()),
            _ => None,
        })
    });
    let nothing = Memo::new(move |_| {
        models.with(|all| all.as_ref().is_some_and(Vec::is_empty))
            && served.with(Vec::is_empty)
            && starter.get().is_none()
    });
    view! {
        <section class="models-part" aria-labelledby="part-here" data-testid="local-models">
            <h2 class="section-title" id="part-here">"On this machine"</h2>
            {move || starter.get().map(|bytes| view! { <StarterCard bytes /> })}
            {move || failed.get().map(|card| view! {
                <ErrorNote card on_action=Callback::new(move |_: ErrorAction| actions::load_local(app)) />
            })}
            <Show when=move || models.with(Option::is_none) && failed.with(Option::is_none)>
                <div class="skeleton-list flush late" aria-label="Looking at the models on this machine">
                    <span class="skeleton block"></span>
                    <span class="skeleton block"></span>
                </div>
            </Show>
            <Show when=move || nothing.get()>
                <p class="hint" data-testid="no-models">
                    "No model yet. Get one below, or add a GGUF file of your own: “Add a file…”, paste its path above, or drop it here."
                </p>
            </Show>
            <Several
                items=Signal::derive(move || models.get().unwrap_or_default())
                most=8
                key=ModelRef::clone
                children=|model| view! { <LocalCard model /> }
            />
            <For
                each=move || served.get()
                key=|info| info.model.clone()
                children=|info| view! { <ServedCard info /> }
            />
            <For
                each=move || broken.get()
                key=|broken| (broken.model.clone(), broken.error.detail.clone())
                children=|broken| view! { <BrokenCard broken /> }
            />
        </section>
    }
}

/// The starter model while it is not in place.
#[component]
fn StarterCard(bytes: u64) -> impl IntoView {
    let app = use_app();
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None);
    let get = move || {
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            let result = actions::install_starter(app).await;
            busy.try_set(false);
            if let Err(card) = result {
                failed.try_set(Some(card));
            }
        });
    };
    view! {
        <article class="card model-card" class:busy=move || busy.get() data-testid="starter-card">
            <div class="card-words">
                <div class="card-title">"SmolLM2 135M Instruct" <span class="chip small">"starter"</span></div>
                <div class="card-facts">{format!("{} · came with the app, nothing is downloaded", format::bytes(bytes))}</div>
            </div>
            <div class="card-actions">
                <button
                    type="button"
                    class="button"
                    disabled=move || busy.get()
                    data-testid="starter-install"
                    on:click=move |_| get()
                >
                    {move || if busy.get() { "Putting it in place…" } else { "Put in place" }}
                </button>
            </div>
        </article>
        {move || failed.get().map(|card| view! {
            <ErrorNote card on_action=Callback::new(move |_: ErrorAction| get()) />
        })}
    }
}

/// A model that a server on this machine offers.
#[component]
fn ServedCard(info: ModelInfo) -> impl IntoView {
    let app = use_app();
    let model = info.model.clone();
    view! {
        <article class="card model-card" data-testid="served-card">
            <div class="card-words">
                <div class="card-title">
                    <span dir="auto">{info.display_name.clone()}</span>
                    <span class="chip small">{app.facts.provider_name(info.model.provider())}</span>
                </div>
                <div class="card-facts">{format::model_facts(&info)}</div>
            </div>
            <div class="card-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="use-model"
                    on:click=move |_| actions::use_model(app, model.clone())
                >
                    "Use"
                </button>
            </div>
        </article>
    }
}

/// A file in the models folder that is no usable model.
#[component]
fn BrokenCard(broken: BrokenModel) -> impl IntoView {
    let app = use_app();
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None);
    let bytes = broken.bytes;
    let model = StoredValue::new(broken.model);
    let name = visible::file_name(&visible::plain(&broken.path)).to_owned();
    let remove = Callback::new(move |()| {
        busy.set(true);
        spawn_local(async move {
            if let Err(card) = actions::remove_model(app, model.get_value()).await {
                failed.try_set(Some(card));
            }
            busy.try_set(false);
        });
    });
    view! {
        <article class="card model-card" data-testid="broken-card">
            <div class="card-words">
                <div class="card-title"><span class="file-name" dir="ltr" title=broken.path>{name}</span></div>
                <div class="card-facts">{format!("{} · cannot be used", format::bytes(bytes))}</div>
                <p class="card-trouble" dir="auto">{format!("{}. {}", broken.error.title, broken.error.detail)}</p>
            </div>
            <div class="card-actions">
                <SureButton
                    label="Remove"
                    sure=Signal::derive(move || format!("Delete {}", format::bytes(bytes)))
                    risky=Signal::derive(|| true)
                    testid="broken-remove"
                    disabled=busy
                    run=remove
                />
            </div>
            {move || failed.get().map(|card| view! { <div class="card-below"><ErrorNote card /></div> })}
        </article>
    }
}
