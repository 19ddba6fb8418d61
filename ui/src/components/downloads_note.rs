//! The quiet line in the sidebar while models are on their way: how many, how far, how long. It leads to the Models page.

use leptos::prelude::*;

use super::{Icon, ProgressBar, Shape};
use crate::{actions, format, state::use_app};

/// The line; nothing while no download runs.
#[component]
pub fn DownloadsNote() -> impl IntoView {
    let app = use_app();
    let overall = Memo::new(move |_| app.library.overall());
    let going = Memo::new(move |_| overall.with(Option::is_some));
    let what = Memo::new(move |_| {
        overall
            .get()
            .map_or_else(String::new, |all| match all.count {
                1 => "Fetching a model".to_owned(),
                count => format!("Fetching {count} models"),
            })
    });
    let percent = Memo::new(move |_| overall.get().map(|all| all.percent()));
    view! {
        <Show when=move || going.get()>
            <button
                type="button"
                class="side-link downloads-note"
                data-testid="downloads-note"
                title="Show the downloads"
                on:click=move |_| actions::show_downloads(app)
            >
                <span class="downloads-line">
                    <span>{move || what.get()}</span>
                    <span class="downloads-left">
                        {move || percent.get().map(|percent| format!("{percent} %"))}
                        {move || overall
                            .get()
                            .and_then(|all| all.seconds_left)
                            .map(|seconds| format!(" · {}", format::left(seconds)))}
                    </span>
                </span>
                <ProgressBar percent label=what />
            </button>
        </Show>
    }
}

/// The same where the sidebar is out of sight: a few characters in the top bar.
#[component]
pub fn DownloadsChip() -> impl IntoView {
    let app = use_app();
    let overall = Memo::new(move |_| app.library.overall());
    view! {
        <Show when=move || overall.with(Option::is_some)>
            <button
                type="button"
                class="chip downloads-chip"
                data-testid="downloads-chip"
                title="Show the downloads"
                on:click=move |_| actions::show_downloads(app)
            >
                <Icon shape=Shape::ArrowDown />
                <span class="visually-hidden">"Fetching models: "</span>
                {move || overall.get().map(|all| format!("{} %", all.percent()))}
            </button>
        </Show>
    }
}
