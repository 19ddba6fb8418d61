//! One model of the hub: what is known of it, and all packings of it that this app can run.

use leptos::{html, prelude::*};
use nexus_protocol::{ErrorAction, Gate, HubDetails, KeyStatus, ModelsPlace};

use super::{choices::Choices, hub_card::Marks, words};
use crate::{
    actions,
    components::{ErrorNote, Icon, Shape},
    format,
    state::{Loaded, Page, SettingsSection, Wanted, use_app},
    visible,
};

/// The part of the page that takes the place of the lists.
#[component]
pub fn Details() -> impl IntoView {
    let app = use_app();
    let library = app.library;
    let heading = NodeRef::<html::H2>::new();
    let id = Memo::new(move |_| {
        library
            .wanted
            .with(|wanted| wanted.as_ref().map(|wanted| wanted.id.clone()))
            .unwrap_or_default()
    });
    // A reader who follows the focus begins at the name.
    Effect::new(move |_| {
        if let Some(heading) = heading.get() {
            let _focused = heading.focus();
            heading.scroll_into_view_with_bool(false);
        }
    });
    let again = Callback::new(move |action: ErrorAction| match action {
        ErrorAction::Retry | ErrorAction::RetryAt { .. } => {
            if let Some(wanted) = library.wanted.get_untracked() {
                actions::show_details(app, wanted);
            }
        }
        other => actions::perform(app, &other),
    });
    let failed = Memo::new(move |_| {
        library.details.with(|held| match held {
            Loaded::Failed(card) => Some(card.clone()),
            _ => None,
        })
    });
    let details = Memo::new(move |_| library.details.with(|held| held.value().cloned()));
    let here = Memo::new(move |_| details.with(Option::is_some));
    view! {
        <section class="models-part details" data-testid="hub-details" aria-labelledby="model-title">
            <div>
                <button
                    type="button"
                    class="link-button back"
                    data-testid="details-back"
                    on:click=move |_| { actions::leave_details(app); }
                >
                    <span class="turned"><Icon shape=Shape::ChevronRight /></span>
                    {move || if library.query.with(|query| query.trim().is_empty()) { "All models" } else { "Search results" }}
                </button>
            </div>
            <div class="details-head">
                <h2 class="details-title" id="model-title" tabindex="-1" node_ref=heading dir="auto">
                    {move || id.with(|id| visible::plain(format::hub_name(id).1))}
                </h2>
                <span class="details-author" dir="auto">
                    {move || id.with(|id| visible::plain(format::hub_name(id).0))}
                </span>
            </div>
            {move || match (failed.get(), here.get()) {
                (Some(card), _) => view! { <ErrorNote card on_action=again /> }.into_any(),
                (None, false) => view! {
                    <div class="skeleton-list flush late" aria-label="Reading what there is of it">
                        <span class="skeleton short"></span>
                        <span class="skeleton block"></span>
                        <span class="skeleton block"></span>
                        <span class="skeleton block"></span>
                    </div>
                }
                .into_any(),
                (None, true) => view! {
                    {move || details.get().map(|details| view! { <Head details /> })}
                    <Choices details />
                }
                .into_any(),
            }}
        </section>
    }
}

/// What is known of the model as a whole.
#[component]
fn Head(details: HubDetails) -> impl IntoView {
    let app = use_app();
    let model = &details.model;
    let mut facts = Vec::new();
    facts.extend(
        details
            .parameters
            .map(|count| format!("{} weights", format::weights(count))),
    );
    facts.extend(
        details
            .context_tokens
            .map(|tokens| format!("{} context", format::context(tokens))),
    );
    facts.extend(details.architecture.clone());
    facts.extend(
        model
            .downloads
            .map(|count| format!("{} downloads a month", format::tokens(count))),
    );
    facts.extend(
        model
            .likes
            .map(|count| format!("{} likes", format::tokens(count))),
    );
    facts.push(
        model
            .license
            .clone()
            .unwrap_or_else(|| "no licence named".into()),
    );
    let about = model.known.as_ref().map(|known| known.about.clone());
    let skills = words::skills(model.skills);
    let page = details.page.clone();
    view! {
        <div class="details-facts">
            {about.map(|about| view! { <p dir="auto">{about}</p> })}
            <p class="card-facts" dir="auto">{facts.join(" · ")}</p>
            <div class="details-marks">
                <Marks gate=model.gate skills />
                <button
                    type="button"
                    class="link-button start"
                    data-testid="details-page"
                    on:click=move |_| actions::open_link(app, page.clone())
                >
                    <Icon shape=Shape::Link />
                    "Its page"
                </button>
            </div>
        </div>
        <GateNote gate=model.gate page=details.page.clone() />
    }
}

/// What to do before a model with terms can be fetched.
#[component]
fn GateNote(gate: Gate, page: String) -> impl IntoView {
    let app = use_app();
    let token = Memo::new(move |_| {
        app.library.place.with(|place| {
            place
                .value()
                .is_some_and(|place| matches!(place.token, KeyStatus::Set { .. }))
        })
    });
    if gate == Gate::Open {
        return ().into_any();
    }
    let first = match gate {
        Gate::Approval => "Its author looks at each request: ask for it on the model’s page",
        Gate::Open | Gate::Terms => "Its author has terms: accept them on the model’s page",
    };
    view! {
        <div class="note-card" data-testid="gate-note">
            <Icon shape=Shape::Key />
            <div class="note-words">
                {move || if token.get() {
                    format!("{first}. Your token is sent along; it must belong to the same account.")
                } else {
                    format!("{first}, then give Nexus a token of the same account.")
                }}
            </div>
            <div class="card-actions">
                <Show when=move || !token.get()>
                    <button
                        type="button"
                        class="button"
                        data-testid="gate-token"
                        on:click=move |_| app.view.page.set(Page::Settings(SettingsSection::Provider(ModelsPlace::TOKEN.into())))
                    >
                        "Add a token…"
                    </button>
                </Show>
                <button
                    type="button"
                    class="button"
                    on:click=move |_| actions::open_link(app, page.clone())
                >
                    "Open its page"
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// Asks for the same model with memory reckoned for another context.
pub(super) fn reckon(app: crate::state::App, context: u32) {
    if let Some(wanted) = app.library.wanted.get_untracked() {
        actions::show_details(
            app,
            Wanted {
                context: Some(context),
                ..wanted
            },
        );
    }
}
