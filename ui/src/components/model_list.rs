//! Models to choose from: a search field and one list with headings, the same in the composer, in Settings and on the first
//! screen. Owns filtering and the keys; refuses to know what a choice does.

use leptos::{ev, html, prelude::*};
use nexus_protocol::{ErrorAction, ModelInfo, ModelPlace, ModelRef, ProviderFailure};

use super::{ErrorNote, Icon, Shape, model_chip::place_shape};
use crate::{
    actions, browser, format,
    state::{Loaded, use_app},
};

/// More lines than anyone reads; typing finds the rest.
const SHOWN: usize = 200;

#[derive(Clone, Debug, PartialEq)]
struct Group {
    title: String,
    models: Vec<(usize, ModelInfo)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Found {
    groups: Vec<Group>,
    order: Vec<ModelRef>,
    left_out: usize,
}

/// The list. `choose` gets the model; `only` keeps to one provider.
#[component]
pub fn ModelList(
    choose: Callback<ModelRef>,
    #[prop(into)] chosen: Signal<Option<ModelRef>>,
    #[prop(optional)] only: Option<String>,
) -> impl IntoView {
    let app = use_app();
    let query = RwSignal::new(String::new());
    let field = NodeRef::<html::Input>::new();
    let only = StoredValue::new(only);
    let found = Memo::new(move |_| {
        let query = query.get();
        app.facts.catalog.with(|catalog| {
            let Some(catalog) = catalog.value() else {
                return Found::default();
            };
            let models = catalog.local.iter().chain(&catalog.cloud).filter(|info| {
                only.with_value(|only| {
                    only.as_deref()
                        .is_none_or(|only| info.model.provider() == only)
                })
            });
            find(models, &query, |provider| app.facts.provider_name(provider))
        })
    });
    let failures = Memo::new(move |_| {
        app.facts.catalog.with(|catalog| {
            catalog
                .value()
                .map(|c| c.failures.clone())
                .unwrap_or_default()
        })
    });
    // The keys begin at the one that is chosen.
    let active = RwSignal::new(found.with_untracked(|found| {
        let chosen = chosen.get_untracked();
        let at = |model: &ModelRef| Some(model) == chosen.as_ref();
        found.order.iter().position(at).unwrap_or(0)
    }));
    // Apart from the list itself, so that reading it anew leaves on the screen what is there.
    let here = Memo::new(move |_| app.facts.catalog.with(|catalog| catalog.value().is_some()));
    let failed = Memo::new(move |_| {
        app.facts.catalog.with(|catalog| match catalog {
            Loaded::Failed(card) => Some(card.clone()),
            _ => None,
        })
    });
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _focused = field.focus();
            request_animation_frame(move || {
                if let Some(at) = active.try_get_untracked() {
                    show_option(at);
                }
            });
        }
    });
    let on_key = move |event: ev::KeyboardEvent| {
        let count = found.with_untracked(|found| found.order.len());
        let at = active.get_untracked().min(count.saturating_sub(1));
        let next = match event.key().as_str() {
            "ArrowDown" => (at + 1).min(count.saturating_sub(1)),
            "ArrowUp" => at.saturating_sub(1),
            "PageDown" => (at + 8).min(count.saturating_sub(1)),
            "PageUp" => at.saturating_sub(8),
            "Enter" if !event.is_composing() => {
                event.prevent_default();
                if let Some(model) = found.with_untracked(|found| found.order.get(at).cloned()) {
                    choose.run(model);
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        active.set(next);
        show_option(next);
    };
    view! {
        <div class="model-list">
            <div class="model-search">
                <Icon shape=Shape::Search />
                <input
                    node_ref=field
                    type="text"
                    role="combobox"
                    aria-expanded="true"
                    aria-controls="model-options"
                    aria-activedescendant=move || format!("model-option-{}", active.get())
                    aria-label="Search models"
                    placeholder="Search models"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="model-search"
                    on:input=move |event| {
                        query.set(event_target_value(&event));
                        active.set(0);
                    }
                    on:keydown=on_key
                />
            </div>
            <div class="model-options" id="model-options" role="listbox" aria-label="Models">
                {move || match (failed.get(), here.get()) {
                    (Some(card), _) => view! {
                        <ErrorNote card on_action=Callback::new(move |_: ErrorAction| {
                            actions::load_models(app, true);
                        }) />
                    }
                    .into_any(),
                    (None, false) => view! {
                        <div class="skeleton-list" aria-label="Reading the list of models">
                            <span class="skeleton wide"></span>
                            <span class="skeleton"></span>
                            <span class="skeleton short"></span>
                        </div>
                    }
                    .into_any(),
                    (None, true) => view! { <Options found active choose chosen /> }.into_any(),
                }}
                <For
                    each=move || failures.get()
                    key=|failure| format!("{}{}", failure.provider, failure.error.detail)
                    children=|failure| view! { <Failure failure /> }
                />
            </div>
        </div>
    }
}

/// Scrolls to a line of the list.
fn show_option(at: usize) {
    if let Some(option) = browser::find(&format!("#model-option-{at}")) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        option.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

#[component]
fn Options(
    found: Memo<Found>,
    active: RwSignal<usize>,
    choose: Callback<ModelRef>,
    chosen: Signal<Option<ModelRef>>,
) -> impl IntoView {
    let app = use_app();
    view! {
        <Show when=move || found.with(|found| found.order.is_empty())>
            <div class="empty">
                <p>"No model matches."</p>
                <button
                    type="button"
                    class="button quiet"
                    on:click=move |_| actions::load_models(app, true)
                >
                    "Read the lists again"
                </button>
            </div>
        </Show>
        <For
            each=move || found.with(|found| found.groups.clone())
            key=|group| (group.title.clone(), group.models.iter().map(|(at, m)| (*at, m.model.clone())).collect::<Vec<_>>())
            children=move |group| {
                let title = group.title.clone();
                let label = title.clone();
                view! {
                    <div role="group" aria-label=label>
                        <div class="model-group" aria-hidden="true">{title}</div>
                        {group
                            .models
                            .into_iter()
                            .map(|(at, info)| view! { <Choice at info active choose chosen /> })
                            .collect_view()}
                    </div>
                }
            }
        />
        {move || {
            let left = found.with(|found| found.left_out);
            (left > 0).then(|| view! {
                <p class="hint">{format!("{left} more: type to find them")}</p>
            })
        }}
    }
}

#[component]
fn Choice(
    at: usize,
    info: ModelInfo,
    active: RwSignal<usize>,
    choose: Callback<ModelRef>,
    chosen: Signal<Option<ModelRef>>,
) -> impl IntoView {
    let model = StoredValue::new(info.model.clone());
    let is_chosen = Memo::new(move |_| model.with_value(|m| chosen.get().as_ref() == Some(m)));
    let is_active = Memo::new(move |_| active.get() == at);
    view! {
        <div
            class="model-option"
            class:active=move || is_active.get()
            id=format!("model-option-{at}")
            role="option"
            aria-selected=move || is_chosen.get().to_string()
            data-testid="model-option"
            data-model=info.model.0.clone()
            on:mousemove=move |_| if active.get_untracked() != at { active.set(at) }
            on:click=move |_| choose.run(model.get_value())
        >
            <span class="model-place" class:local=info.place == ModelPlace::ThisMachine>
                <Icon shape=place_shape(info.place) />
            </span>
            <span class="model-name" dir="auto" title=info.display_name.clone()>{info.display_name.clone()}</span>
            <span class="model-facts">{format::model_facts(&info)}</span>
            <span class="model-check">
                {move || is_chosen.get().then(|| view! { <Icon shape=Shape::Check /> })}
            </span>
        </div>
    }
}

#[component]
fn Failure(failure: ProviderFailure) -> impl IntoView {
    let app = use_app();
    let name = app.facts.provider_name(&failure.provider);
    view! {
        <div class="model-failure">
            <div class="model-group">{name}</div>
            <ErrorNote card=failure.error on_action=Callback::new(move |action: ErrorAction| match action {
                ErrorAction::OpenProvider { .. } => {
                    app.view.picker.set(false);
                    actions::perform(app, &action);
                }
                _ => actions::load_models(app, true),
            }) />
        </div>
    }
}

/// All models in which every word of the query occurs, by place and provider, in the order they came.
fn find<'a>(
    models: impl Iterator<Item = &'a ModelInfo>,
    query: &str,
    provider_name: impl Fn(&str) -> String,
) -> Found {
    let words: Vec<String> = query
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut found = Found::default();
    for info in models {
        let text = format!("{} {}", info.display_name, info.model).to_lowercase();
        if !words.iter().all(|word| text.contains(word)) {
            continue;
        }
        if found.order.len() >= SHOWN {
            found.left_out += 1;
            continue;
        }
        let title = match (info.model.is_local(), info.place) {
            (true, _) => "On this machine".to_owned(),
            (false, ModelPlace::ThisMachine) => {
                format!("On this machine · {}", provider_name(info.model.provider()))
            }
            (false, ModelPlace::Cloud) => {
                format!("Cloud · {}", provider_name(info.model.provider()))
            }
        };
        let at = found.order.len();
        found.order.push(info.model.clone());
        match found.groups.iter_mut().find(|group| group.title == title) {
            Some(group) => group.models.push((at, info.clone())),
            None => found.groups.push(Group {
                title,
                models: vec![(at, info.clone())],
            }),
        }
    }
    // The order of the keys is the order on the screen, even where a provider's models come in pieces.
    found.order.clear();
    let shown = found.groups.iter_mut().flat_map(|group| &mut group.models);
    for (at, (place, info)) in shown.enumerate() {
        *place = at;
        found.order.push(info.model.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(model: &str, place: ModelPlace) -> ModelInfo {
        let model = ModelRef(model.into());
        ModelInfo {
            display_name: format!("The {}", model.model()),
            model,
            place,
            context_tokens: None,
            max_output_tokens: None,
            tools: false,
            images: false,
            pricing: None,
            file_bytes: None,
            quantization: None,
        }
    }

    fn all() -> Vec<ModelInfo> {
        vec![
            info("local/smollm2", ModelPlace::ThisMachine),
            info("openrouter/a/one", ModelPlace::Cloud),
            info("ollama/qwen", ModelPlace::ThisMachine),
            info("openrouter/b/two", ModelPlace::Cloud),
        ]
    }

    fn titles(found: &Found) -> Vec<(String, Vec<String>)> {
        found
            .groups
            .iter()
            .map(|g| {
                (
                    g.title.clone(),
                    g.models
                        .iter()
                        .map(|(at, m)| format!("{at} {}", m.model))
                        .collect(),
                )
            })
            .collect()
    }

    #[test]
    fn groups_by_place_and_provider_and_numbers_as_shown() {
        let all = all();
        let found = find(all.iter(), "", str::to_uppercase);
        assert_eq!(
            titles(&found),
            vec![
                (
                    "On this machine".into(),
                    vec!["0 local/smollm2".to_string()]
                ),
                (
                    "Cloud · OPENROUTER".into(),
                    vec!["1 openrouter/a/one".into(), "2 openrouter/b/two".into()]
                ),
                (
                    "On this machine · OLLAMA".into(),
                    vec!["3 ollama/qwen".into()]
                ),
            ]
        );
        let order: Vec<&str> = found.order.iter().map(|m| m.0.as_str()).collect();
        assert_eq!(
            order,
            [
                "local/smollm2",
                "openrouter/a/one",
                "openrouter/b/two",
                "ollama/qwen"
            ]
        );
    }

    #[test]
    fn every_word_must_occur() {
        let all = all();
        let found = find(all.iter(), "ROUTER two", str::to_owned);
        assert_eq!(found.order, vec![ModelRef("openrouter/b/two".into())]);
        assert_eq!(
            find(all.iter(), "router qwen", str::to_owned),
            Found::default()
        );
    }
}
