//! How full the model's context is: a ring with per cent, what fills it, and the way to make room.

use leptos::{ev, html, prelude::*};
use nexus_protocol::ContextUse;

use crate::{
    actions, browser, format,
    state::{OpenSession, use_app},
};

/// From here on the ring warns.
const FULL: u64 = 80;
/// The circle's length: its radius is 5.5.
const ROUND: f64 = 34.56;

/// Ring and breakdown of the open session; nothing before its first call of a model.
#[component]
pub fn ContextMeter() -> impl IntoView {
    let app = use_app();
    move || {
        let OpenSession {
            context, activity, ..
        } = app.store.open.get()?;
        let context = RwSignal::from(context);
        let known = Memo::new(move |_| context.with(Option::is_some));
        let running = Signal::derive(move || {
            matches!(
                activity.get(),
                nexus_protocol::SessionActivity::Running { .. }
            )
        });
        Some(view! {
            <Show when=move || known.get()>
                <Meter context running />
            </Show>
        })
    }
}

#[component]
fn Meter(context: RwSignal<Option<ContextUse>>, running: Signal<bool>) -> impl IntoView {
    let app = use_app();
    let open = RwSignal::new(false);
    let opener = NodeRef::<html::Button>::new();
    let used = Memo::new(move |_| context.get().unwrap_or_default());
    let percent = Memo::new(move |_| percent(used.get()));
    let words = move || match percent.get() {
        Some(percent) => format!("{percent} %"),
        None => format::tokens(used.get().used()),
    };
    let close = move || {
        open.set(false);
        if let Some(opener) = opener.get_untracked() {
            let _focused = opener.focus();
        }
    };
    Effect::new(move |_| {
        if open.get() {
            request_animation_frame(|| browser::focus("[data-testid=context-popover]"));
        }
    });
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.prevent_default();
            event.stop_propagation();
            close();
        }
    };
    view! {
        <span class="chip-place" on:keydown=on_key>
            <button
                type="button"
                class="meter"
                class:warn=move || percent.get().is_some_and(|percent| percent >= FULL)
                node_ref=opener
                data-testid="context-meter"
                aria-haspopup="dialog"
                aria-expanded=move || open.get().to_string()
                aria-label=move || format!("Context: {} used", words())
                title="How full the model's context is"
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <svg class="ring" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                    <circle class="ring-ground" cx="8" cy="8" r="5.5"></circle>
                    <circle
                        class="ring-used"
                        cx="8"
                        cy="8"
                        r="5.5"
                        stroke-dasharray=move || {
                            let share = percent.get().unwrap_or(0).min(100) as f64 / 100.0;
                            format!("{:.2} {ROUND}", share * ROUND)
                        }
                    ></circle>
                </svg>
                <span class="meter-words">{words}</span>
            </button>
            <Show when=move || open.get()>
                <div class="menu-scrim" on:click=move |_| close()></div>
                <div
                    class="popover context-popover"
                    role="dialog"
                    aria-label="What fills the context"
                    tabindex="-1"
                    data-testid="context-popover"
                >
                    <dl class="context-parts">
                        {move || parts(used.get())
                            .into_iter()
                            .map(|(name, tokens)| view! { <dt>{name}</dt><dd>{format::tokens(tokens)}</dd> })
                            .collect_view()}
                    </dl>
                    <div class="context-foot">
                        <span class="hint">"Estimated tokens"</span>
                        <button
                            type="button"
                            class="button"
                            data-testid="make-room"
                            disabled=move || running.get()
                            title=move || if running.get() {
                                "Possible when the answer is complete"
                            } else {
                                "Puts earlier messages into few words"
                            }
                            on:click=move |_| {
                                close();
                                actions::compact(app);
                            }
                        >
                            "Make room"
                        </button>
                    </div>
                </div>
            </Show>
        </span>
    }
}

/// How full it is, up to 100; `None` where the limit is not known. What is used at all is at least one per cent.
fn percent(context: ContextUse) -> Option<u64> {
    if context.limit == 0 {
        return None;
    }
    let used = context.used();
    Some((used.saturating_mul(100) / context.limit).clamp(u64::from(used > 0), 100))
}

fn parts(context: ContextUse) -> Vec<(&'static str, u64)> {
    let mut parts = vec![
        ("Instructions", context.instructions),
        ("Tools", context.tools),
        ("Files and results", context.files),
        ("History", context.history),
    ];
    if context.limit > 0 {
        parts.push(("Free", context.limit.saturating_sub(context.used())));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_says_how_full_it_is() {
        let context = |limit, history| ContextUse {
            limit,
            history,
            instructions: 100,
            ..ContextUse::default()
        };
        assert_eq!(percent(context(1000, 180)), Some(28));
        assert_eq!(percent(context(1_000_000, 0)), Some(1));
        assert_eq!(percent(context(100, 900)), Some(100));
        assert_eq!(percent(context(0, 900)), None);
        assert_eq!(parts(context(1000, 180)).last(), Some(&("Free", 720)));
        assert_eq!(parts(context(0, 1)).last(), Some(&("History", 1)));
    }
}
