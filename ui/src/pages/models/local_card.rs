//! One model on this machine: use it, make it the default, see how it did here, remove it.

use leptos::{html, prelude::*};
use nexus_protocol::{FitLabel, LocalModelView, ModelRef, StarterStatus};
use serde_json::Value;

use super::{
    fit::{Figures, FitReasons, FitWords},
    words,
};
use crate::{
    actions,
    components::{AnswerButton, AnswerFailed, Answering, Icon, Menu, MenuItem, Shape},
    format,
    state::use_app,
    visible,
};

/// What is open below the card's line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    Nothing,
    Details,
    Removal,
}

/// The card.
#[component]
pub fn LocalCard(model: ModelRef) -> impl IntoView {
    let app = use_app();
    let testid = model.0.clone();
    let model = StoredValue::new(model);
    let below = RwSignal::new(Below::Nothing);
    let menu = RwSignal::new(false);
    let opener = NodeRef::<html::Button>::new();
    let held = Memo::new(move |_| {
        app.library.local.with(|local| {
            let models = &local.value()?.models;
            model.with_value(|model| {
                models
                    .iter()
                    .find(|view| view.info.model == *model)
                    .cloned()
            })
        })
    });
    let name = Memo::new(move |_| {
        held.with(|held| held.as_ref().map(|view| view.info.display_name.clone()))
            .unwrap_or_default()
    });
    // What would not fit can be tried all the same, but nobody is asked to.
    let runs = Memo::new(move |_| {
        held.with(|held| {
            held.as_ref()
                .is_some_and(|view| view.fit.label != FitLabel::WontFit)
        })
    });
    let is_default = Memo::new(move |_| {
        model.with_value(|model| app.facts.default_model().as_ref() == Some(model))
    });
    let is_starter = Memo::new(
        move |_| matches!(app.facts.starter.get(), Some(StarterStatus::Installed { model: starter }) if model.with_value(|model| *model == starter)),
    );
    let close = Callback::new(move |()| {
        menu.set(false);
        if let Some(opener) = opener.get_untracked() {
            let _focused = opener.focus();
        }
    });
    // The button that was pressed goes with what is below: the focus goes back to where it was opened from.
    let fold = Callback::new(move |()| {
        below.set(Below::Nothing);
        close.run(());
    });
    let item = |label, hint, shape, testid, run| MenuItem {
        label,
        hint,
        shape,
        chosen: None,
        bad: false,
        testid,
        run,
    };
    // One that makes vectors of texts is not offered for chats.
    let chats = Memo::new(move |_| {
        held.with(|held| held.as_ref().is_some_and(|view| !view.skills.embedding))
    });
    let items = move || {
        let mut items = Vec::new();
        if chats.get_untracked() {
            items.push(item(
                "New chat with it",
                "",
                Shape::Plus,
                "local-new-chat",
                Callback::new(move |()| {
                    actions::new_chat(app);
                    actions::use_model(app, model.get_value());
                }),
            ));
        }
        if chats.get_untracked()
            && !is_default.get_untracked()
            && !app.facts.is_fixed("default_model")
        {
            items.push(item(
                "Make it the default",
                "New chats begin with it.",
                Shape::Check,
                "local-default",
                Callback::new(move |()| {
                    actions::set_setting(app, "default_model", Value::String(model.get_value().0));
                }),
            ));
        }
        let open = below.get_untracked() == Below::Details;
        items.push(item(
            if open { "Hide details" } else { "Show details" },
            "",
            Shape::Info,
            "local-details",
            Callback::new(move |()| {
                below.set(if open { Below::Nothing } else { Below::Details });
            }),
        ));
        items.push(MenuItem {
            bad: true,
            ..item(
                "Remove…",
                "",
                Shape::Bin,
                "local-remove",
                Callback::new(move |()| below.set(Below::Removal)),
            )
        });
        items
    };
    view! {
        <article
            class="card model-card"
            class:menu-open=move || menu.get()
            data-testid="model-card"
            data-model=testid
            aria-label=move || name.get()
        >
            <div class="card-words">
                <div class="card-title">
                    <span dir="auto">{move || name.get()}</span>
                    <Show when=move || held.with(|held| held.as_ref().is_some_and(|view| view.loaded))>
                        <span class="chip small local">"in memory"</span>
                    </Show>
                    <Show when=move || is_default.get()>
                        <span class="chip small"><Icon shape=Shape::Check />"default"</span>
                    </Show>
                    <Show when=move || is_starter.get()>
                        <span class="chip small">"starter"</span>
                    </Show>
                    <Show when=move || held.with(|held| held.as_ref().is_some_and(|view| view.linked))>
                        <span class="chip small" title="The file belongs to another app or folder; here is a link to it">
                            <Icon shape=Shape::Link />
                            "linked"
                        </span>
                    </Show>
                </div>
                <div class="card-facts">{move || held.with(|held| held.as_ref().map(words::local_facts))}</div>
            </div>
            {move || held.get().map(|view| view! { <FitWords fit=view.fit measured=view.measured /> })}
            <div class="card-actions">
                <button
                    type="button"
                    class="icon-button"
                    node_ref=opener
                    data-testid="local-menu"
                    aria-haspopup="menu"
                    aria-expanded=move || menu.get().to_string()
                    aria-label=move || format!("More for {}", name.get())
                    on:click=move |_| menu.set(true)
                >
                    <Icon shape=Shape::Dots />
                </button>
                <Show when=move || chats.get()>
                    <button
                        type="button"
                        class="button"
                        class:primary=move || runs.get()
                        data-testid="model-chat"
                        aria-label=move || format!("Use {}", name.get())
                        title=move || if app.store.open.with(Option::is_some) {
                            "Use it in the open chat"
                        } else {
                            "Use it in a new chat"
                        }
                        on:click=move |_| actions::use_model(app, model.get_value())
                    >
                        "Use"
                    </button>
                </Show>
                <Show when=move || menu.get()>
                    <Menu label=name.get_untracked() items=items() close />
                </Show>
            </div>
            {move || match below.get() {
                Below::Nothing => ().into_any(),
                Below::Details => view! {
                    {move || held.get().map(|view| view! { <About view fold /> })}
                }
                .into_any(),
                // As it was when it was asked: the model leaves the memory first, and an answer on its way is not asked for anew.
                Below::Removal => held.get_untracked().map(|view| view! { <Removal view fold /> }).into_any(),
            }}
        </article>
    }
}

