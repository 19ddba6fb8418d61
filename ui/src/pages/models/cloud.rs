//! The way from the models of this machine to those of the cloud.

use leptos::prelude::*;
use nexus_protocol::ModelPlace;

use crate::{actions, format, state::use_app};

/// The part.
#[component]
pub fn Cloud() -> impl IntoView {
    let app = use_app();
    let count = Memo::new(move |_| {
        app.facts.catalog.with(|catalog| {
            catalog.value().map_or(0, |catalog| {
                catalog
                    .cloud
                    .iter()
                    .filter(|info| info.place == ModelPlace::Cloud)
                    .count()
            })
        })
    });
    view! {
        <section class="models-part" aria-labelledby="part-cloud">
            <h2 class="section-title" id="part-cloud">"In the cloud"</h2>
            <div class="card model-card">
                <div class="card-words">
                    <div class="card-title">
                        {move || match count.get() {
                            0 => "No cloud model yet".to_owned(),
                            count => format::count(count, "cloud model", "cloud models"),
                        }}
                    </div>
                    <div class="card-facts">"Of the providers for which there is a key. What you write leaves this machine."</div>
                </div>
                <div class="card-actions">
                    <button
                        type="button"
                        class="button quiet"
                        on:click=move |_| actions::go_to_settings(app, None)
                    >
                        "Keys…"
                    </button>
                    <Show when=move || { count.get() > 0 }>
                        <button
                            type="button"
                            class="button"
                            on:click=move |_| {
                                actions::new_chat(app);
                                app.view.picker.set(true);
                            }
                        >
                            "Choose…"
                        </button>
                    </Show>
                </div>
            </div>
        </section>
    }
}
