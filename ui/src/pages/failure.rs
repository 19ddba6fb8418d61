//! The page for a core that could not start: what is wrong, and the ways out.

use leptos::prelude::*;
use nexus_protocol::ErrorCard;

use crate::{
    actions,
    components::{Icon, Shape},
    state::use_app,
};

/// The page.
#[component]
pub fn FailurePage(card: ErrorCard) -> impl IntoView {
    let app = use_app();
    view! {
        <main class="lone-page" data-testid="startup-failure">
            <div class="failure" role="alert">
                <span class="failure-mark"><Icon shape=Shape::Warning /></span>
                <h1 class="failure-title">{card.title}</h1>
                <p class="failure-text" dir="auto">{card.detail}</p>
                <div class="actions">
                    <button
                        type="button"
                        class="button primary"
                        data-testid="startup-retry"
                        on:click=move |_| actions::start(app)
                    >
                        "Try again"
                    </button>
                    <button type="button" class="button" on:click=move |_| actions::open_data_dir(app)>
                        "Open the data folder"
                    </button>
                </div>
            </div>
        </main>
    }
}
