//! Where the user writes: the words stay until the core took them, and each chat keeps its own unsent ones.

use leptos::{ev, html, prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, SessionActivity, SessionId};
use web_sys::{File, HtmlTextAreaElement};

use super::{
    ErrorNote, Icon, Shape,
    attachments::{self, Thumbs, files_of},
    context_meter::ContextMeter,
    folder_picker::FolderPicker,
    mode_picker::ModePicker,
    model_picker::ModelPicker,
};
use crate::{
    actions,
    state::{App, Draft, RowBody, use_app},
    visible,
};

/// Bytes up to which the field measures its text to grow with it; more fills it anyway.
const MEASURED: u32 = 20_000;
/// The tallest it grows, CSS pixels.
const TALLEST: i32 = 260;

/// The composer.
#[component]
pub fn Composer() -> impl IntoView {
    let app = use_app();
    let field = NodeRef::<html::Textarea>::new();
    let chooser = NodeRef::<html::Input>::new();
    let images = app.view.attached;
    let blank = RwSignal::new(true);
    let sending = RwSignal::new(false);

    let session = Memo::new(move |_| {
        app.store
            .open
            .with(|open| open.as_ref().map(|open| open.id))
    });
    let running = Memo::new(move |_| {
        app.store
            .open
            .get()
            .is_some_and(|open| matches!(open.activity.get(), SessionActivity::Running { .. }))
    });
    let stopping = Memo::new(move |_| app.store.open.get().is_some_and(|open| open.stopping.get()));
    let model = Memo::new(move |_| app.model());
    let takes_images = Memo::new(move |_| app.takes_images());
    let can_send = Memo::new(move |_| {
        let something = !blank.get() || images.with(|images| !images.is_empty());
        something && !sending.get()
    });

    let changed = move |field: &HtmlTextAreaElement| {
        // A message of spaces is none; only its first character that is no space needs to be found.
        blank.set(field.value().trim().is_empty());
        fit(field);
    };
    // Each chat keeps what was typed in it.
    Effect::new(move |before: Option<Option<Option<SessionId>>>| {
        let before = before.flatten();
        let now = session.get();
        let field = field.get()?;
        if let Some(before) = before
            && before != now
        {
            let typed = Draft {
                text: field.value(),
                attachments: images.get_untracked(),
            };
            app.view.keep_draft(before, typed);
        }
        if before != Some(now) {
            let draft = app.view.draft(now);
            field.set_value(&draft.text);
            images.set(draft.attachments);
            changed(&field);
        }
        Some(now)
    });
    on_cleanup(move || {
        if let Some(field) = field.try_get_untracked().flatten() {
            let draft = Draft {
                text: field.value(),
                attachments: images.try_get_untracked().unwrap_or_default(),
            };
            if let Some(session) = session.try_get_untracked() {
                app.view.keep_draft(session, draft);
            }
        }
    });
    // What files say is written behind what the user wrote.
    Effect::new(move |_| {
        let written = app.view.written_in.get();
        if let Some(field) = field.get()
            && !written.is_empty()
        {
            let text = written.iter().fold(field.value(), |draft, (name, text)| {
                with_text(&draft, name, text)
            });
            field.set_value(&text);
            app.view.written_in.set(Vec::new());
            changed(&field);
        }
    });
    Effect::new(move |_| {
        app.view.focus_composer.track();
        if let Some(field) = field.get() {
            let _focused = field.focus();
        }
    });

    let send = move || {
        let Some(element) = field.get_untracked() else {
            return;
        };
        if !can_send.get_untracked() || running.get_untracked() {
            return;
        }
        let text = element.value();
        let attached = images.get_untracked();
        sending.set(true);
        app.view.send_error.set(None);
        spawn_local(async move {
            let began_in = session.get_untracked();
            let result = actions::send(app, text.clone(), attached.clone()).await;
            sending.try_set(false);
            match result {
                Ok(()) => {
                    if began_in.is_none() {
                        app.view.keep_draft(None, Draft::default());
                    }
                    let now = session.try_get_untracked().flatten();
                    app.view.keep_draft(now, Draft::default());
                    // What was typed after pressing Send belongs to the next message.
                    if let Some(element) = field.try_get_untracked().flatten()
                        && element.value() == text
                    {
                        element.set_value("");
                        images.set(Vec::new());
                        changed(&element);
                    }
                }
                Err(card) => app.view.send_error.set(Some(card)),
            }
        });
    };
    let attach = move |files: Vec<File>| {
        if files.is_empty() {
            return;
        }
        spawn_local(async move {
            let mut read = Vec::new();
            for file in files {
                read.push(attachments::read(file).await);
            }
            actions::give(app, read);
        });
    };
    let on_key = move |event: ev::KeyboardEvent| {
        // 229: what older WebKits say while an input method is at work.
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        match event.key().as_str() {
            "Enter" if !event.shift_key() => {
                event.prevent_default();
                send();
            }
            "ArrowUp" => {
                let Some(field) = field.get_untracked() else {
                    return;
                };
                if field.value().is_empty()
                    && let Some(last) = last_message(app)
                {
                    event.prevent_default();
                    field.set_value(&last);
                    changed(&field);
                }
            }
            _ => {}
        }
    };
    let on_paste = move |event: ev::ClipboardEvent| {
        let files = files_of(event.clipboard_data().and_then(|data| data.files()));
        if !files.is_empty() {
            event.prevent_default();
            attach(files);
        }
    };
    view! {
        <div class="composer-place">
            {move || app.view.send_error.get().map(|card| view! {
                <ErrorNote card on_action=Callback::new(move |action: ErrorAction| match action {
                    ErrorAction::Retry | ErrorAction::RetryAt { .. } => send(),
                    other => actions::perform(app, &other),
                }) />
            })}
            <form
                class="composer"
                class:dropping=move || app.view.files_over.get()
                on:submit=move |event| {
                    event.prevent_default();
                    send();
                }
            >
                <Thumbs attachments=images />
                <textarea
                    node_ref=field
                    class="composer-field"
                    rows="1"
                    dir="auto"
                    placeholder="Message Nexus…"
                    aria-label="Message"
                    data-testid="composer"
                    aria-busy=move || sending.get().to_string()
                    on:input=move |event| changed(&event_target::<HtmlTextAreaElement>(&event))
                    on:keydown=on_key
                    on:paste=on_paste
                ></textarea>
                <div class="composer-line">
                    <input
                        type="file"
                        class="visually-hidden"
                        tabindex="-1"
                        aria-hidden="true"
                        multiple=true
                        node_ref=chooser
                        on:change=move |_| {
                            if let Some(chooser) = chooser.get_untracked() {
                                attach(files_of(chooser.files()));
                                chooser.set_value("");
                            }
                        }
                    />
                    <button
                        type="button"
                        class="icon-button"
                        data-testid="attach"
                        aria-label="Attach files"
                        title=move || if takes_images.get() {
                            "Attach images or texts"
                        } else {
                            "Attach texts; this model reads no images"
                        }
                        on:click=move |_| {
                            if let Some(chooser) = chooser.get_untracked() {
                                chooser.click();
                            }
                        }
                    >
                        <Icon shape=Shape::Plus />
                    </button>
                    <ModelPicker model />
                    <ModePicker />
                    <FolderPicker />
                    <span class="grow"></span>
                    <ContextMeter />
                    <Show
                        when=move || running.get()
                        fallback=move || view! {
                            <button
                                type="submit"
                                class="send-button"
                                data-testid="send"
                                aria-label="Send"
                                title="Send (Enter)"
                                aria-busy=move || sending.get().to_string()
                                disabled=move || !can_send.get()
                            >
                                <Icon shape=Shape::ArrowUp />
                            </button>
                        }
                    >
                        <button
                            type="button"
                            class="send-button"
                            data-testid="stop"
                            aria-label=move || if stopping.get() { "Stopping…" } else { "Stop" }
                            title=move || if stopping.get() { "Stopping…" } else { "Stop (Esc)" }
                            aria-busy=move || stopping.get().to_string()
                            on:click=move |_| {
                                actions::stop(app);
                                // The button goes with the turn, and would take the focus with it.
                                app.view.focus();
                            }
                        >
                            <Icon shape=Shape::Stop />
                        </button>
                    </Show>
                </div>
            </form>
        </div>
    }
}

