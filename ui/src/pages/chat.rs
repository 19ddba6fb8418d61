//! The chat: a transcript or an invitation, and the composer below.

use leptos::prelude::*;

use crate::{
    components::{Composer, Transcript},
    state::use_app,
};

/// The page.
#[component]
pub fn ChatPage() -> impl IntoView {
    let app = use_app();
    let none = Memo::new(move |_| app.store.open.with(Option::is_none));
    view! {
        <div class="chat" class:fresh=move || none.get()>
            <div class="chat-view">
                {move || match app.store.open.get() {
                    Some(open) => view! { <Transcript open /> }.into_any(),
                    None => view! {
                        <div class="welcome">
                            <h2 class="welcome-title">"What would you like to do?"</h2>
                            <p class="hint">
                                "Ask, paste or think aloud. Enter sends, Shift + Enter breaks the line."
                            </p>
                        </div>
                    }
                    .into_any(),
                }}
            </div>
            <Composer />
        </div>
    }
}
