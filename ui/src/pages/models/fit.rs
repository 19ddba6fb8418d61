//! Whether a model runs on this machine: the word, the reason, and on request what was reckoned.

use leptos::prelude::*;
use nexus_protocol::{Fit, Measured, MemoryEstimate};

use super::words;

/// The word, and below it what was measured here or what is needed.
#[component]
pub fn FitWords(fit: Fit, #[prop(optional_no_strip)] measured: Option<Measured>) -> impl IntoView {
    let (word, class) = words::fit(fit.label);
    let below = measured.map_or_else(
        || words::needs(&fit.estimate),
        |measured| words::measured_short(&measured),
    );
    view! {
        <div class="fit" data-testid="fit" title=fit.reason>
            <span class=class>{word}</span>
            <span class="fit-needs">{below}</span>
        </div>
    }
}

/// Why, and what the estimate is made of.
#[component]
pub fn FitReasons(fit: Fit) -> impl IntoView {
    view! {
        <div class="fit-reasons" data-testid="fit-reasons">
            <p dir="auto">{fit.reason}</p>
            <Split estimate=fit.estimate />
        </div>
    }
}

#[component]
fn Split(estimate: MemoryEstimate) -> impl IntoView {
    view! {
        <Figures title="Memory" lines=words::split(&estimate) />
        {estimate.approximate.then(|| view! {
            <p class="hint">"Reckoned from the number of its weights: the file itself will say more."</p>
        })}
    }
}

/// Names and numbers, a line each.
#[component]
pub fn Figures(title: &'static str, lines: Vec<(String, String)>) -> impl IntoView {
    view! {
        <dl class="figures" aria-label=title>
            <div class="figures-title" aria-hidden="true">{title}</div>
            {lines
                .into_iter()
                .map(|(name, value)| {
                    let sum = name.starts_with("Needed");
                    view! { <div class="figure" class:sum=sum><dt>{name}</dt><dd>{value}</dd></div> }
                })
                .collect_view()}
        </dl>
    }
}
