//! A file that is dropped on the page is added, where the window learns its path.

use leptos::{ev, prelude::*};

use super::words::{Dropped, dropped};
use crate::{
    components::{Icon, Shape},
    state::use_app,
};

/// Listens while the page is shown, and says what a drop would do.
#[component]
pub fn DropFile() -> impl IntoView {
    let app = use_app();
    let over = RwSignal::new(false);
    let entered = window_event_listener(ev::dragover, move |event| {
        if carries_file(&event) {
            event.prevent_default();
            over.set(true);
        }
    });
    let left = window_event_listener(ev::dragleave, move |event| {
        // Only where the pointer leaves the window: within it, it goes from element to element.
        if event.related_target().is_none() {
            over.set(false);
        }
    });
    let fell = window_event_listener(ev::drop, move |event| {
        over.set(false);
        let Some(data) = event.data_transfer() else {
            return;
        };
        let files = data.files().map_or(0, |files| files.length());
        let list = data.get_data("text/uri-list").unwrap_or_default();
        if files == 0 && list.is_empty() {
            return;
        }
        event.prevent_default();
        match dropped(&list) {
            Dropped::Path(path) => {
                app.library.wanted.set(None);
                app.library.query.set(path);
            }
            Dropped::Several => drop(app.view.say("Drop one model at a time".into(), true, None)),
            Dropped::Hidden => drop(app.view.say(
                "This system does not say where a dropped file is: use “Add a file…”, or paste its path".into(),
                true,
                None,
            )),
        }
    });
    on_cleanup(move || {
        entered.remove();
        left.remove();
        fell.remove();
    });
    view! {
        <Show when=move || over.get()>
            <div class="drop-over" aria-hidden="true">
                <div class="drop-words"><Icon shape=Shape::File />"Drop a GGUF file to add it"</div>
            </div>
        </Show>
    }
}

fn carries_file(event: &ev::DragEvent) -> bool {
    event.data_transfer().is_some_and(|data| {
        data.types()
            .iter()
            .filter_map(|kind| kind.as_string())
            .any(|kind| kind == "Files" || kind == "text/uri-list")
    })
}
