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
            title=move || full_title(&name.get(), place.get(), "")
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

/// What a badge or chip says where its words have no room: the whole name, where it runs, and `more` of it.
pub fn full_title(name: &str, place: ModelPlace, more: &str) -> String {
    format!("{name} {}{more}", place_words(place))
}

/// A place in words.
pub fn place_words(place: ModelPlace) -> &'static str {
    match place {
        ModelPlace::ThisMachine => "runs on this machine",
        ModelPlace::Cloud => "runs in the cloud",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_name_is_told_whole() {
        assert_eq!(
            full_title(
                "Qwen3 4B Instruct",
                ModelPlace::ThisMachine,
                " · this machine first"
            ),
            "Qwen3 4B Instruct runs on this machine · this machine first"
        );
        assert_eq!(
            full_title("Large", ModelPlace::Cloud, " · OpenRouter · $3/M"),
            "Large runs in the cloud · OpenRouter · $3/M"
        );
    }
}
