//! The first screen: three equal doors to a model that answers. Nothing is chosen for the user.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{
    ErrorAction, ErrorCard, ImportMode, KeyStatus, KeyTest, ModelPlace, ModelRef, StarterStatus,
};

use crate::{
    actions,
    components::{Banners, ErrorNote, Icon, ModelList, Shape, TextField},
    format,
    state::{App, Page, use_app},
};

/// What a door is at.
#[derive(Clone, Debug, PartialEq)]
enum Door {
    Rest,
    Busy(&'static str),
    Failed(ErrorCard),
}

/// The page.
#[component]
pub fn OnboardingPage() -> impl IntoView {
    let app = use_app();
    // The cloud door opened: which of its models shall answer.
    let choosing = RwSignal::new(None::<String>);
    view! {
        <main class="lone-page onboarding" data-testid="onboarding">
            <div class="onboarding-banners"><Banners /></div>
            <div class="onboarding-column">
                <h1 class="onboarding-title">"Welcome to Nexus"</h1>
                <p class="onboarding-lead">
                    "Choose who answers first. You can add the others at any time, and switch in the middle of a chat."
                </p>
                {move || match choosing.get() {
                    Some(provider) => view! { <ChooseModel provider choosing /> }.into_any(),
                    None => view! {
                        <div class="doors">
                            <StarterDoor />
                            <FileDoor />
                            <KeyDoor choosing />
                        </div>
                        <p class="onboarding-foot">
                            <button
                                type="button"
                                class="link-button"
                                data-testid="onboarding-skip"
                                on:click=move |_| {
                                    app.view.page.set(Page::Chat);
                                    app.view.focus();
                                }
                            >
                                "Look around first"
                            </button>
                        </p>
                    }
                    .into_any(),
                }}
            </div>
        </main>
    }
}

/// Through a door: the model is chosen, the chat begins.
async fn enter(app: App, model: ModelRef) -> Result<(), ErrorCard> {
    actions::choose_model(app, model).await?;
    app.view.page.set(Page::Chat);
    app.view.focus();
    Ok(())
}

#[component]
fn DoorFrame(
    shape: Shape,
    title: &'static str,
    place: ModelPlace,
    testid: &'static str,
    state: RwSignal<Door>,
    again: Callback<()>,
    children: Children,
) -> impl IntoView {
    let app = use_app();
    let (place_class, place_text) = match place {
        ModelPlace::ThisMachine => ("chip small local", "this machine"),
        ModelPlace::Cloud => ("chip small cloud", "cloud"),
    };
    view! {
        <section
            class="door"
            class:busy=move || matches!(state.get(), Door::Busy(_))
            data-testid=testid
            aria-label=title
        >
            <div class="door-head">
                <span class="door-mark"><Icon shape /></span>
                <span class=place_class>{place_text}</span>
            </div>
            <h2 class="door-title">{title}</h2>
            {children()}
            <div aria-live="polite">
                {move || match state.get() {
                    Door::Rest => ().into_any(),
                    Door::Busy(words) => view! {
                        <p class="door-busy"><span class="dot living"></span>{words}</p>
                    }
                    .into_any(),
                    Door::Failed(card) => view! {
                        <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                            ErrorAction::Retry | ErrorAction::RetryAt { .. } => again.run(()),
                            other => actions::perform(app, &other),
                        }) />
                    }
                    .into_any(),
                }}
            </div>
        </section>
    }
}

