//! The one field of the Models page: words, a name, an address, or the path of a file.

use std::time::Duration;

use leptos::{ev, html, leptos_dom::helpers::TimeoutHandle, prelude::*};

use super::words::Typed;
use crate::{
    actions,
    components::{Icon, Shape},
    state::use_app,
};

/// After the last letter: who types on does not ask for half a word.
const PAUSE: Duration = Duration::from_millis(350);

/// The field.
#[component]
pub fn SearchField() -> impl IntoView {
    let app = use_app();
    let query = app.library.query;
    let field = NodeRef::<html::Input>::new();
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        timer.update_value(|timer| {
            if let Some(timer) = timer.take() {
                timer.clear();
            }
        });
    };
    on_cleanup(stop);
    let ask = move || {
        stop();
        if !matches!(Typed::of(&query.get_untracked()), Typed::Path(_)) {
            actions::search_models(app);
        }
    };
    let typed = move |text: String| {
        query.set(text);
        stop();
        if query.with_untracked(|query| query.trim().is_empty()) {
            // Back to the lists at once.
            ask();
            return;
        }
        let next = set_timeout_with_handle(ask, PAUSE).ok();
        timer.set_value(next);
    };
    let clear = move || {
        typed(String::new());
        if let Some(field) = field.get_untracked() {
            let _focused = field.focus();
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.is_composing() {
            return;
        }
        match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                ask();
            }
            "Escape" if query.with_untracked(|query| !query.is_empty()) => {
                event.prevent_default();
                event.stop_propagation();
                clear();
            }
            _ => {}
        }
    };
    view! {
        <div class="models-search" role="search">
            <Icon shape=Shape::Search />
            <input
                node_ref=field
                type="text"
                aria-label="Search models by words, author/name or link, or paste the path of a file"
                placeholder="Search Hugging Face, or paste a name, link or path"
                autocomplete="off"
                spellcheck="false"
                dir="auto"
                data-testid="models-search"
                prop:value=move || query.get()
                on:input=move |event| typed(event_target_value(&event))
                on:keydown=on_key
            />
            <Show when=move || query.with(|query| !query.is_empty())>
                <button type="button" class="icon-button" aria-label="Clear the field" on:click=move |_| clear()>
                    <Icon shape=Shape::Cross />
                </button>
            </Show>
        </div>
    }
}
