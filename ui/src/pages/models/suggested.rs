//! What the built-in catalogue recommends for this machine. It works offline.

use leptos::prelude::*;
use nexus_protocol::{ErrorAction, FitLabel, HubModel};

use super::{hub_card::HubCard, several::Several};
use crate::{
    actions,
    components::ErrorNote,
    format,
    state::{Loaded, use_app},
};

/// The part.
#[component]
pub fn Suggested() -> impl IntoView {
    let app = use_app();
    let suggested = app.library.suggested;
    let models =
        Memo::new(move |_| suggested.with(|held| held.value().map(|page| in_order(&page.models))));
    let failed = Memo::new(move |_| {
        suggested.with(|held| match held {
            Loaded::Failed(card) => Some(card.clone()),
            _ => None,
        })
    });
    let free = Memo::new(move |_| models.with(|all| all.as_deref().and_then(free)));
    view! {
        <section class="models-part" aria-labelledby="part-suggested" data-testid="suggested-models">
            <h2 class="section-title" id="part-suggested">
                "Recommended for this machine"
                {move || free.get().map(|free| view! {
                    <span class="title-means">{format!(" · {} of memory free", format::bytes(free))}</span>
                })}
            </h2>
            {move || failed.get().map(|card| view! {
                <ErrorNote card on_action=Callback::new(move |_: ErrorAction| actions::load_suggested(app)) />
            })}
            <Show when=move || models.with(Option::is_none) && failed.with(Option::is_none)>
                <div class="skeleton-list flush late" aria-label="Reading the catalogue">
                    <span class="skeleton block"></span>
                    <span class="skeleton block"></span>
                    <span class="skeleton block"></span>
                </div>
            </Show>
            <Several
                items=Signal::derive(move || models.get().unwrap_or_default())
                most=6
                // What was said of a model may change: its fit, where it is.
                key=|model: &HubModel| serde_json::to_string(model).unwrap_or_default()
                children=|model| view! { <HubCard model /> }
            />
        </section>
    }
}

/// What runs well first, the most able of it before the others; of what runs badly or not at all, the least demanding first.
fn in_order(models: &[HubModel]) -> Vec<HubModel> {
    let mut models = models.to_vec();
    models.sort_by_key(|model| {
        model
            .known
            .as_ref()
            .map(|known| {
                let size = i128::from(known.parameters);
                match known.fit.label {
                    FitLabel::Fits => (FitLabel::Fits, -size),
                    label => (label, size),
                }
            })
            .unwrap_or((FitLabel::WontFit, i128::MAX))
    });
    models
}

/// The memory that the estimates counted on.
fn free(models: &[HubModel]) -> Option<u64> {
    let estimate = models
        .iter()
        .find_map(|model| model.known.as_ref())?
        .fit
        .estimate;
    Some(estimate.free?.saturating_add(estimate.freed_by_unloading))
}

#[cfg(test)]
mod tests {
    use nexus_protocol::{Fit, KnownModel, MemoryEstimate};

    use super::*;

    fn model(id: &str, label: Option<FitLabel>, parameters: u64) -> HubModel {
        HubModel {
            id: id.into(),
            known: label.map(|label| KnownModel {
                name: id.into(),
                title: id.into(),
                about: String::new(),
                file: String::new(),
                about_bytes: 1,
                parameters,
                context_tokens: 1,
                fit: Fit {
                    label,
                    reason: String::new(),
                    estimate: MemoryEstimate {
                        free: Some(5),
                        freed_by_unloading: 2,
                        ..MemoryEstimate::default()
                    },
                },
                here: None,
            }),
            ..HubModel::default()
        }
    }

    #[test]
    fn the_best_that_runs_well_comes_first() {
        let all = [
            model("huge", Some(FitLabel::WontFit), 70),
            model("slower", Some(FitLabel::Slow), 12),
            model("unknown", None, 0),
            model("tiny", Some(FitLabel::Fits), 1),
            model("slow", Some(FitLabel::Slow), 8),
            model("able", Some(FitLabel::Fits), 4),
        ];
        let ids: Vec<String> = in_order(&all).into_iter().map(|model| model.id).collect();
        assert_eq!(ids, ["able", "tiny", "slow", "slower", "huge", "unknown"]);
    }

    #[test]
    fn free_memory_counts_what_is_unloaded_first() {
        assert_eq!(free(&[model("unknown", None, 0)]), None);
        assert_eq!(free(&[model("a", Some(FitLabel::Fits), 1)]), Some(7));
    }
}
