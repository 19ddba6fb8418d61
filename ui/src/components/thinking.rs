//! What the model thought: one grey line, opened on request, plain text.

use leptos::{html, prelude::*};
use nexus_protocol::ItemStatus;

use super::{Icon, Shape};
use crate::{browser, format};

/// The line.
#[component]
pub fn ThinkingRow(
    text: RwSignal<String>,
    duration_ms: RwSignal<Option<u64>>,
    status: RwSignal<ItemStatus>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let label = Memo::new(move |_| match (status.get(), duration_ms.get()) {
        (ItemStatus::InProgress, _) => "Thinking".to_owned(),
        (_, Some(ms)) => format!("Thought for {}", format::whole_duration(ms)),
        (_, None) => "Thought".to_owned(),
    });
    let living = Memo::new(move |_| status.get() == ItemStatus::InProgress);
    view! {
        <section class="thinking" data-testid="thinking">
            <button
                type="button"
                class="thinking-line"
                class:open=move || open.get()
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <Icon shape=Shape::ChevronRight />
                <span>{move || label.get()}</span>
                <Show when=move || living.get()><span class="dot living"></span></Show>
            </button>
            <Show when=move || open.get()>
                <PlainText text />
            </Show>
        </section>
    }
}

/// Growing plain text: each delta becomes a text node of its own, so its cost is that of the delta.
#[component]
fn PlainText(text: RwSignal<String>) -> impl IntoView {
    let element = NodeRef::<html::Div>::new();
    Effect::new(move |shown: Option<usize>| {
        let (Some(element), Some(document)) = (element.get(), browser::document()) else {
            return 0;
        };
        text.with(|text| {
            let shown = shown.unwrap_or(0);
            let more = text.get(shown..).filter(|_| shown <= text.len());
            // A snapshot may have replaced the text by another one.
            let more = more.unwrap_or_else(|| {
                element.set_text_content(None);
                text
            });
            if !more.is_empty() {
                // Appending a fresh text node to a live element cannot fail.
                let _appended = element.append_child(&document.create_text_node(more));
            }
            text.len()
        })
    });
    view! { <div class="thinking-text" dir="auto" node_ref=element data-testid="thinking-text"></div> }
}
