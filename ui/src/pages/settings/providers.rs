//! Providers and their keys. A key is typed, tried and deleted here; it is never shown again.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{
    ErrorAction, ErrorCard, KeySource, KeyStatus, KeyTest, ModelPlace, ProviderView,
};

use super::provider_form::ProviderForm;
use crate::{
    actions,
    components::{ErrorNote, Icon, Shape},
    format,
    state::use_app,
};

/// The part.
#[component]
pub fn Providers() -> impl IntoView {
    let app = use_app();
    let adding = RwSignal::new(false);
    let ids = Memo::new(move |_| {
        app.facts.providers.with(|all| {
            all.iter()
                .map(|provider| provider.id.clone())
                .collect::<Vec<_>>()
        })
    });
    view! {
        <section class="settings-part" aria-labelledby="part-providers">
            <div class="part-head">
                <h2 class="section-title" id="part-providers">"Providers"</h2>
                <span class="grow"></span>
                <button
                    type="button"
                    class="button"
                    data-testid="provider-add"
                    on:click=move |_| adding.set(true)
                    disabled=move || adding.get()
                >
                    <Icon shape=Shape::Plus />
                    "Add a provider"
                </button>
            </div>
            <Show when=move || adding.get()>
                <div class="card settings-card">
                    <ProviderForm done=Callback::new(move |()| adding.set(false)) />
                </div>
            </Show>
            <div class="card settings-card">
                <For each=move || ids.get() key=Clone::clone children=|id| view! { <ProviderCard id /> } />
            </div>
        </section>
    }
}

/// What the last thing done with a provider came to.
#[derive(Clone, Debug, PartialEq)]
enum Came {
    Nothing,
    Busy(&'static str),
    Works(u32),
    Failed(ErrorCard),
}

#[component]
fn ProviderCard(id: String) -> impl IntoView {
    let app = use_app();
    let id = StoredValue::new(id);
    let provider = Memo::new(move |_| {
        app.facts.providers.with(|all| {
            all.iter()
                .find(|p| id.with_value(|id| *id == p.id))
                .cloned()
        })
    });
    let came = RwSignal::new(Came::Nothing);
    let entering = RwSignal::new(false);
    let editing = RwSignal::new(false);
    let status = Memo::new(move |_| provider.get().map(|provider| provider.key));
    let needs_key = move || !matches!(status.get(), None | Some(KeyStatus::NotNeeded));
    let busy = move || matches!(came.get(), Came::Busy(_));

    // The way to Settings is no help where one is: what helps is the field, and it opens by itself.
    let failed = move |mut card: ErrorCard| {
        if matches!(card.action, ErrorAction::OpenProvider { .. }) {
            card.action = ErrorAction::None;
            entering.try_set(true);
        }
        Came::Failed(card)
    };
    let test = move || {
        came.set(Came::Busy("Testing"));
        spawn_local(async move {
            let result = actions::test_key(id.get_value()).await;
            came.try_set(match result {
                Ok(KeyTest::Works { models }) => Came::Works(models),
                Ok(KeyTest::Failed { error }) | Err(error) => failed(error),
            });
        });
    };
    let save = move |key: String| {
        came.set(Came::Busy("Saving"));
        spawn_local(async move {
            match actions::save_key(app, id.get_value(), key).await {
                Ok(()) => {
                    entering.try_set(false);
                    test();
                }
                Err(card) => drop(came.try_set(Came::Failed(card))),
            }
        });
    };
    let forget = move || {
        came.set(Came::Busy("Deleting"));
        spawn_local(async move {
            let result = actions::delete_key(app, id.get_value()).await;
            came.try_set(result.err().map_or(Came::Nothing, Came::Failed));
        });
    };
    let remove = move || {
        spawn_local(async move {
            if let Err(card) = actions::remove_provider(app, id.get_value()).await {
                came.try_set(Came::Failed(card));
            }
        });
    };
    let name = Memo::new(move |_| {
        provider
            .get()
            .map(|provider| provider.name)
            .unwrap_or_default()
    });
    view! {
        <div class="provider" data-testid=id.with_value(|id| format!("provider-{id}"))>
            <div class="provider-line">
                <div class="settings-words">
                    <div class="settings-name">
                        <span dir="auto">{move || name.get()}</span>
                        {move || provider.get().map(|p| match p.place {
                            ModelPlace::ThisMachine => view! { <span class="chip small local">"this machine"</span> },
                            ModelPlace::Cloud => view! { <span class="chip small cloud">"cloud"</span> },
                        })}
                    </div>
                    <div class="settings-hint">
                        <span class="key-status" data-testid="key-status" class:ok=move || matches!(status.get(), Some(KeyStatus::Set { .. }))>
                            {move || status.get().as_ref().map(key_words)}
                        </span>
                        <span class="provider-url">{move || provider.get().map(|p| p.base_url)}</span>
                    </div>
                </div>
                <div class="card-actions">
                    {move || provider.get().map(|p| view! { <Tools provider=p busy=Signal::derive(busy) entering editing test=Callback::new(move |()| test()) forget=Callback::new(move |()| forget()) remove=Callback::new(move |()| remove()) /> })}
                </div>
            </div>
            <Show when=move || entering.get() && needs_key()>
                <KeyForm
                    name=name.get_untracked()
                    noun="key"
                    save_label="Save and test"
                    key_url=provider.get_untracked().and_then(|p| p.key_url)
                    busy=Signal::derive(busy)
                    save=Callback::new(save)
                    cancel=Callback::new(move |()| entering.set(false))
                />
            </Show>
            <Show when=move || editing.get()>
                <ProviderForm
                    edit=id.get_value()
                    done=Callback::new(move |()| editing.set(false))
                />
            </Show>
            <div aria-live="polite">
                {move || match came.get() {
                    Came::Nothing => ().into_any(),
                    Came::Busy(words) => view! { <p class="door-busy"><span class="dot living"></span>{words}</p> }.into_any(),
                    Came::Works(models) => view! {
                        <p class="works" data-testid="key-works">
                            <Icon shape=Shape::Check />
                            {match models {
                                0 => "Works".to_owned(),
                                1 => "Works: 1 model".to_owned(),
                                models => format!("Works: {} models", format::grouped(u64::from(models))),
                            }}
                        </p>
                    }
                    .into_any(),
                    Came::Failed(card) => view! {
                        <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                            ErrorAction::Retry | ErrorAction::RetryAt { .. } => test(),
                            other => actions::perform(app, &other),
                        }) />
                    }
                    .into_any(),
                }}
            </div>
        </div>
    }
}