#[component]
fn StarterDoor() -> impl IntoView {
    let app = use_app();
    let state = RwSignal::new(Door::Rest);
    let go = move || {
        state.set(Door::Busy("Checking the file and putting it in place"));
        spawn_local(async move {
            let done = match app.facts.starter.get_untracked() {
                Some(StarterStatus::Installed { model }) => enter(app, model).await,
                _ => match actions::install_starter(app).await {
                    Ok(info) => enter(app, info.model).await,
                    Err(card) => Err(card),
                },
            };
            state.try_set(done.err().map_or(Door::Rest, Door::Failed));
        });
    };
    let words = move || match app.facts.starter.get() {
        Some(StarterStatus::Available { bytes }) => format!(
            "SmolLM2 135M, {}. It came with the app. Small and quick, good for a first look.",
            format::bytes(bytes)
        ),
        Some(StarterStatus::Installed { .. }) => {
            "SmolLM2 135M is in place already. Small and quick, good for a first look.".to_owned()
        }
        Some(StarterStatus::Missing { reason }) => reason,
        None => String::new(),
    };
    let missing = move || {
        matches!(
            app.facts.starter.get(),
            None | Some(StarterStatus::Missing { .. })
        )
    };
    let busy = move || matches!(state.get(), Door::Busy(_));
    view! {
        <DoorFrame
            shape=Shape::Cube
            title="The starter model"
            place=ModelPlace::ThisMachine
            testid="door-starter"
            state
            again=Callback::new(move |()| go())
        >
            <p class="door-text">{words}</p>
            <Show when=move || !missing()>
                <ul class="door-list">
                    <li><Icon shape=Shape::Check />"Works without any network"</li>
                    <li><Icon shape=Shape::Check />"No account, no key, no cost"</li>
                    <li><Icon shape=Shape::Check />"Nothing you write leaves this machine"</li>
                </ul>
            </Show>
            <button
                type="button"
                class="link-button start"
                data-testid="onboarding-models"
                disabled=busy
                on:click=move |_| actions::go_to_models(app)
            >
                "Find a better one for this machine"
            </button>
            <span class="grow"></span>
            <button
                type="button"
                class="button primary"
                data-testid="onboarding-starter"
                disabled=move || missing() || busy()
                on:click=move |_| go()
            >
                "Use the starter"
            </button>
        </DoorFrame>
    }
}

#[component]
fn FileDoor() -> impl IntoView {
    let app = use_app();
    let state = RwSignal::new(Door::Rest);
    let path = RwSignal::new(String::new());
    let finish = move |result: Result<Option<ModelRef>, ErrorCard>| async move {
        let done = match result {
            Ok(Some(model)) => enter(app, model).await,
            Ok(None) => Ok(()),
            Err(card) => Err(card),
        };
        state.try_set(done.err().map_or(Door::Rest, Door::Failed));
    };
    let pick = move || {
        state.set(Door::Busy("Checking the file"));
        spawn_local(async move {
            let result = actions::pick_model_file(app).await;
            finish(result.map(|info| info.map(|info| info.model))).await;
        });
    };
    let import = move || {
        let path = path.get_untracked().trim().to_owned();
        if path.is_empty() {
            pick();
            return;
        }
        state.set(Door::Busy("Checking the file"));
        spawn_local(async move {
            let result = actions::import_model(app, path, ImportMode::Either).await;
            finish(result.map(|info| Some(info.model))).await;
        });
    };
    let busy = move || matches!(state.get(), Door::Busy(_));
    view! {
        <DoorFrame
            shape=Shape::File
            title="A file of your own"
            place=ModelPlace::ThisMachine
            testid="door-file"
            state
            again=Callback::new(move |()| import())
        >
            <p class="door-text">"Any GGUF model that fits your memory. It is checked first and never leaves this machine."</p>
            <TextField
                label="Path, or choose it below"
                value=path
                testid="onboarding-path"
                placeholder="…/model.gguf"
                mono=true
                on_enter=move |()| import()
            />
            <span class="grow"></span>
            <button
                type="button"
                class="button primary"
                data-testid="onboarding-file"
                disabled=busy
                on:click=move |_| import()
            >
                {move || if path.with(|path| path.trim().is_empty()) { "Choose a file…" } else { "Use this file" }}
            </button>
        </DoorFrame>
    }
}

