//! Where a chat is answered: four choices over the list of models, and in words what the chosen one means with the two models.

use leptos::prelude::*;
use nexus_protocol::{ModelRef, Routing};

use crate::{
    actions,
    state::{App, use_app},
};

/// The choice. `model` is the one that is asked first.
#[component]
pub fn RoutingChoice(#[prop(into)] model: Signal<Option<ModelRef>>) -> impl IntoView {
    let app = use_app();
    let chosen = Memo::new(move |_| app.routing().or_else(|| derived(app, model.get().as_ref())));
    let words = move || {
        let first = model.get().map(|model| app.facts.model_name(&model));
        let partner = app.summary().and_then(|summary| summary.partner);
        let other = partner.map(|model| app.facts.model_name(&model));
        chosen
            .get()
            .map(|routing| meaning(routing, first.as_deref(), other.as_deref()))
    };
    view! {
        <div class="routing">
            <div class="segments" role="radiogroup" aria-label="Where this chat is answered" data-testid="routing">
                {Routing::ALL
                    .into_iter()
                    .map(|routing| view! {
                        <label class="segment" data-testid=testid(routing)>
                            <input
                                type="radio"
                                name="routing"
                                prop:checked=move || chosen.get() == Some(routing)
                                on:change=move |_| choose(app, routing, model.get_untracked().as_ref())
                            />
                            <span>{routing.name()}</span>
                        </label>
                    })
                    .collect_view()}
            </div>
            <p class="routing-words" role="status" data-testid="routing-words">{words}</p>
        </div>
    }
}

/// Where a chat is answered that nobody chose a place for.
fn derived(app: App, model: Option<&ModelRef>) -> Option<Routing> {
    model.map(|model| Routing::of(app.facts.model_place(model)))
}

fn choose(app: App, routing: Routing, model: Option<&ModelRef>) {
    // “Cloud” with a model in the cloud is how every such chat is: nothing to remember. “Local only” is a promise, and is kept.
    let plain = routing == Routing::Cloud && derived(app, model) == Some(routing);
    actions::set_routing(app, (!plain).then_some(routing));
}

/// What a choice means. `first` is asked first, `other` is the model at the other place.
fn meaning(routing: Routing, first: Option<&str>, other: Option<&str>) -> String {
    let first = first.unwrap_or("the model here");
    match routing {
        Routing::LocalOnly => "Answered on this machine. Nothing is sent away.".to_owned(),
        Routing::LocalFirst => format!(
            "{first} answers here. Where it cannot, you are asked whether {} may, and shown what would be sent.",
            other.unwrap_or("a model in the cloud")
        ),
        Routing::CloudFirst => format!(
            "{first} answers. Where the network fails, {} answers instead and says so.",
            other.unwrap_or("a model on this machine")
        ),
        Routing::Cloud => "Answered by the provider of the model.".to_owned(),
    }
}

fn testid(routing: Routing) -> &'static str {
    match routing {
        Routing::LocalOnly => "routing-local-only",
        Routing::LocalFirst => "routing-local-first",
        Routing::CloudFirst => "routing-cloud-first",
        Routing::Cloud => "routing-cloud",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_models_are_named_where_both_may_be_asked() {
        assert_eq!(
            meaning(Routing::LocalFirst, Some("Tiny"), Some("Large")),
            "Tiny answers here. Where it cannot, you are asked whether Large may, and shown what would be sent."
        );
        assert_eq!(
            meaning(Routing::CloudFirst, Some("Large"), None),
            "Large answers. Where the network fails, a model on this machine answers instead and says so."
        );
    }
}
