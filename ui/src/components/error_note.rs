//! An error as a card: what failed, why, and the one button that helps.

use std::time::Duration;

use leptos::prelude::*;
use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode, UnixMillis};

use super::{Icon, Shape};
use crate::{actions, browser, format, state::use_app};

/// A card. `on_action` replaces what the button would do by itself.
#[component]
pub fn ErrorNote(
    #[prop(into)] card: ErrorCard,
    #[prop(optional, into)] on_action: Option<Callback<ErrorAction>>,
) -> impl IntoView {
    let app = use_app();
    let run = on_action.unwrap_or_else(|| {
        Callback::new(move |action: ErrorAction| actions::perform(app, &action))
    });
    let calm = card.code == ErrorCode::Offline;
    let code = serde_json::to_string(&card.code).unwrap_or_default();
    let code = code.trim_matches('"').to_owned();
    let ErrorCard {
        title,
        detail,
        action,
        ..
    } = card;
    view! {
        <div class="error-card" class:calm=calm role="alert" data-testid="error-card" data-code=code>
            <Icon shape=if calm { Shape::Lock } else { Shape::Warning } />
            <div class="error-words" dir="auto">
                <strong class="error-title">{title}</strong>
                <span class="error-detail">{detail}</span>
            </div>
            <ActionButton action run />
        </div>
    }
}

#[component]
fn ActionButton(action: ErrorAction, run: Callback<ErrorAction>) -> impl IntoView {
    let label = match &action {
        ErrorAction::None => return ().into_any(),
        ErrorAction::RetryAt { at } => return view! { <RetryAt at=*at run /> }.into_any(),
        ErrorAction::Retry => "Try again",
        ErrorAction::Continue => "Continue",
        ErrorAction::OpenProvider { .. } => "Open settings",
        ErrorAction::ChooseModel => "Choose a model",
        ErrorAction::NewChat => "New chat",
        ErrorAction::GoOnline => "Go online",
    };
    view! {
        <button
            type="button"
            class="button"
            data-testid="error-action"
            on:click=move |_| run.run(action.clone())
        >
            {label}
        </button>
    }
    .into_any()
}

/// Counts down to the time from which trying again makes sense.
#[component]
fn RetryAt(at: UnixMillis, run: Callback<ErrorAction>) -> impl IntoView {
    let left = RwSignal::new(at.since(browser::now()));
    let timer = set_interval_with_handle(
        move || {
            if left.get_untracked() > 0 {
                left.set(at.since(browser::now()));
            }
        },
        Duration::from_secs(1),
    )
    .ok();
    on_cleanup(move || {
        if let Some(timer) = timer {
            timer.clear();
        }
    });
    view! {
        <button
            type="button"
            class="button"
            data-testid="error-action"
            disabled=move || { left.get() > 0 }
            on:click=move |_| run.run(ErrorAction::RetryAt { at })
        >
            {move || match left.get() {
                0 => "Try again".to_owned(),
                ms => format!("Try again in {}", format::whole_duration(ms)),
            }}
        </button>
    }
}
