//! Plain text of any length: the first part, and all of it on request.

use leptos::prelude::*;

use crate::{format, visible};

/// What is shown before the reader asks for all.
const LINES: usize = 400;
const CHARACTERS: usize = 20_000;

/// The text.
#[component]
pub fn TextView(text: String) -> impl IntoView {
    let all = RwSignal::new(false);
    let folded = visible::fold(&text, LINES, CHARACTERS)
        .map(|(head, lines)| (head.to_owned(), lines, text.len()));
    let more = folded.as_ref().map(|(_, lines, bytes)| {
        format!(
            "Show all ({}, {})",
            format::count(*lines, "line", "lines"),
            format::bytes(*bytes as u64)
        )
    });
    view! {
        <pre class="tool-text" tabindex="0" dir="auto">
            {move || match &folded {
                Some((head, ..)) if !all.get() => head.clone(),
                _ => text.clone(),
            }}
        </pre>
        {more.map(|more| view! {
            <Show when={move || !all.get()}>
                <button type="button" class="link-button start" on:click=move |_| all.set(true)>
                    {more.clone()}
                </button>
            </Show>
        })}
    }
}
