//! A labelled line of text, as forms have it.

use leptos::{ev, prelude::*};

/// The label, the field below it, and what is typed in `value`.
#[component]
pub fn TextField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    testid: &'static str,
    #[prop(optional)] placeholder: &'static str,
    /// Paths, addresses and names of variables.
    #[prop(optional)]
    mono: bool,
    /// Keys: nobody reads over the shoulder.
    #[prop(optional)]
    secret: bool,
    /// Over the whole width of its form.
    #[prop(optional)]
    wide: bool,
    #[prop(optional)] disabled: bool,
    /// Characters at most.
    #[prop(optional)]
    limit: Option<u32>,
    /// In place of writing what is typed to `value`.
    #[prop(optional, into)]
    on_typed: Option<Callback<String>>,
    #[prop(optional, into)] on_enter: Option<Callback<()>>,
) -> impl IntoView {
    let typed = move |text: String| match on_typed {
        Some(act) => act.run(text),
        None => value.set(text),
    };
    view! {
        <label class="form-field" class:wide=wide>
            <span class="label">{move || label.get()}</span>
            <input
                type=if secret { "password" } else { "text" }
                class="text-field"
                class:mono=mono
                data-testid=testid
                placeholder=placeholder
                autocomplete="off"
                spellcheck="false"
                maxlength=limit.map(|limit| limit.to_string())
                disabled=disabled
                prop:value=move || value.get()
                on:input=move |event| typed(event_target_value(&event))
                on:keydown=move |event: ev::KeyboardEvent| {
                    // Enter also ends the composing of a Japanese or Chinese word.
                    if let Some(act) = on_enter
                        && event.key() == "Enter"
                        && !event.is_composing()
                    {
                        act.run(());
                    }
                }
            />
        </label>
    }
}
