//! Where models are kept and where they come from: the folder, the hub, the token for models with terms.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ErrorCard, KeySource, KeyStatus, ModelsPlace};
use serde_json::Value;

use super::providers::{KeyForm, key_words};
use crate::{
    actions,
    components::{ErrorNote, ModelsFolder},
    state::use_app,
};

/// Where a token is made. A mirror of the hub takes those of the hub itself.
const TOKENS: &str = "https://huggingface.co/settings/tokens";

/// The part.
#[component]
pub fn Models() -> impl IntoView {
    let app = use_app();
    actions::load_place(app);
    view! {
        <section class="settings-part" aria-labelledby="part-models" data-testid="settings-models">
            <h2 class="section-title" id="part-models">"Models"</h2>
            <div class="card settings-card">
                <ModelsFolder />
                <HubLine />
                <TokenLine />
            </div>
        </section>
    }
}

/// The hub's address.
#[component]
fn HubLine() -> impl IntoView {
    let app = use_app();
    let held = Memo::new(move |_| {
        app.facts.settings.with(|view| {
            view.as_ref()
                .map(|view| view.settings.hub_url.clone())
                .unwrap_or_default()
        })
    });
    let typed = RwSignal::new(None::<String>);
    let dirty = Memo::new(move |_| {
        typed.with(|typed| {
            typed
                .as_ref()
                .is_some_and(|typed| held.with(|held| typed.trim() != held))
        })
    });
    let fixed = move || app.facts.is_fixed("hub_url");
    let save = move || {
        if let Some(address) = typed.get_untracked() {
            actions::set_setting(app, "hub_url", Value::String(address.trim().to_owned()));
            typed.set(None);
        }
    };
    view! {
        <form class="settings-line" on:submit=move |event| {
            event.prevent_default();
            save();
        }>
            <label class="settings-words" for="hub-url">
                <span class="settings-name">"Hub"</span>
                <span class="settings-hint">
                    {move || if fixed() {
                        "Fixed by the environment: NEXUS_HUB_URL"
                    } else {
                        "Where models are searched and fetched: Hugging Face, or the address of a mirror."
                    }}
                </span>
            </label>
            <div class="settings-control">
                <input
                    id="hub-url"
                    type="url"
                    class="text-field mono"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="setting-hub_url"
                    disabled=fixed
                    prop:value=move || typed.get().unwrap_or_else(|| held.get())
                    on:input=move |event| typed.set(Some(event_target_value(&event)))
                />
                <Show when=move || dirty.get()>
                    <button type="submit" class="button primary" data-testid="save-hub_url">"Save"</button>
                </Show>
            </div>
        </form>
    }
}

/// What came of storing or deleting the token.
#[derive(Clone, PartialEq)]
enum Came {
    Nothing,
    Busy,
    Failed(ErrorCard),
}

/// The token for models whose authors have terms.
#[component]
fn TokenLine() -> impl IntoView {
    let app = use_app();
    let came = RwSignal::new(Came::Nothing);
    let entering = RwSignal::new(false);
    let status = Memo::new(move |_| {
        app.library
            .place
            .with(|held| held.value().map(|place| place.token.clone()))
    });
    let is_set = Memo::new(move |_| matches!(status.get(), Some(KeyStatus::Set { .. })));
    let ours = Memo::new(move |_| {
        matches!(
            status.get(),
            Some(KeyStatus::Set {
                source: KeySource::Keychain | KeySource::ThisRun
            })
        )
    });
    let busy = Signal::derive(move || came.get() == Came::Busy);
    let save = move |token: String| {
        came.set(Came::Busy);
        spawn_local(async move {
            let result = actions::save_key(app, ModelsPlace::TOKEN.into(), token).await;
            if result.is_ok() {
                entering.try_set(false);
            }
            came.try_set(result.err().map_or(Came::Nothing, Came::Failed));
        });
    };
    let forget = move |_| {
        came.set(Came::Busy);
        spawn_local(async move {
            let result = actions::delete_key(app, ModelsPlace::TOKEN.into()).await;
            came.try_set(result.err().map_or(Came::Nothing, Came::Failed));
        });
    };
    view! {
        <div class="provider" data-testid=format!("provider-{}", ModelsPlace::TOKEN)>
            <div class="provider-line">
                <div class="settings-words">
                    <div class="settings-name">"Hugging Face token"</div>
                    <div class="settings-hint">
                        "For models whose authors have terms. "
                        <span class="key-status" data-testid="token-status" class:ok=move || is_set.get()>
                            {move || status.get().as_ref().map(|status| match status {
                                KeyStatus::Missing | KeyStatus::NotNeeded => "No token".to_owned(),
                                set => key_words(set).replacen("Key", "Token", 1),
                            })}
                        </span>
                    </div>
                </div>
                <div class="card-actions">
                    <Show when=move || ours.get()>
                        <button
                            type="button"
                            class="button quiet bad"
                            data-testid="token-delete"
                            disabled=move || busy.get()
                            on:click=forget
                        >
                            "Delete token"
                        </button>
                    </Show>
                    <button
                        type="button"
                        class="button"
                        data-testid="token-enter"
                        aria-expanded=move || entering.get().to_string()
                        on:click=move |_| entering.update(|entering| *entering = !*entering)
                    >
                        {move || if is_set.get() { "Replace token" } else { "Add token" }}
                    </button>
                </div>
            </div>
            <Show when=move || entering.get()>
                <KeyForm
                    name="Hugging Face".to_owned()
                    noun="token"
                    save_label="Save"
                    key_url=Some(TOKENS.to_owned())
                    busy
                    save=Callback::new(save)
                    cancel=Callback::new(move |()| entering.set(false))
                />
            </Show>
            <div aria-live="polite">
                {move || match came.get() {
                    Came::Failed(card) => view! { <ErrorNote card /> }.into_any(),
                    Came::Nothing | Came::Busy => ().into_any(),
                }}
            </div>
        </div>
    }
}
