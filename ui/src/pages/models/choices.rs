//! The packings of a model in three groups, each with its size, whether it runs here, and the button that gets it.

use leptos::prelude::*;
use nexus_protocol::{DownloadRequest, FitLabel, HubDetails, ModelChoice, SizeGroup};

use super::{
    details::reckon,
    fit::{FitReasons, FitWords},
    get::{GetButton, GetFailed},
    words,
};
use crate::{
    components::{Icon, Shape},
    format,
    state::use_app,
    visible,
};

/// All of them. What is open stays open while memory is reckoned anew.
#[component]
pub fn Choices(details: Memo<Option<HubDetails>>) -> impl IntoView {
    let groups = [SizeGroup::Small, SizeGroup::Balanced, SizeGroup::Large];
    let none = Memo::new(move |_| {
        details.with(|held| held.as_ref().is_none_or(|held| held.choices.is_empty()))
    });
    let left_out = Memo::new(move |_| {
        details.with(|held| {
            held.as_ref()
                .map(|held| held.left_out.clone())
                .unwrap_or_default()
        })
    });
    view! {
        <Show
            when=move || none.get()
            fallback=move || view! { <ContextLine details /> }
        >
            <div class="empty" data-testid="no-choices">
                <p>"Nothing of it can be run by this app."</p>
                <p class="hint">"Look for the same model with “GGUF” in its name: others often pack it that way."</p>
            </div>
        </Show>
        {groups
            .into_iter()
            .map(|group| view! { <Group details group /> })
            .collect_view()}
        <Show when=move || left_out.with(|all| !all.is_empty())>
            <details class="left-out" data-testid="left-out">
                <summary>
                    {move || left_out.with(|all| format::count(all.len(), "file is left out", "files are left out"))}
                </summary>
                <ul>
                    {move || left_out
                        .get()
                        .into_iter()
                        .map(|why| view! { <li dir="auto">{why}</li> })
                        .collect_view()}
                </ul>
            </details>
        </Show>
    }
}

/// For how long a conversation the memory is reckoned.
#[component]
fn ContextLine(details: Memo<Option<HubDetails>>) -> impl IntoView {
    let app = use_app();
    let estimated = Memo::new(move |_| {
        details.with(|held| held.as_ref().map_or(0, |held| held.estimated_context))
    });
    let all = Memo::new(move |_| {
        details.with(|held| {
            held.as_ref()
                .map(|held| contexts(held.estimated_context, held.context_tokens))
                .unwrap_or_default()
        })
    });
    view! {
        <label class="context-line">
            <span>"Memory needed at a context of"</span>
            <select
                class="select"
                data-testid="details-context"
                on:change=move |event| {
                    if let Ok(tokens) = event_target_value(&event).parse() {
                        reckon(app, tokens);
                    }
                }
            >
                {move || all
                    .get()
                    .into_iter()
                    .map(|tokens| view! {
                        <option value=tokens.to_string() selected=move || estimated.get() == tokens>
                            {format!("{} tokens", format::context(tokens))}
                        </option>
                    })
                    .collect_view()}
            </select>
        </label>
    }
}

#[component]
fn Group(details: Memo<Option<HubDetails>>, group: SizeGroup) -> impl IntoView {
    let (title, means) = words::group(group);
    let files = Memo::new(move |_| {
        details.with(|held| {
            held.iter()
                .flat_map(|held| &held.choices)
                .filter(|choice| choice.group == group)
                .map(|choice| choice.file.clone())
                .collect::<Vec<_>>()
        })
    });
    view! {
        <Show when=move || files.with(|files| !files.is_empty())>
            <section class="models-part" aria-label=title>
                <h3 class="section-title">{title}<span class="title-means">{format!(" · {means}")}</span></h3>
                <div class="card choices">
                    <For
                        each=move || files.get()
                        key=|file| file.clone()
                        children=move |file| {
                            let choice = Memo::new(move |_| {
                                details.with(|held| {
                                    held.as_ref()?.choices.iter().find(|choice| choice.file == file).cloned()
                                })
                            });
                            let first = choice.get_untracked();
                            let revision = details.with_untracked(|held| held.as_ref().map(|held| held.revision.clone()));
                            let model = details.with_untracked(|held| held.as_ref().map(|held| held.model.id.clone()));
                            first.zip(model).map(|(first, model)| view! { <Choice model revision first choice /> })
                        }
                    />
                </div>
            </section>
        </Show>
    }
}

