//! Words at the lower edge that go by themselves.

use std::time::Duration;

use leptos::prelude::*;

use super::{Icon, Shape};
use crate::state::{Toast, use_app};

/// What offers a button stays long enough to press it.
const WITH_ACTION: Duration = Duration::from_secs(10);
const BAD: Duration = Duration::from_secs(9);
const SHORT: Duration = Duration::from_millis(2500);

/// All toasts, oldest on top.
#[component]
pub fn Toasts() -> impl IntoView {
    let toasts = use_app().view.toasts;
    view! {
        <div class="toasts" role="region" aria-label="Messages" aria-live="polite">
            <For each=move || toasts.get() key=|toast| toast.id children=|toast| view! { <ToastLine toast /> } />
        </div>
    }
}

#[component]
fn ToastLine(toast: Toast) -> impl IntoView {
    let view_state = use_app().view;
    let Toast {
        id,
        text,
        bad,
        action,
    } = toast;
    let stays = match (&action, bad) {
        (Some(_), _) => WITH_ACTION,
        (None, true) => BAD,
        (None, false) => SHORT,
    };
    let timer = set_timeout_with_handle(move || view_state.unsay(id), stays).ok();
    on_cleanup(move || {
        if let Some(timer) = timer {
            timer.clear();
        }
    });
    view! {
        <div class="toast" class:bad=bad data-testid="toast">
            {bad.then(|| view! { <Icon shape=Shape::Warning /> })}
            <span class="toast-text" dir="auto">{text}</span>
            {action.map(|(label, run)| view! {
                <button
                    type="button"
                    class="button quiet"
                    data-testid="toast-action"
                    on:click=move |_| {
                        run.run(());
                        view_state.unsay(id);
                    }
                >
                    {label}
                </button>
            })}
            <button
                type="button"
                class="icon-button"
                aria-label="Put this away"
                on:click=move |_| view_state.unsay(id)
            >
                <Icon shape=Shape::Cross />
            </button>
        </div>
    }
}
