//! A tool call: one line when done, arguments and result when opened.

use leptos::prelude::*;
use nexus_protocol::{ItemStatus, ToolResult};

use super::{Icon, Shape, message::status_name};
use crate::format;

/// Characters of arguments or a result that are shown.
const SHOWN: usize = 20_000;

/// The card.
#[component]
pub fn ToolRow(
    name: String,
    arguments: RwSignal<String>,
    output: RwSignal<String>,
    result: RwSignal<Option<ToolResult>>,
    status: RwSignal<ItemStatus>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let title = format::tool_title(&name);
    let ok = Memo::new(move |_| result.with(|result| result.as_ref().map(|result| result.ok)));
    let object = Memo::new(move |_| arguments.with(|arguments| format::tool_object(arguments)));
    let told = Memo::new(move |_| {
        result.with(|result| match result {
            Some(result) => (result.summary.clone(), format::duration(result.duration_ms)),
            None if status.get() == ItemStatus::InProgress => ("running".to_owned(), String::new()),
            None => ("no result".to_owned(), String::new()),
        })
    });
    let state = move || match ok.get() {
        Some(true) => ("state ok", Shape::Check, "Done: "),
        Some(false) => ("state bad", Shape::Cross, "Failed: "),
        None if status.get() == ItemStatus::InProgress => ("state", Shape::Ring, "Running: "),
        None => ("state", Shape::Cross, "Ended: "),
    };
    view! {
        <section
            class="tool-card"
            class:open=move || open.get()
            data-testid="tool-card"
            data-tool=name
            data-status=move || status_name(status.get())
        >
            <button
                type="button"
                class="tool-line"
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {move || {
                    let (class, shape, words) = state();
                    view! {
                        <span class=class><Icon shape /></span>
                        <span class="visually-hidden">{words}</span>
                    }
                }}
                <strong class="tool-title">{title}</strong>
                <code class="tool-object" dir="auto">{move || object.get()}</code>
                <span class="grow"></span>
                <span class="tool-told">
                    <span class="tool-summary" dir="auto">{move || told.get().0}</span>
                    <span class="tool-time">
                        {move || Some(told.get().1).filter(|time| !time.is_empty()).map(|time| format!(" · {time}"))}
                    </span>
                </span>
                <span class="turn"><Icon shape=Shape::ChevronRight /></span>
            </button>
            <Show when=move || open.get()>
                <div class="tool-body">
                    <h3 class="label">"Arguments"</h3>
                    <pre class="tool-text" tabindex="0" dir="auto">
                        {move || arguments.with(|arguments| cut(&format::pretty_json(arguments)))}
                    </pre>
                    <h3 class="label">"Result"</h3>
                    <pre class="tool-text" tabindex="0" dir="auto">
                        {move || result.with(|result| match result {
                            Some(result) => cut(&result.output),
                            None => output.with(|output| cut(output)),
                        })}
                    </pre>
                </div>
            </Show>
        </section>
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}\n…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
