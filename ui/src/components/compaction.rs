//! Where earlier messages were put into few words: one grey line, the words behind it, and the way back.

use std::sync::Arc;

use leptos::prelude::*;
use nexus_protocol::{ItemId, ItemStatus};

use super::{Icon, Shape};
use crate::{actions, format, state::use_app};

/// The line.
#[component]
pub fn CompactionRow(
    item: ItemId,
    text: Arc<str>,
    tokens_before: u64,
    tokens_after: u64,
    undone: bool,
    status: RwSignal<ItemStatus>,
) -> impl IntoView {
    let app = use_app();
    let open = RwSignal::new(false);
    let label = move || match (status.get(), undone) {
        (ItemStatus::InProgress, _) => "Putting earlier messages into few words",
        (_, true) => "Earlier messages were put into few words, and taken back",
        (_, false) => "Earlier messages were put into few words",
    };
    let saved = (tokens_before > 0 && !undone).then(|| {
        format!(
            "{} → {} tokens",
            format::grouped(tokens_before),
            format::grouped(tokens_after)
        )
    });
    view! {
        <section class="thinking compaction" data-testid="compaction">
            <div class="compaction-head">
                <button
                    type="button"
                    class="thinking-line"
                    class:open=move || open.get()
                    aria-expanded=move || open.get().to_string()
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    <Icon shape=Shape::ChevronRight />
                    <span>{label}</span>
                    <Show when=move || status.get() == ItemStatus::InProgress>
                        <span class="dot living"></span>
                    </Show>
                </button>
                {saved.map(|saved| view! { <span class="compaction-saved">{saved}</span> })}
                <Show when=move || !undone && status.get() == ItemStatus::Complete>
                    <button
                        type="button"
                        class="link-button"
                        data-testid="compaction-undo"
                        title="The model gets the earlier messages themselves again, as far as they fit"
                        on:click=move |_| actions::undo_compaction(app, item)
                    >
                        "Take back"
                    </button>
                </Show>
            </div>
            <Show when=move || open.get()>
                <div class="thinking-text" dir="auto" data-testid="compaction-text">{text.to_string()}</div>
            </Show>
        </section>
    }
}
