//! What confines the programs that the agent starts, in words.

use leptos::prelude::*;

use crate::{
    components::{Icon, Shape},
    state::use_app,
};

/// The part.
#[component]
pub fn Sandbox() -> impl IntoView {
    let sandbox = use_app().facts.sandbox;
    let works = Memo::new(move |_| sandbox.with(|sandbox| sandbox.works));
    let layers = Memo::new(move |_| sandbox.with(|sandbox| sandbox.layers.clone()));
    view! {
        <section class="settings-part" aria-labelledby="part-sandbox" data-testid="settings-sandbox">
            <h2 class="section-title" id="part-sandbox">"Sandbox"</h2>
            <div class="card settings-card">
                <div class="settings-line">
                    <div class="settings-words">
                        <div class="settings-name">
                            <span class="state" class:ok=move || works.get() class:warn=move || !works.get()>
                                {move || view! { <Icon shape=if works.get() { Shape::Lock } else { Shape::Warning } /> }}
                            </span>
                            {move || if works.get() {
                                "Programs that the agent runs are confined"
                            } else {
                                "Programs that the agent runs are not confined on this machine"
                            }}
                        </div>
                        <div class="settings-hint" dir="auto">
                            {move || if works.get() {
                                "They see the working folder and little else, and have no network unless you allow it.".to_owned()
                            } else {
                                let reason = sandbox.with(|sandbox| sandbox.reason.clone());
                                format!("{reason} You are asked about each of them, under the title “not sandboxed”.")
                                    .trim_start()
                                    .to_owned()
                            }}
                        </div>
                    </div>
                </div>
                <Show when=move || layers.with(|layers| !layers.is_empty())>
                    <ul class="checks sandbox-layers">
                        {move || layers
                            .get()
                            .into_iter()
                            .map(|(name, works, detail)| view! {
                                <li class="check-line">
                                    <span class=if works { "state ok" } else { "state warn" }>
                                        <Icon shape=if works { Shape::Check } else { Shape::Cross } />
                                    </span>
                                    <span class="visually-hidden">{if works { "Works: " } else { "Missing: " }}</span>
                                    <span class="check-name">{name}</span>
                                    <span class="check-detail" dir="auto">{detail}</span>
                                </li>
                            })
                            .collect_view()}
                    </ul>
                </Show>
            </div>
        </section>
    }
}
