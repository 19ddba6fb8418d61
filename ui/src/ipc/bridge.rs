//! The crossing between WASM and Tauri's injected functions: `invoke` and the channel's callback.
//!
//! Owns the shape of what Tauri passes (JSON both ways, the channel's numbered messages). Refuses to know any command.
//! No bundled JavaScript: the functions are looked up on `window.__TAURI_INTERNALS__`.

use std::collections::BTreeMap;

use js_sys::{Function, JSON, Promise, Reflect};
use nexus_protocol::{ErrorAction, ErrorCard, ErrorCode};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

/// Calls a command. `arguments` is an object with the command's argument names.
///
/// # Errors
/// The command's own card, or a card with [`ErrorCode::Internal`] where the call itself could not be made or read.
pub async fn invoke<A: Serialize, T: DeserializeOwned>(
    command: &str,
    arguments: &A,
) -> Result<T, ErrorCard> {
    let promise = start(command, arguments)?;
    match JsFuture::from(promise).await {
        Ok(value) => from_js(&value).map_err(|reason| broken(command, &reason)),
        Err(value) => Err(from_js::<ErrorCard>(&value)
            .unwrap_or_else(|_| broken(command, &value.as_string().unwrap_or_default()))),
    }
}

/// Calls a command and forgets it: for reports that must not fail in turn.
pub fn send<A: Serialize>(command: &str, arguments: &A) {
    thread_local! {
        static IGNORE: Closure<dyn FnMut(JsValue)> = Closure::new(|_| {});
    }
    // A promise that nobody awaits would raise `unhandledrejection`, which itself is reported: an endless loop.
    // No task: after a trap inside one, the executor never runs another.
    if let Ok(promise) = start(command, arguments) {
        let _ignored = IGNORE.with(|ignore| promise.catch(ignore));
    }
}

/// Makes a channel: `receive` gets each message, in order. The result is what a command takes as its channel argument.
///
/// # Errors
/// A card where Tauri's functions are not there.
pub fn channel<T: DeserializeOwned + 'static>(
    mut receive: impl FnMut(T) + 'static,
) -> Result<String, ErrorCard> {
    let mut inbox = Inbox::default();
    let callback = Closure::<dyn FnMut(JsValue)>::new(move |raw: JsValue| {
        let index = property(&raw, "index").as_f64().unwrap_or(0.0) as u64;
        for message in inbox.take(index, property(&raw, "message")) {
            match from_js(&message) {
                Ok(message) => receive(message),
                Err(reason) if message.is_undefined() => drop(reason),
                Err(reason) => report(&format!(
                    "a message of the core could not be read: {reason}"
                )),
            }
        }
    });
    let id = internals()
        .and_then(|internals| {
            let transform = function(&internals, "transformCallback")?;
            transform
                .call2(&internals, callback.as_ref(), &JsValue::FALSE)
                .map_err(|_| missing())
        })?
        .as_f64()
        .ok_or_else(missing)?;
    // The channel lives as long as the window.
    callback.forget();
    Ok(format!("__CHANNEL__:{id}"))
}

/// Sends a line about a fault of the window to the log.
pub fn report(message: &str) {
    #[derive(Serialize)]
    struct Arguments<'a> {
        message: &'a str,
    }
    send("report_ui_error", &Arguments { message });
}

/// Puts numbered messages in order: large ones take another way through Tauri and may be overtaken.
#[derive(Debug)]
struct Inbox<T> {
    next: u64,
    waiting: BTreeMap<u64, T>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
        }
    }
}

impl<T> Inbox<T> {
    /// Takes a message in and gives those whose turn it is.
    fn take(&mut self, index: u64, message: T) -> Vec<T> {
        self.waiting.insert(index, message);
        let mut ready = Vec::new();
        while let Some(message) = self.waiting.remove(&self.next) {
            ready.push(message);
            self.next += 1;
        }
        ready
    }
}

fn start<A: Serialize>(command: &str, arguments: &A) -> Result<Promise, ErrorCard> {
    let internals = internals()?;
    let invoke = function(&internals, "invoke")?;
    let json = serde_json::to_string(arguments).map_err(|e| broken(command, &e.to_string()))?;
    let arguments = JSON::parse(&json).map_err(|_| broken(command, "its arguments are no JSON"))?;
    invoke
        .call2(&internals, &JsValue::from_str(command), &arguments)
        .map_err(|_| missing())?
        .dyn_into::<Promise>()
        .map_err(|_| missing())
}

fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, String> {
    // `undefined`, what a command without a result gives, has no JSON text.
    let json = JSON::stringify(value)
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_else(|| "null".into());
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn internals() -> Result<JsValue, ErrorCard> {
    let window = web_sys::window().ok_or_else(missing)?;
    let internals = property(&window, "__TAURI_INTERNALS__");
    if internals.is_object() {
        Ok(internals)
    } else {
        Err(missing())
    }
}

fn function(of: &JsValue, name: &str) -> Result<Function, ErrorCard> {
    property(of, name)
        .dyn_into::<Function>()
        .map_err(|_| missing())
}

fn property(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn missing() -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Internal,
        "The core is not there",
        "This page works only in the window of Nexus Agent. Start the app again.",
        ErrorAction::None,
    )
}

fn broken(command: &str, reason: &str) -> ErrorCard {
    ErrorCard::new(
        ErrorCode::Internal,
        "The window and the core did not understand each other",
        format!(
            "The call “{command}” failed: {reason}. Start the app again; if it stays, the log says more."
        ),
        ErrorAction::None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overtaken_messages_wait_for_their_turn() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(1, "b"), Vec::<&str>::new());
        assert_eq!(inbox.take(0, "a"), vec!["a", "b"]);
        assert_eq!(inbox.take(2, "c"), vec!["c"]);
    }
}
