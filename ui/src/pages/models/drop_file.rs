//! What a drop would do, while files are over the page. The drop itself is [`crate::actions`]' to take.

use leptos::prelude::*;

use crate::{
    components::{Icon, Shape},
    state::use_app,
};

/// The words over the page.
#[component]
pub fn DropFile() -> impl IntoView {
    let over = use_app().view.files_over;
    view! {
        <Show when=move || over.get()>
            <div class="drop-over" aria-hidden="true">
                <div class="drop-words"><Icon shape=Shape::File />"Drop a model to add it"</div>
            </div>
        </Show>
    }
}
