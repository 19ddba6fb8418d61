//! Keys that were on their way to something else must not allow anything: a card that has just appeared, or just come into
//! view, takes no Enter on what allows, and a key that is held down none at all.
//!
//! The pointer is not held back: who clicks has aimed. Deny is never held back.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::{JsCast as _, closure::Closure};

use crate::{browser, state::perf};

/// Milliseconds from when a card can be seen until it takes a key.
const QUIET_MS: f64 = 500.0;

/// Since when the card can be seen.
#[derive(Clone, Copy)]
pub struct Guard {
    seen_at: StoredValue<f64>,
}

impl Guard {
    /// Watches a card until it goes.
    pub fn watch(card: NodeRef<html::Section>) -> Self {
        let seen_at = StoredValue::new(perf::now());
        let told = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
            let appeared = entries.iter().any(|entry| {
                entry
                    .dyn_into::<web_sys::IntersectionObserverEntry>()
                    .is_ok_and(|entry| entry.is_intersecting())
            });
            if appeared {
                seen_at.try_set_value(perf::now());
            }
        });
        let observer = web_sys::IntersectionObserver::new(told.as_ref().unchecked_ref()).ok();
        let held = StoredValue::new_local(observer.map(|observer| (observer, told)));
        Effect::new(move |_| {
            if let Some(card) = card.get() {
                held.with_value(|held| {
                    if let Some((observer, _)) = held {
                        observer.observe(&card);
                    }
                });
            }
        });
        on_cleanup(move || {
            held.try_with_value(|held| {
                if let Some((observer, _)) = held {
                    observer.disconnect();
                }
            });
        });
        Self { seen_at }
    }

    /// For `keydown` on a button that allows: stops a key that cannot have been meant.
    pub fn on_key(self, event: &ev::KeyboardEvent) {
        let presses = matches!(event.key().as_str(), "Enter" | " ");
        if presses && (event.repeat() || !is_meant(self.seen_at.get_value(), perf::now())) {
            event.prevent_default();
            event.stop_propagation();
        }
    }
}

fn is_meant(seen_at: f64, now: f64) -> bool {
    now - seen_at >= QUIET_MS
}

/// Gives a fresh card the focus, unless the user is at something: typing, in a dialog, at another question.
pub fn take_focus(button: NodeRef<html::Button>) {
    Effect::new(move |_| {
        if let Some(button) = button.get()
            && !browser::is_busy()
        {
            let options = web_sys::FocusOptions::new();
            // Who reads further up stays there.
            options.set_prevent_scroll(true);
            let _focused = button.focus_with_options(&options);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    #[test]
    fn a_key_is_meant_half_a_second_after_the_card_came() {
        assert!(!is_meant(1000.0, 1499.0));
        assert!(is_meant(1000.0, 1500.0));
    }
}