#[component]
fn Tools(
    provider: ProviderView,
    busy: Signal<bool>,
    entering: RwSignal<bool>,
    editing: RwSignal<bool>,
    test: Callback<()>,
    forget: Callback<()>,
    remove: Callback<()>,
) -> impl IntoView {
    let set = matches!(provider.key, KeyStatus::Set { .. });
    let ours = matches!(
        provider.key,
        KeyStatus::Set {
            source: KeySource::Keychain | KeySource::ThisRun
        }
    );
    let wants = provider.key != KeyStatus::NotNeeded;
    view! {
        {ours.then(|| view! {
            <button type="button" class="button quiet bad" data-testid="key-delete" disabled=busy on:click=move |_| forget.run(())>
                "Delete key"
            </button>
        })}
        {provider.custom.then(|| view! {
            <button type="button" class="button quiet" data-testid="provider-edit" on:click=move |_| editing.update(|e| *e = !*e)>
                "Edit"
            </button>
            <button type="button" class="button quiet bad" data-testid="provider-remove" on:click=move |_| remove.run(())>
                "Remove"
            </button>
        })}
        {(set || !wants).then(|| view! {
            <button type="button" class="button" data-testid="key-test" disabled=busy on:click=move |_| test.run(())>
                "Test"
            </button>
        })}
        {wants.then(|| view! {
            <button
                type="button"
                class="button"
                data-testid="key-enter"
                aria-expanded=move || entering.get().to_string()
                on:click=move |_| entering.update(|entering| *entering = !*entering)
            >
                {if set { "Replace key" } else { "Add key" }}
            </button>
        })}
    }
}

/// Where a key is typed.
#[component]
pub fn KeyForm(
    name: String,
    /// What is typed: `key`, `token`.
    noun: &'static str,
    /// What the button says.
    save_label: &'static str,
    key_url: Option<String>,
    busy: Signal<bool>,
    save: Callback<String>,
    cancel: Callback<()>,
) -> impl IntoView {
    let app = use_app();
    let field = NodeRef::<leptos::html::Input>::new();
    let blank = RwSignal::new(true);
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _focused = field.focus();
        }
    });
    let submit = move || {
        let Some(field) = field.get_untracked() else {
            return;
        };
        let key = field.value().trim().to_owned();
        if !key.is_empty() {
            // What was typed does not stay in the page.
            field.set_value("");
            blank.set(true);
            save.run(key);
        }
    };
    view! {
        <form class="key-form" on:submit=move |event| {
            event.prevent_default();
            submit();
        }>
            <input
                node_ref=field
                type="password"
                class="text-field"
                autocomplete="off"
                aria-label=format!("The {noun} for {name}")
                placeholder=format!("Paste the {noun}")
                data-testid="key-input"
                on:input=move |event| blank.set(event_target_value(&event).trim().is_empty())
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        event.stop_propagation();
                        cancel.run(());
                    }
                }
            />
            <button
                type="submit"
                class="button primary"
                data-testid="key-save"
                disabled=move || blank.get() || busy.get()
            >
                {save_label}
            </button>
            {key_url.map(|url| view! {
                <button
                    type="button"
                    class="link-button"
                    on:click=move |_| actions::open_link(app, url.clone())
                >
                    {format!("Get a {noun}")}
                </button>
            })}
        </form>
    }
}

/// Whether there is a key, and where from.
pub fn key_words(status: &KeyStatus) -> String {
    match status {
        KeyStatus::NotNeeded => "Needs no key".to_owned(),
        KeyStatus::Missing => "No key".to_owned(),
        KeyStatus::Set { source } => match source {
            KeySource::Keychain => "Key in the keychain".to_owned(),
            KeySource::Environment { name } => format!("Key from {name}"),
            KeySource::ThisRun => "Key for this run only".to_owned(),
        },
    }
}