/// One of them. Its name and size stay; whether it runs here depends on the context, and its state on what was done with it.
#[component]
fn Choice(
    model: String,
    revision: Option<String>,
    first: ModelChoice,
    choice: Memo<Option<ModelChoice>>,
) -> impl IntoView {
    let app = use_app();
    let open = RwSignal::new(false);
    let failed = RwSignal::new(None);
    let named = app.library.wanted.with_untracked(|wanted| {
        wanted
            .as_ref()
            .and_then(|wanted| wanted.file.as_ref())
            .is_some_and(|file| *file == first.file)
    });
    let label = visible::plain(&first.label);
    let request = DownloadRequest {
        model: model.clone(),
        file: first.file.clone(),
        revision,
    };
    let mut facts = vec![format::bytes(first.bytes)];
    if first.files > 1 {
        facts.push(format!("{} files", first.files));
    }
    let held = StoredValue::new(first.clone());
    let state = Signal::derive(move || {
        choice.with(|now| {
            held.with_value(|first| {
                app.library
                    .choice_state(&model, now.as_ref().unwrap_or(first))
            })
        })
    });
    let fit = Memo::new(move |_| {
        choice
            .with(|now| now.as_ref().map(|now| now.fit.clone()))
            .unwrap_or_else(|| held.with_value(|first| first.fit.clone()))
    });
    let recommended =
        Memo::new(move |_| choice.with(|now| now.as_ref().is_some_and(|now| now.recommended)));
    let wont = Signal::derive(move || fit.with(|fit| fit.label == FitLabel::WontFit));
    let can = first.unsupported.is_none();
    let why_label = format!("Why, for {label}");
    view! {
        <div
            class="choice"
            class:named=named
            data-testid="choice"
            data-file=first.file.clone()
        >
            <div class="choice-line">
                <div class="card-words">
                    <div class="card-title">
                        <span class="choice-label" dir="auto" title=first.file.clone()>{label.clone()}</span>
                        <Show when=move || recommended.get()>
                            <span class="chip small local" data-testid="recommended"><Icon shape=Shape::Check />"Recommended"</span>
                        </Show>
                        {named.then(|| view! { <span class="chip small">"the file of your link"</span> })}
                    </div>
                    <div class="card-facts">{facts.join(" · ")}</div>
                </div>
                {match first.unsupported.clone() {
                    Some(why) => view! {
                        <div class="fit wide">
                            <span class="fit-word bad">"Can’t run here"</span>
                            <span class="fit-needs" dir="auto">{why}</span>
                        </div>
                    }
                    .into_any(),
                    None => view! { {move || view! { <FitWords fit=fit.get() /> }} }.into_any(),
                }}
                {can.then(|| view! {
                    <div class="card-actions">
                        <button
                            type="button"
                            class="button quiet"
                            data-testid="choice-why"
                            aria-expanded=move || open.get().to_string()
                            aria-label=why_label
                            on:click=move |_| open.update(|open| *open = !*open)
                        >
                            "Why?"
                        </button>
                        <GetButton
                            state
                            request
                            bytes=first.bytes
                            name=label
                            primary=recommended
                            quiet=wont
                            failed
                        />
                    </div>
                })}
            </div>
            <Show when=move || open.get()>
                {move || view! { <FitReasons fit=fit.get() /> }}
            </Show>
            <GetFailed failed />
        </div>
    }
}

/// Contexts to choose from: powers of two up to what the model can, and the one that was reckoned with.
fn contexts(estimated: u32, most: Option<u32>) -> Vec<u32> {
    let most = most.unwrap_or(131_072).max(estimated);
    let mut all: Vec<u32> = (12..=20)
        .map(|power| 1 << power)
        .filter(|tokens| *tokens <= most)
        .chain([estimated, most])
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::contexts;

    #[test]
    fn contexts_end_where_the_model_does() {
        assert_eq!(
            contexts(8192, Some(40_960)),
            [4096, 8192, 16_384, 32_768, 40_960]
        );
        assert_eq!(contexts(2048, Some(2048)), [2048]);
        assert_eq!(contexts(6000, Some(8192)), [4096, 6000, 8192]);
        assert_eq!(contexts(8192, None).last(), Some(&131_072));
    }
}
