//! What happens when the window itself fails: the log gets a line, the user a card with a way out.
//!
//! Builds its card from bare DOM nodes: after a panic nothing of Leptos can be trusted.

use std::panic::PanicHookInfo;

use js_sys::Reflect;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{ErrorEvent, PromiseRejectionEvent};

use crate::{browser, ipc::bridge};

/// As much of a stack as goes to the log, characters.
const MAX_STACK: usize = 4000;

/// Installs the panic hook and listens for script errors.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        bridge::report(&describe(info));
        // Without a document there is nothing to show the card in.
        let _shown = show();
    }));
    let Some(window) = browser::window() else {
        return;
    };
    let on_error = Closure::<dyn Fn(ErrorEvent)>::new(|event: ErrorEvent| {
        failed("script error", &event.error(), &event.message());
    });
    let on_rejection =
        Closure::<dyn Fn(PromiseRejectionEvent)>::new(|event: PromiseRejectionEvent| {
            let reason = event.reason();
            failed("unhandled rejection", &reason, &format!("{reason:?}"));
        });
    for (name, listener) in [
        ("error", on_error.as_ref()),
        ("unhandledrejection", on_rejection.as_ref()),
    ] {
        // Listening to these two cannot fail.
        let _added = window.add_event_listener_with_callback(name, listener.unchecked_ref());
    }
    on_error.forget();
    on_rejection.forget();
}

/// Reports an error that nobody caught. One that cut WASM off in the middle of its work leaves a window that no longer
/// answers: it gets the card, as a panic does.
fn failed(kind: &str, error: &JsValue, words: &str) {
    let stack = error
        .dyn_ref::<js_sys::Error>()
        .and_then(|error| Reflect::get(error, &"stack".into()).ok()?.as_string())
        .unwrap_or_default();
    let stack: String = stack.chars().take(MAX_STACK).collect();
    bridge::report(&format!("{kind}: {words}\n{stack}"));
    if is_trap(error) {
        // Without a document there is nothing to show the card in.
        let _shown = show();
    }
}

/// Whether the engine stopped WASM: a trap, or a stack that ran over.
fn is_trap(error: &JsValue) -> bool {
    error.is_instance_of::<js_sys::RangeError>()
        || error.is_instance_of::<js_sys::WebAssembly::RuntimeError>()
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    format!("panic in the window: {info}")
}

fn show() -> Option<()> {
    let document = browser::document()?;
    if document.get_element_by_id("crash").is_some() {
        return None;
    }
    let element = |tag: &str, class: &str, text: &str| {
        let element = document.create_element(tag).ok()?;
        element.set_class_name(class);
        element.set_text_content(Some(text));
        Some(element)
    };
    let page = element("div", "crash", "")?;
    page.set_id("crash");
    page.set_attribute("role", "alertdialog").ok()?;
    page.set_attribute("aria-labelledby", "crash-title").ok()?;
    let card = element("div", "crash-card", "")?;
    let title = element("h1", "crash-title", "The window stopped working")?;
    title.set_id("crash-title");
    let words = element(
        "p",
        "crash-text",
        "Your chats are safe: they are kept outside the window. Reload it to go on. The log has the details.",
    )?;
    // A link needs no code of ours to work.
    let reload = element("a", "button primary", "Reload")?;
    let address = browser::window()?.location().pathname().ok()?;
    reload.set_attribute("href", &address).ok()?;
    reload.set_attribute("data-testid", "crash-reload").ok()?;
    for part in [&title, &words, &reload] {
        card.append_child(part).ok()?;
    }
    page.append_child(&card).ok()?;
    document.body()?.append_child(&page).ok()?;
    reload.dyn_into::<web_sys::HtmlElement>().ok()?.focus().ok()
}
