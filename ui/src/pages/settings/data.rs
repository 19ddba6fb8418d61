//! Where everything is kept.

use leptos::prelude::*;

use crate::{actions, state::use_app};

/// The part.
#[component]
pub fn Data() -> impl IntoView {
    let app = use_app();
    let folder = move || {
        app.facts
            .settings
            .with(|view| view.as_ref().map(|view| view.data_dir.clone()))
    };
    let file = move || {
        app.facts
            .settings
            .with(|view| view.as_ref().map(|view| view.file.clone()))
    };
    let fixed = Memo::new(move |_| {
        app.facts.settings.with(|view| {
            view.as_ref()
                .map(|view| view.from_environment.join(", "))
                .unwrap_or_default()
        })
    });
    view! {
        <section class="settings-part" aria-labelledby="part-data">
            <h2 class="section-title" id="part-data">"Data"</h2>
            <div class="card settings-card">
                <div class="settings-line">
                    <div class="settings-words">
                        <div class="settings-name">"Data folder"</div>
                        <div class="settings-hint mono" data-testid="data-dir">{folder}</div>
                    </div>
                    <button
                        type="button"
                        class="button"
                        data-testid="open-data-dir"
                        on:click=move |_| actions::open_data_dir(app)
                    >
                        "Open"
                    </button>
                </div>
                <div class="settings-line">
                    <div class="settings-words">
                        <div class="settings-name">"Settings file"</div>
                        <div class="settings-hint mono" data-testid="settings-file">{file}</div>
                    </div>
                </div>
                <Show when=move || fixed.with(|fixed| !fixed.is_empty())>
                    <div class="settings-line">
                        <div class="settings-words">
                            <div class="settings-name">"Fixed by the environment"</div>
                            <div class="settings-hint mono">{move || fixed.get()}</div>
                        </div>
                    </div>
                </Show>
            </div>
        </section>
    }
}
