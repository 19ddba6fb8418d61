//! The search over all chats: type, arrow, Enter.

use std::time::Duration;

use leptos::{ev, html, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use nexus_protocol::{ErrorCard, SearchHit};

use super::{ErrorNote, Icon, Shape};
use crate::{actions, browser, format, ipc::client, state::use_app};

/// Typing pauses shorter than this ask nothing.
const PAUSE: Duration = Duration::from_millis(120);
const HITS: u32 = 40;

#[derive(Clone, Debug, Default, PartialEq)]
enum Found {
    #[default]
    NothingAsked,
    Hits(Vec<SearchHit>),
    Failed(ErrorCard),
}

/// The dialog. Rendered while it is open.
#[component]
pub fn SearchDialog() -> impl IntoView {
    let app = use_app();
    let dialog = NodeRef::<html::Dialog>::new();
    let query = RwSignal::new(String::new());
    let found = RwSignal::new(Found::default());
    let active = RwSignal::new(0_usize);
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let close = move || app.view.search.set(false);

    Effect::new(move |_| {
        if let Some(dialog) = dialog.get()
            && !dialog.open()
        {
            // The browser keeps the focus inside and gives it back afterwards.
            let _shown = dialog.show_modal();
        }
    });
    let ask = move || {
        let text = query.get_untracked();
        if text.trim().is_empty() {
            found.set(Found::NothingAsked);
            return;
        }
        spawn_local(async move {
            let answer = client::search(text.clone(), HITS).await;
            // A slow answer to an older question does not replace a newer one; nor does one that comes after closing.
            if query.try_get_untracked().as_ref() != Some(&text) {
                return;
            }
            active.set(0);
            found.set(match answer {
                Ok(hits) => Found::Hits(hits),
                Err(card) => Found::Failed(card),
            });
        });
    };
    let on_input = move |event| {
        query.set(event_target_value(&event));
        timer.update_value(|timer| {
            if let Some(timer) = timer.take() {
                timer.clear();
            }
            *timer = set_timeout_with_handle(ask, PAUSE).ok();
        });
    };
    on_cleanup(move || {
        if let Some(Some(timer)) = timer.try_update_value(Option::take) {
            timer.clear();
        }
    });
    let choose = move |hit: SearchHit| {
        close();
        app.view
            .reveal
            .set(hit.item.map(|item| (hit.session, item)));
        actions::open_session(app, hit.session);
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let hits = match found.get_untracked() {
            Found::Hits(hits) => hits,
            _ => Vec::new(),
        };
        let at = active.get_untracked();
        match event.key().as_str() {
            "ArrowDown" => active.set((at + 1).min(hits.len().saturating_sub(1))),
            "ArrowUp" => active.set(at.saturating_sub(1)),
            "Enter" if !event.is_composing() => {
                if let Some(hit) = hits.into_iter().nth(at) {
                    choose(hit);
                }
            }
            _ => return,
        }
        event.prevent_default();
        if let Some(option) = browser::find(&format!("#search-hit-{}", active.get_untracked())) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&options);
        }
    };
    view! {
        <dialog
            class="dialog search-dialog"
            node_ref=dialog
            aria-label="Search everything"
            data-testid="search-dialog"
            on:close=move |_| close()
            on:click=move |event| {
                // A click on the dialog itself, not on what is in it, is one on the backdrop.
                if event.target() == event.current_target() {
                    close();
                }
            }
        >
            <div class="search-body">
                <div class="search-field">
                    <Icon shape=Shape::Search />
                    <input
                        type="text"
                        placeholder="Search everything"
                        aria-label="Search everything"
                        role="combobox"
                        aria-expanded="true"
                        aria-controls="search-hits"
                        aria-activedescendant=move || format!("search-hit-{}", active.get())
                        autocomplete="off"
                        spellcheck="false"
                        autofocus=true
                        data-testid="search-input"
                        on:input=on_input
                        on:keydown=on_key
                    />
                    <kbd>"Esc"</kbd>
                </div>
                <div class="search-hits" id="search-hits" role="listbox" aria-label="Found">
                    {move || match found.get() {
                        Found::NothingAsked => view! {
                            <p class="hint">"Words from any message or title. The last one may be unfinished."</p>
                        }
                        .into_any(),
                        Found::Failed(card) => view! { <ErrorNote card /> }.into_any(),
                        Found::Hits(hits) if hits.is_empty() => view! {
                            <p class="hint">"Nothing found."</p>
                        }
                        .into_any(),
                        Found::Hits(hits) => hits
                            .into_iter()
                            .enumerate()
                            .map(|(at, hit)| view! {
                                <Hit at hit active choose=Callback::new(choose) />
                            })
                            .collect_view()
                            .into_any(),
                    }}
                </div>
            </div>
        </dialog>
    }
}

#[component]
fn Hit(
    at: usize,
    hit: SearchHit,
    active: RwSignal<usize>,
    choose: Callback<SearchHit>,
) -> impl IntoView {
    let title = if hit.title.is_empty() {
        "New chat".to_owned()
    } else {
        hit.title.clone()
    };
    let pieces = format::snippet_pieces(&hit.snippet);
    let when = browser::date_text(hit.at);
    let is_active = Memo::new(move |_| active.get() == at);
    view! {
        <div
            class="search-hit"
            class:active=move || is_active.get()
            id=format!("search-hit-{at}")
            role="option"
            aria-selected=move || is_active.get().to_string()
            data-testid="search-hit"
            on:mousemove=move |_| if active.get_untracked() != at { active.set(at) }
            on:click=move |_| choose.run(hit.clone())
        >
            <span class="hit-title" dir="auto">{title}</span>
            <span class="hit-when">{when}</span>
            <span class="hit-snippet" dir="auto">
                {pieces
                    .into_iter()
                    .map(|(matched, text)| if matched {
                        view! { <mark>{text}</mark> }.into_any()
                    } else {
                        text.into_any()
                    })
                    .collect_view()}
            </span>
        </div>
    }
}
