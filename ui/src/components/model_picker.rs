//! The chip in the composer that says which model answers and where, and the list that opens from it.

use leptos::{html, prelude::*, task::spawn_local};
use nexus_protocol::{ModelPlace, ModelRef, Routing};

use super::{
    Icon, ModelList, Shape,
    model_chip::{full_title, place_shape},
    routing_choice::RoutingChoice,
};
use crate::{actions, format, state::use_app};

/// What stands behind the name of a model of this machine.
const HERE: &str = " · this machine";

/// Chip and list.
#[component]
pub fn ModelPicker(#[prop(into)] model: Signal<Option<ModelRef>>) -> impl IntoView {
    let app = use_app();
    let open = app.view.picker;
    let opener = NodeRef::<html::Button>::new();
    let info = Memo::new(move |_| model.get().and_then(|model| app.facts.model(&model)));
    let name = Memo::new(move |_| model.get().map(|model| app.facts.model_name(&model)));
    let place = Memo::new(move |_| model.get().map(|model| app.facts.model_place(&model)));
    // ` · this machine`, ` · OpenRouter · $3/M`: what falls away in a narrow window.
    let more = Memo::new(move |_| match (place.get(), model.get()) {
        (Some(ModelPlace::ThisMachine), _) => match app.routing() {
            Some(Routing::LocalOnly) => " · this machine only".to_owned(),
            Some(Routing::LocalFirst) => " · this machine first".to_owned(),
            _ => HERE.to_owned(),
        },
        (Some(ModelPlace::Cloud), Some(model)) => {
            let provider = app.facts.provider_name(model.provider());
            let price = info
                .get()
                .and_then(|info| info.pricing)
                .map(|pricing| match format::price(pricing.input_per_million) {
                    free if free == "free" => " · free".to_owned(),
                    price => format!(" · {price}/M"),
                })
                .unwrap_or_default();
            let first = match app.routing() {
                Some(Routing::CloudFirst) => " · cloud first",
                _ => "",
            };
            format!(" · {provider}{price}{first}")
        }
        _ => String::new(),
    });
    let title = move || match (name.get(), place.get()) {
        // “This machine” alone is said already.
        (Some(name), Some(place)) => {
            let more = more.get();
            let more = if more == HERE { "" } else { &more };
            full_title(&name, place, more)
        }
        _ => "Choose a model".to_owned(),
    };
    Effect::new(move |was: Option<bool>| {
        let is = open.get();
        if is && was == Some(false) {
            actions::load_models(app, false);
        }
        if !is
            && was == Some(true)
            && let Some(opener) = opener.get_untracked()
        {
            let _focused = opener.focus();
        }
        is
    });
    let choose = Callback::new(move |model: ModelRef| {
        open.set(false);
        app.view.send_error.set(None);
        spawn_local(async move {
            match actions::choose_model(app, model).await {
                Ok(()) => app.view.focus(),
                Err(card) => app.view.send_error.set(Some(card)),
            }
        });
    });
    view! {
        <button
            type="button"
            class="chip model-chip"
            class:local=move || place.get() == Some(ModelPlace::ThisMachine)
            class:cloud=move || place.get() == Some(ModelPlace::Cloud)
            class:none=move || place.get().is_none()
            node_ref=opener
            data-testid="model-picker"
            aria-haspopup="dialog"
            aria-expanded=move || open.get().to_string()
            title=title
            on:click=move |_| open.update(|open| *open = !*open)
        >
            {move || place.get().map(|place| view! { <Icon shape=place_shape(place) /> })}
            <span class="visually-hidden">"Model: "</span>
            <span class="chip-text">{move || name.get().unwrap_or_else(|| "Choose a model".into())}</span>
            <span class="chip-more">{move || more.get()}</span>
        </button>
        <Show when=move || open.get()>
            <div class="menu-scrim" on:click=move |_| open.set(false)></div>
            <div class="popover model-popover" role="dialog" aria-label="Choose a model" data-testid="model-popover">
                <RoutingChoice model />
                <ModelList choose chosen=model />
                <div class="popover-foot">
                    <button
                        type="button"
                        class="button quiet"
                        on:click=move |_| {
                            open.set(false);
                            actions::go_to_models(app);
                        }
                        data-testid="more-models"
                    >
                        <Icon shape=Shape::Cube />
                        "Get more models…"
                    </button>
                    <span class="grow"></span>
                    <button
                        type="button"
                        class="button quiet"
                        on:click=move |_| {
                            open.set(false);
                            actions::go_to_settings(app, None);
                        }
                    >
                        <Icon shape=Shape::Key />
                        "Cloud keys"
                    </button>
                </div>
            </div>
        </Show>
    }
}