/// What the user wrote last in the open session.
fn last_message(app: App) -> Option<String> {
    let open = app.store.open.get_untracked()?;
    open.rows.with_untracked(|rows| {
        rows.iter().rev().find_map(|row| match &row.body {
            RowBody::User { text, .. } => Some(text.to_string()),
            _ => None,
        })
    })
}

/// Grows with its text. Set through the style object, which the content policy allows; an attribute would be refused.
fn fit(field: &HtmlTextAreaElement) {
    let style = web_sys::HtmlElement::style(field);
    let height = if field.text_length() > MEASURED {
        TALLEST
    } else {
        let _reset = style.set_property("height", "auto");
        field.scroll_height().min(TALLEST)
    };
    let _set = style.set_property("height", &format!("{height}px"));
}

/// A draft with the text of a file behind it: its name, and what is in it between fences that nothing in it ends.
fn with_text(draft: &str, name: &str, text: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let draft = draft.trim_end();
    let gap = if draft.is_empty() { "" } else { "\n\n" };
    let name = visible::plain(name);
    let text = text.trim_end_matches(['\n', '\r']);
    format!("{draft}{gap}{name}:\n{fence}\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::with_text;

    #[test]
    fn a_text_stands_behind_the_draft_in_fences_of_its_own() {
        assert_eq!(with_text("", "a.txt", "Milk\n"), "a.txt:\n```\nMilk\n```\n");
        assert_eq!(
            with_text("Look at this \n", "b.md", "```\ncode\n```"),
            "Look at this\n\nb.md:\n````\n```\ncode\n```\n````\n"
        );
    }
}
