//! Where a chat is answered: four choices over the list of models, and in words what the chosen one means with the two models.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ModelRef, Routing};

use crate::{
    actions,
    state::{App, use_app},
};

/// The choice. `model` is the one that is asked first.
#[component]
pub fn RoutingChoice(#[prop(into)] model: Signal<Option<ModelRef>>) -> impl IntoView {
    let app = use_app();
    // What was pressed is marked until the core has answered; then what holds is, whatever it said.
    let pressed = RwSignal::new(None::<Routing>);
    let chosen = Memo::new(move |_| {
        pressed
            .get()
            .or_else(|| app.routing())
            .or_else(|| derived(app, model.get().as_ref()))
    });
    let choose = move |routing| {
        pressed.set(Some(routing));
        let asked = asked_for(routing, derived(app, model.get_untracked().as_ref()));
        spawn_local(async move {
            actions::set_routing(app, asked).await;
            // Unless something else was pressed meanwhile: that one's own answer follows.
            if pressed.try_get_untracked() == Some(Some(routing)) {
                pressed.set(None);
            }
        });
    };
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
                                on:change=move |_| choose(routing)
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

/// What to remember of a choice. “Cloud” with a model in the cloud is how every such chat is: nothing. “Local only” is a promise, and
/// is kept.
fn asked_for(routing: Routing, derived: Option<Routing>) -> Option<Routing> {
    let plain = routing == Routing::Cloud && derived == Some(routing);
    (!plain).then_some(routing)
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
    fn only_what_would_be_so_anyway_is_not_remembered() {
        let (local, cloud) = (Some(Routing::LocalOnly), Some(Routing::Cloud));
        assert_eq!(asked_for(Routing::Cloud, cloud), None);
        assert_eq!(asked_for(Routing::Cloud, local), Some(Routing::Cloud));
        assert_eq!(
            asked_for(Routing::LocalOnly, local),
            Some(Routing::LocalOnly)
        );
        assert_eq!(
            asked_for(Routing::CloudFirst, cloud),
            Some(Routing::CloudFirst)
        );
    }

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
