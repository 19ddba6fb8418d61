//! A thin bar that says how much of something is done.

use leptos::prelude::*;

/// The bar. `percent` of `None` is: going on, nobody knows how far.
#[component]
pub fn ProgressBar(
    #[prop(into)] percent: Signal<Option<u8>>,
    /// What is on its way, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// Whether it stands still.
    #[prop(optional, into)]
    still: Signal<bool>,
) -> impl IntoView {
    view! {
        <div
            class="progress"
            class:still=move || still.get()
            class:unknown=move || percent.get().is_none()
            role="progressbar"
            aria-label=move || label.get()
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=move || percent.get().map(|percent| percent.to_string())
        >
            <div
                class="progress-fill"
                style:width=move || format!("{}%", percent.get().unwrap_or(100))
            ></div>
        </div>
    }
}
