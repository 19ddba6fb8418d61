//! Models on this machine: what is there, what can be added, and the way to the cloud's.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, ModelInfo, ModelPlace, StarterStatus};

use crate::{
    actions,
    components::{ErrorNote, Icon, Shape},
    format,
    state::{App, Loaded, use_app},
};

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

/// The page.
#[component]
pub fn ModelsPage() -> impl IntoView {
    let app = use_app();
    actions::load_models(app, false);
    let here = Memo::new(move |_| {
        app.facts.catalog.with(|catalog| {
            catalog.value().map(|catalog| {
                let own = catalog.local.iter();
                let served = catalog
                    .cloud
                    .iter()
                    .filter(|info| info.place == ModelPlace::ThisMachine);
                own.chain(served).cloned().collect::<Vec<_>>()
            })
        })
    });
    let starter_waits = Memo::new(move |_| match app.facts.starter.get() {
        Some(StarterStatus::Available { bytes }) => Some(bytes),
        _ => None,
    });
    let cloud = Memo::new(move |_| {
        app.facts.catalog.with(|catalog| {
            catalog.value().map_or(0, |catalog| {
                catalog
                    .cloud
                    .iter()
                    .filter(|info| info.place == ModelPlace::Cloud)
                    .count()
            })
        })
    });
    view! {
        <div class="page" data-testid="models-page">
            <div class="page-column">
                {move || app.view.model_error.get().map(|card| view! {
                    <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                        ErrorAction::Retry | ErrorAction::RetryAt { .. } => add_file(app),
                        other => actions::perform(app, &other),
                    }) />
                })}
                <h2 class="section-title">"On this machine"</h2>
                {move || starter_waits.get().map(|bytes| view! { <StarterCard bytes /> })}
                {move || match (here.get(), app.facts.catalog.get()) {
                    (_, Loaded::Failed(card)) => view! {
                        <ErrorNote card on_action=Callback::new(move |_: ErrorAction| actions::load_models(app, true)) />
                    }
                    .into_any(),
                    (None, _) => view! {
                        <div class="skeleton-list late" aria-label="Reading the list of models">
                            <span class="skeleton block"></span>
                            <span class="skeleton block"></span>
                        </div>
                    }
                    .into_any(),
                    (Some(models), _) if models.is_empty() => view! {
                        <p class="hint">
                            {if starter_waits.get().is_some() {
                                "Or add a GGUF file of your own with “Add a file…”."
                            } else {
                                "No model yet. Add a GGUF file with “Add a file…”: it is checked, then kept in the data folder."
                            }}
                        </p>
                    }
                    .into_any(),
                    (Some(models), _) => models
                        .into_iter()
                        .map(|info| view! { <ModelCard info /> })
                        .collect_view()
                        .into_any(),
                }}
                <h2 class="section-title">"In the cloud"</h2>
                <div class="card model-card">
                    <div class="card-words">
                        <div class="card-title">
                            {move || match cloud.get() {
                                0 => "No cloud model yet".to_owned(),
                                1 => "1 cloud model".to_owned(),
                                count => format!("{} cloud models", format::grouped(count as u64)),
                            }}
                        </div>
                        <div class="card-facts">"Of the providers for which there is a key. What you write leaves this machine."</div>
                    </div>
                    <div class="card-actions">
                        <Show when=move || { cloud.get() > 0 }>
                            <button
                                type="button"
                                class="button"
                                on:click=move |_| {
                                    actions::new_chat(app);
                                    app.view.picker.set(true);
                                }
                            >
                                "Choose…"
                            </button>
                        </Show>
                        <button
                            type="button"
                            class="button"
                            on:click=move |_| actions::go_to_settings(app, None)
                        >
                            "Keys…"
                        </button>
                    </div>
                </div>
            </div>
        </div>
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
        <div class="card model-card" class:busy=move || busy.get() data-testid="starter-card">
            <div class="card-words">
                <div class="card-title">"SmolLM2 135M Instruct" <span class="chip small">"starter"</span></div>
                <div class="card-facts">{format!("{} · came with the app, nothing is downloaded", format::bytes(bytes))}</div>
            </div>
            <div class="card-actions">
                <button
                    type="button"
                    class="button primary"
                    disabled=move || busy.get()
                    data-testid="starter-install"
                    on:click=move |_| get()
                >
                    {move || if busy.get() { "Putting it in place…" } else { "Get" }}
                </button>
            </div>
        </div>
        {move || failed.get().map(|card| view! {
            <ErrorNote card on_action=Callback::new(move |_: ErrorAction| get()) />
        })}
    }
}

#[component]
fn ModelCard(info: ModelInfo) -> impl IntoView {
    let app = use_app();
    let model = StoredValue::new(info.model.clone());
    let own = info.model.is_local();
    let starter = matches!(
        app.facts.starter.get_untracked(),
        Some(StarterStatus::Installed { model }) if model == info.model
    );
    let is_default =
        Memo::new(move |_| model.with_value(|m| app.facts.default_model().as_ref() == Some(m)));
    let sure = RwSignal::new(false);
    let failed = RwSignal::new(None);
    let chat = move |_| {
        let chosen = model.get_value();
        actions::new_chat(app);
        spawn_local(async move {
            if let Err(card) = actions::choose_model(app, chosen).await {
                app.view.send_error.set(Some(card));
            }
        });
    };
    let remove = move |_| {
        if !sure.get_untracked() {
            sure.set(true);
            return;
        }
        let gone = model.get_value();
        spawn_local(async move {
            if let Err(card) = actions::remove_model(app, gone).await {
                failed.try_set(Some(card));
            }
            sure.try_set(false);
        });
    };
    view! {
        <div class="card model-card" data-testid="model-card" data-model=info.model.0.clone()>
            <div class="card-words">
                <div class="card-title">
                    <span dir="auto">{info.display_name.clone()}</span>
                    {starter.then(|| view! { <span class="chip small">"starter"</span> })}
                    {(!own).then(|| view! {
                        <span class="chip small">{app.facts.provider_name(info.model.provider())}</span>
                    })}
                    <Show when=move || is_default.get()>
                        <span class="chip small local"><Icon shape=Shape::Check />"for new chats"</span>
                    </Show>
                </div>
                <div class="card-facts">{format::model_facts(&info)}</div>
            </div>
            <div class="card-actions">
                {own.then(|| view! {
                    <button
                        type="button"
                        class="button quiet"
                        class:bad=move || sure.get()
                        data-testid="model-remove"
                        on:click=remove
                        on:blur=move |_| sure.set(false)
                    >
                        {move || if sure.get() { "Delete the file" } else { "Remove" }}
                    </button>
                })}
                <button type="button" class="button primary" data-testid="model-chat" on:click=chat>
                    "Chat"
                </button>
            </div>
        </div>
        {move || failed.get().map(|card| view! { <ErrorNote card /> })}
    }
}