/// How it did here, what it needs, where it is and where it came from.
#[component]
fn About(view: LocalModelView, fold: Callback<()>) -> impl IntoView {
    let origin = view
        .origin
        .map(|origin| visible::plain(&format!("{} · {}", origin.model, origin.file)));
    view! {
        <div class="card-below about" data-testid="local-about">
            <div class="about-columns">
                {match view.measured {
                    Some(measured) => view! {
                        <Figures title="Measured on this machine" lines=words::measured(&measured) />
                    }
                    .into_any(),
                    None => view! {
                        <p class="hint">"Not measured yet. After its first answer this says how fast it is here."</p>
                    }
                    .into_any(),
                }}
                <FitReasons fit=view.fit />
            </div>
            <p class="about-line"><span>"File "</span><code class="path" dir="ltr">{visible::plain(&view.path)}</code></p>
            {origin.map(|origin| view! {
                <p class="about-line"><span>"From "</span><span dir="auto">{origin}</span></p>
            })}
            <div class="actions end">
                <button type="button" class="button quiet" on:click=move |_| fold.run(())>"Hide"</button>
            </div>
        </div>
    }
}

/// Asks once, in place.
#[component]
fn Removal(view: LocalModelView, fold: Callback<()>) -> impl IntoView {
    let app = use_app();
    let answering = Answering::new();
    let keep = NodeRef::<html::Button>::new();
    Effect::new(move |_| {
        if let Some(keep) = keep.get() {
            let _focused = keep.focus();
        }
    });
    let name = view.info.display_name.clone();
    let bytes = view.info.file_bytes.unwrap_or_default();
    let (question, verb) = if view.linked {
        (
            "Only the link goes: what it leads to stays where it is, and nothing is freed."
                .to_owned(),
            "Remove the link".to_owned(),
        )
    } else {
        (
            format!(
                "It is deleted from this disk. That frees {}.",
                format::bytes(bytes)
            ),
            format!("Delete {}", format::bytes(bytes)),
        )
    };
    let model = StoredValue::new(view.info.model);
    let name = StoredValue::new(name);
    let remove = Callback::new(move |()| {
        answering.send(async move {
            let removed = actions::remove_model(app, model.get_value()).await?;
            app.view
                .say(words::removed(&name.get_value(), &removed), false, None);
            Ok(())
        });
    });
    view! {
        <div class="card-below removal" role="group" aria-label="Remove this model" data-testid="removal">
            <p>{question}</p>
            <div class="card-actions">
                <AnswerButton
                    answering
                    testid="removal-keep"
                    node=keep
                    press=fold
                >
                    "Keep"
                </AnswerButton>
                <AnswerButton answering testid="model-remove" kind="bad" press=remove>
                    {move || if answering.busy() { "Removing…".to_owned() } else { verb.clone() }}
                </AnswerButton>
            </div>
            <AnswerFailed answering class="card-below" />
        </div>
    }
}
