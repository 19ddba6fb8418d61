//! A model that could be had, as lists show it. The card opens its details; one of the built-in catalogue can be got at once.

use leptos::prelude::*;
use nexus_protocol::{DownloadRequest, Gate, HubModel};

use super::{
    fit::FitWords,
    get::{GetButton, GetFailed},
    words,
};
use crate::{
    actions,
    components::{Icon, Shape},
    format,
    state::{Wanted, use_app},
    visible,
};

/// The card.
#[component]
pub fn HubCard(model: HubModel) -> impl IntoView {
    let app = use_app();
    let failed = RwSignal::new(None);
    let id = StoredValue::new(model.id.clone());
    let (author, name) = format::hub_name(&model.id);
    let title = model
        .known
        .as_ref()
        .map_or_else(|| visible::plain(name), |known| known.title.clone());
    let below = visible::plain(author);
    let about = model.known.as_ref().map(|known| known.about.clone());
    let facts = words::hub_facts(&model);
    let open = move |_| {
        actions::show_details(
            app,
            Wanted {
                id: id.get_value(),
                file: None,
                context: None,
            },
        );
    };
    let right = model.known.clone().map(|known| {
        let request = DownloadRequest {
            model: model.id.clone(),
            file: known.file.clone(),
            revision: None,
        };
        let fits = known.fit.label != nexus_protocol::FitLabel::WontFit;
        let state = {
            let model = model.clone();
            Signal::derive(move || app.library.known_state(&model))
        };
        view! {
            <FitWords fit=known.fit />
            <div class="card-actions">
                {fits.then(|| view! {
                    <GetButton state request bytes=known.about_bytes name=known.title primary=false failed />
                })}
            </div>
        }
    });
    view! {
        <article class="card model-card hub-card" data-testid="hub-card">
            <div class="card-words">
                <div class="card-title">
                    // The button reaches over the whole card; what else can be pressed lies above it.
                    <button
                        type="button"
                        class="title-button covers"
                        data-hub=model.id.clone()
                        data-testid="hub-open"
                        dir="auto"
                        on:click=open
                    >
                        {title}
                    </button>
                    <Marks gate=model.gate skills=words::skills(model.skills) />
                </div>
                {about.map(|about| view! { <p class="card-about" dir="auto">{about}</p> })}
                <div class="card-facts">
                    <span dir="auto">{below}</span>
                    {(!facts.is_empty()).then(|| format!(" · {facts}"))}
                </div>
            </div>
            {right}
            <span class="card-chevron"><Icon shape=Shape::ChevronRight /></span>
            <div class="card-below"><GetFailed failed /></div>
        </article>
    }
}

/// What a model can do and what stands before it, as quiet chips.
#[component]
pub fn Marks(gate: Gate, skills: Vec<&'static str>) -> impl IntoView {
    view! {
        {words::gate(gate).map(|words| view! {
            <span class="chip small gated" title="Its author wants something first: open it to see what">
                <Icon shape=Shape::Key />
                {words}
            </span>
        })}
        {skills
            .into_iter()
            .map(|skill| view! { <span class="chip small">{skill}</span> })
            .collect_view()}
    }
}
