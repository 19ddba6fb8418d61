//! Where a model runs, told at a glance: lock and green for this machine, cloud and blue for somebody else's.

use leptos::prelude::*;
use nexus_protocol::{ModelPlace, ModelRef};

use super::{Icon, Shape};
use crate::state::use_app;

/// A small badge with a model's name.
#[component]
pub fn PlaceBadge(model: ModelRef) -> impl IntoView {
    let app = use_app();
    let named = model.clone();
    let name = Memo::new(move |_| app.facts.model_name(&named));
    let place = Memo::new(move |_| app.facts.model_place(&model));
    view! {
        <span
            class="chip small"
            class:local=move || place.get() == ModelPlace::ThisMachine
            class:cloud=move || place.get() == ModelPlace::Cloud
            title=move || place_words(place.get())
        >
            {move || view! { <Icon shape=place_shape(place.get()) /> }}
            <span class="chip-text">{move || name.get()}</span>
            <span class="visually-hidden">{move || place_words(place.get())}</span>
        </span>
    }
}

/// The icon of a place.
pub fn place_shape(place: ModelPlace) -> Shape {
    match place {
        ModelPlace::ThisMachine => Shape::Lock,
        ModelPlace::Cloud => Shape::Cloud,
    }
}

/// A place in words.
pub fn place_words(place: ModelPlace) -> &'static str {
    match place {
        ModelPlace::ThisMachine => "runs on this machine",
        ModelPlace::Cloud => "runs in the cloud",
    }
}
