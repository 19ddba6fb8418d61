//! A provider of the user's own: any server that speaks OpenAI's chat completions.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{ErrorAction, ErrorCard, ProviderEntry, ProviderKind};

use crate::{
    actions,
    components::{ErrorNote, TextField},
    state::use_app,
};

/// The form: empty, or with the entry of `edit`.
#[component]
pub fn ProviderForm(#[prop(optional)] edit: Option<String>, done: Callback<()>) -> impl IntoView {
    let app = use_app();
    let held = edit.and_then(|id| {
        app.facts.settings.with_untracked(|view| {
            let entries = &view.as_ref()?.settings.providers;
            entries.iter().find(|entry| entry.id == id).cloned()
        })
    });
    let is_new = held.is_none();
    let entry = held.unwrap_or_else(|| ProviderEntry {
        id: String::new(),
        name: String::new(),
        kind: ProviderKind::OpenaiCompat,
        base_url: String::new(),
        key: "keychain".into(),
    });
    let name = RwSignal::new(entry.name);
    let id = RwSignal::new(entry.id);
    let base_url = RwSignal::new(entry.base_url);
    let kind = RwSignal::new(entry.kind);
    let (key_kind, variable) = match entry.key.strip_prefix("env:") {
        Some(variable) => ("env".to_owned(), variable.to_owned()),
        None => (entry.key.clone(), String::new()),
    };
    let key_kind = RwSignal::new(key_kind);
    let variable = RwSignal::new(variable);
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ErrorCard>);
    let whole = move || {
        let address =
            base_url.with(|url| url.starts_with("http://") || url.starts_with("https://"));
        address
            && id.with(|id| id_of(id) == *id && !id.is_empty() && id != "local")
            && (key_kind.with(|kind| kind != "env")
                || variable.with(|name| !name.trim().is_empty()))
    };
    let save = move || {
        let entry = ProviderEntry {
            id: id.get_untracked(),
            name: name.get_untracked().trim().to_owned(),
            kind: kind.get_untracked(),
            base_url: base_url
                .get_untracked()
                .trim()
                .trim_end_matches('/')
                .to_owned(),
            key: match key_kind.get_untracked().as_str() {
                "env" => format!("env:{}", variable.get_untracked().trim()),
                other => other.to_owned(),
            },
        };
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match actions::save_provider(app, entry).await {
                Ok(()) => done.run(()),
                Err(card) => drop(failed.try_set(Some(card))),
            }
            busy.try_set(false);
        });
    };
    view! {
        <form class="provider-form" data-testid="provider-form" on:submit=move |event| {
            event.prevent_default();
            if whole() && !busy.get_untracked() {
                save();
            }
        }>
            <TextField
                label="Name"
                value=name
                testid="provider-name"
                on_typed=move |typed: String| {
                    if is_new && id.with_untracked(|id| *id == id_of(&name.get_untracked())) {
                        id.set(id_of(&typed));
                    }
                    name.set(typed);
                }
            />
            <TextField
                label="Id, the first part of its models' names"
                value=id
                testid="provider-id"
                mono=true
                limit=32
                disabled=!is_new
            />
            <TextField
                label="Address, without /chat/completions"
                value=base_url
                testid="provider-url"
                placeholder="https://example.org/v1"
                mono=true
                wide=true
            />
            <label class="form-field">
                <span class="label">"Speaks"</span>
                <select
                    class="select"
                    data-testid="provider-kind"
                    prop:value=move || match kind.get() {
                        ProviderKind::OpenaiCompat => "openai-compat",
                        ProviderKind::Openrouter => "openrouter",
                    }
                    on:change=move |event| kind.set(match event_target_value(&event).as_str() {
                        "openrouter" => ProviderKind::Openrouter,
                        _ => ProviderKind::OpenaiCompat,
                    })
                >
                    <option value="openai-compat">"OpenAI's chat completions"</option>
                    <option value="openrouter">"OpenRouter's kind of them"</option>
                </select>
            </label>
            <label class="form-field">
                <span class="label">"Key"</span>
                <select
                    class="select"
                    data-testid="provider-key"
                    prop:value=move || key_kind.get()
                    on:change=move |event| key_kind.set(event_target_value(&event))
                >
                    <option value="keychain">"In the keychain"</option>
                    <option value="env">"In an environment variable"</option>
                    <option value="none">"Needs none"</option>
                </select>
            </label>
            <Show when=move || key_kind.with(|kind| kind == "env")>
                <TextField
                    label="Variable"
                    value=variable
                    testid="provider-variable"
                    placeholder="EXAMPLE_API_KEY"
                    mono=true
                />
            </Show>
            {move || failed.get().map(|card| view! {
                <div class="wide">
                    <ErrorNote card on_action=Callback::new(move |_: ErrorAction| save()) />
                </div>
            })}
            <div class="actions end wide">
                <button type="button" class="button quiet" on:click=move |_| done.run(())>"Cancel"</button>
                <button
                    type="submit"
                    class="button primary"
                    data-testid="provider-save"
                    disabled=move || !whole() || busy.get()
                >
                    "Save"
                </button>
            </div>
        </form>
    }
}

/// The id that a name suggests: `[a-z0-9-]{0,32}`.
fn id_of(name: &str) -> String {
    let mut id = String::new();
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            id.push(letter);
        } else if (letter == ' ' || letter == '-') && !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(32);
    if name.ends_with('-') {
        id
    } else {
        id.trim_end_matches('-').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::id_of;

    #[test]
    fn ids_keep_to_their_letters() {
        let ids: Vec<String> = ["My Server", "  vLLM (lab) ", "a-b", "Ünicode 7", ""]
            .into_iter()
            .map(id_of)
            .collect();
        assert_eq!(ids, ["my-server", "vllm-lab", "a-b", "nicode-7", ""]);
    }
}
