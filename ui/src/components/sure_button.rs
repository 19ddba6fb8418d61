//! A button for what cannot be taken back: the first press says what would happen, the second does it.

use leptos::prelude::*;

/// The button. It is harmless again as soon as the focus leaves it.
#[component]
pub fn SureButton(
    /// At rest.
    label: &'static str,
    /// After the first press: what the second does.
    #[prop(into)]
    sure: Signal<String>,
    /// Whether there is something to lose; without it the first press acts.
    #[prop(into)]
    risky: Signal<bool>,
    testid: &'static str,
    #[prop(optional, into)] disabled: Signal<bool>,
    run: Callback<()>,
) -> impl IntoView {
    let asked = RwSignal::new(false);
    view! {
        <button
            type="button"
            class="button quiet"
            class:bad=move || asked.get()
            data-testid=testid
            disabled=move || disabled.get()
            on:click=move |_| {
                if risky.get_untracked() && !asked.get_untracked() {
                    asked.set(true);
                } else {
                    asked.set(false);
                    run.run(());
                }
            }
            on:blur=move |_| asked.set(false)
        >
            // The words change under the finger: a screen reader hears them.
            <span aria-live="polite">
                {move || if asked.get() { sure.get() } else { label.to_owned() }}
            </span>
        </button>
    }
}
