//! The few things of the browser that are needed in more than one place: clock, zone, frames, random ids, clipboard, focus.
//!
//! Refuses to know the app. Each function does nothing, or gives a harmless value, where the browser lacks the thing.

use std::{cell::Cell, rc::Rc, time::Duration};

use leptos::prelude::{request_animation_frame, set_timeout};
use nexus_protocol::{SubmissionId, UnixMillis};
use uuid::Builder;
use wasm_bindgen::JsCast as _;
use web_sys::{Document, HtmlElement, Window};

/// The window.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// Its document.
pub fn document() -> Option<Document> {
    window()?.document()
}

/// Now.
pub fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as i64)
}

/// Minutes that the local zone lay west of UTC at a moment.
pub fn west_minutes(at: UnixMillis) -> i64 {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.0 as f64));
    date.get_timezone_offset() as i64
}

/// A date as the system's language writes it.
pub fn date_text(at: UnixMillis) -> String {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.0 as f64));
    date.to_locale_date_string("default", &wasm_bindgen::JsValue::UNDEFINED)
        .into()
}

/// A fresh id for a submission.
pub fn submission_id() -> SubmissionId {
    let mut random = [0_u8; 16];
    let filled = window()
        .and_then(|window| window.crypto().ok())
        .is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut random).is_ok());
    if !filled {
        // The id only matches answers to questions within this window: time and chance are enough.
        for byte in &mut random {
            *byte = (js_sys::Math::random() * 256.0) as u8;
        }
    }
    SubmissionId(Builder::from_random_bytes(random).into_uuid())
}

/// Acts when the page has been drawn as it is now; soon after where nothing is drawn, as in a hidden window.
pub fn after_frame(act: impl FnOnce() + 'static) {
    let act = Rc::new(Cell::new(Some(act)));
    let once = move || act.take().into_iter().for_each(|act| act());
    let late = once.clone();
    // Within the frame's own callback nothing is on the screen yet.
    request_animation_frame(move || set_timeout(once, Duration::ZERO));
    set_timeout(late, Duration::from_millis(50));
}

/// Puts text on the clipboard.
pub async fn copy(text: String) -> bool {
    let Some(window) = window() else { return false };
    let promise = window.navigator().clipboard().write_text(&text);
    wasm_bindgen_futures::JsFuture::from(promise).await.is_ok()
}

/// The text of an address without its escapes; as it is where they are none.
pub fn decode(address: &str) -> String {
    js_sys::decode_uri_component(address).map_or_else(|_| address.to_owned(), String::from)
}

/// Whether a media query holds.
pub fn matches(query: &str) -> bool {
    window()
        .and_then(|window| window.match_media(query).ok().flatten())
        .is_some_and(|list| list.matches())
}

/// Whether the sidebar is a drawer now. The same width as in `narrow.css`.
pub fn is_narrow() -> bool {
    matches("(max-width: 719px)")
}

/// The first element that a selector finds.
pub fn find(selector: &str) -> Option<HtmlElement> {
    document()?
        .query_selector(selector)
        .ok()
        .flatten()?
        .dyn_into()
        .ok()
}

/// Gives an element the focus.
pub fn focus(selector: &str) {
    if let Some(element) = find(selector) {
        // An element that cannot take the focus leaves it where it is.
        let _result = element.focus();
    }
}

/// Gives the focus to the first element whose attribute has this value, whatever characters are in it.
pub fn focus_data(attribute: &str, value: &str) {
    let Some(all) =
        document().and_then(|document| document.query_selector_all(&format!("[{attribute}]")).ok())
    else {
        return;
    };
    let found = (0..all.length())
        .filter_map(|at| all.get(at)?.dyn_into::<HtmlElement>().ok())
        .find(|element| element.get_attribute(attribute).as_deref() == Some(value));
    if let Some(element) = found {
        // An element that cannot take the focus leaves it where it is.
        let _result = element.focus();
    }
}

/// Whether nothing has the focus, or something within what the selector names.
pub fn rests_in(selector: &str) -> bool {
    match document().and_then(|document| document.active_element()) {
        Some(active) => {
            active.tag_name() == "BODY" || active.closest(selector).ok().flatten().is_some()
        }
        None => true,
    }
}

/// Whether the user is at something that a question may not take the focus from: words in a field, a dialog, another question.
pub fn is_busy() -> bool {
    let Some(active) = document().and_then(|document| document.active_element()) else {
        return false;
    };
    let within = |selector: &str| active.closest(selector).ok().flatten().is_some();
    let typed = match active.dyn_ref::<web_sys::HtmlTextAreaElement>() {
        // Words that are on their way stay in the field until they were taken.
        Some(field) => {
            let is_sending = field.get_attribute("aria-busy").as_deref() == Some("true");
            !is_sending && !field.value().is_empty()
        }
        None => active.dyn_ref::<web_sys::HtmlInputElement>().is_some(),
    };
    typed || within("dialog, .menu, .popover, .approval, .changes-panel")
}

/// Whether this keyboard calls its command key ⌘.
pub fn is_mac() -> bool {
    window().is_some_and(|window| {
        window
            .navigator()
            .user_agent()
            .is_ok_and(|agent| agent.contains("Mac OS"))
    })
}

/// `Ctrl N` or `⌘N`.
pub fn shortcut(key: &str) -> String {
    if is_mac() {
        format!("⌘{key}")
    } else {
        format!("Ctrl {key}")
    }
}