#[component]
fn KeyDoor(choosing: RwSignal<Option<String>>) -> impl IntoView {
    let app = use_app();
    let state = RwSignal::new(Door::Rest);
    let key = RwSignal::new(String::new());
    let offered = Memo::new(move |_| {
        app.facts.providers.with(|providers| {
            providers
                .iter()
                .filter(|provider| provider.key != KeyStatus::NotNeeded)
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let first = offered.with_untracked(|all| all.first().map(|p| p.id.clone()).unwrap_or_default());
    let provider = RwSignal::new(first);
    let chosen = Memo::new(move |_| {
        offered.with(|all| {
            all.iter()
                .find(|p| provider.with(|id| *id == p.id))
                .cloned()
        })
    });
    let has_key = Memo::new(move |_| {
        chosen
            .get()
            .is_some_and(|p| matches!(p.key, KeyStatus::Set { .. }))
    });
    let go = move || {
        let id = provider.get_untracked();
        let typed = key.get_untracked().trim().to_owned();
        if typed.is_empty() && !has_key.get_untracked() {
            return;
        }
        state.set(Door::Busy("Trying the key"));
        spawn_local(async move {
            let stored = if typed.is_empty() {
                Ok(())
            } else {
                actions::save_key(app, id.clone(), typed).await
            };
            let tried = match stored {
                Ok(()) => actions::test_key(id.clone()).await,
                Err(card) => Err(card),
            };
            match tried {
                Ok(KeyTest::Works { .. }) => {
                    key.try_set(String::new());
                    actions::load_models(app, true);
                    choosing.try_set(Some(id));
                }
                Ok(KeyTest::Failed { mut error }) | Err(mut error) => {
                    // The field that helps is in this very door.
                    if matches!(error.action, ErrorAction::OpenProvider { .. }) {
                        error.action = ErrorAction::None;
                    }
                    state.try_set(Door::Failed(error));
                }
            }
        });
    };
    let busy = move || matches!(state.get(), Door::Busy(_));
    view! {
        <DoorFrame
            shape=Shape::Key
            title="A cloud key"
            place=ModelPlace::Cloud
            testid="door-key"
            state
            again=Callback::new(move |()| go())
        >
            <p class="door-text">"The strongest models, by a provider you pay. Your key stays in this system's keychain."</p>
            <label class="form-field">
                <span class="label">"Provider"</span>
                <select
                    class="select"
                    data-testid="onboarding-provider"
                    prop:value=move || provider.get()
                    on:change=move |event| {
                        provider.set(event_target_value(&event));
                        state.set(Door::Rest);
                    }
                >
                    {move || offered
                        .get()
                        .into_iter()
                        .map(|p| view! { <option value=p.id.clone()>{p.name.clone()}</option> })
                        .collect_view()}
                </select>
            </label>
            <TextField
                label=Signal::derive(move || {
                    if has_key.get() { "Key (there is one already)" } else { "Key" }.to_owned()
                })
                value=key
                testid="onboarding-key"
                secret=true
                on_enter=move |()| go()
            />
            {move || chosen.get().and_then(|p| p.key_url).map(|url| view! {
                <button
                    type="button"
                    class="link-button start"
                    on:click=move |_| actions::open_link(app, url.clone())
                >
                    "Get a key"
                </button>
            })}
            <span class="grow"></span>
            <button
                type="button"
                class="button primary"
                data-testid="onboarding-test"
                disabled=move || busy() || (key.with(|key| key.trim().is_empty()) && !has_key.get())
                on:click=move |_| go()
            >
                "Test and go on"
            </button>
        </DoorFrame>
    }
}

#[component]
fn ChooseModel(provider: String, choosing: RwSignal<Option<String>>) -> impl IntoView {
    let app = use_app();
    let failed = RwSignal::new(None::<ErrorCard>);
    let name = app.facts.provider_name(&provider);
    let choose = Callback::new(move |model: ModelRef| {
        spawn_local(async move {
            if let Err(card) = enter(app, model).await {
                failed.try_set(Some(card));
            }
        });
    });
    view! {
        <section class="card choose-card" aria-label="Choose a model">
            <div class="choose-head">
                <h2 class="door-title">{format!("The key works. Which model of {name} should answer?")}</h2>
                <button type="button" class="button quiet" on:click=move |_| choosing.set(None)>"Back"</button>
            </div>
            {move || failed.get().map(|card| view! { <ErrorNote card /> })}
            <ModelList choose chosen=Signal::derive(|| None) only=provider />
        </section>
    }
}
