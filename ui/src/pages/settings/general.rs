//! Theme, the model for new chats, titles, memory, instructions.

use leptos::prelude::*;
use nexus_protocol::{ModelRef, Settings, Theme};
use serde_json::{Value, json};

use crate::{
    actions,
    components::{Icon, ModelList, PlaceBadge, Shape},
    state::use_app,
};

/// The part.
#[component]
pub fn General() -> impl IntoView {
    let app = use_app();
    let settings = Memo::new(move |_| {
        app.facts.settings.with(|view| {
            view.as_ref()
                .map_or_else(Settings::default, |view| view.settings.clone())
        })
    });
    view! {
        <section class="settings-part" aria-labelledby="part-general">
            <h2 class="section-title" id="part-general">"General"</h2>
            <div class="card settings-card">
                <Line
                    name="offline"
                    title="Offline"
                    hint="Nothing leaves this machine: no provider is asked, nothing is fetched, no tool gets the network. Models here answer as before."
                >
                    <Toggle name="offline" on=Signal::derive(move || settings.with(|s| s.offline)) label="Offline" />
                </Line>
                <ThemeLine theme=Signal::derive(move || settings.with(|s| s.theme)) />
                <ModelLine model=Signal::derive(move || settings.with(|s| s.default_model.clone())) />
                <Line
                    name="auto_title"
                    title="Name chats by themselves"
                    hint="After the first answer the model finds a title. Yours always stays."
                >
                    <Toggle name="auto_title" on=Signal::derive(move || settings.with(|s| s.auto_title)) label="Name chats by themselves" />
                </Line>
                <Line
                    name="idle_unload_minutes"
                    title="Free the memory when idle"
                    hint="A local model leaves the memory after this many minutes without a question. 0 is never."
                >
                    <NumberField
                        name="idle_unload_minutes"
                        label="Minutes until a local model leaves the memory"
                        value=Signal::derive(move || settings.with(|s| s.idle_unload_minutes))
                        most=1440
                    />
                </Line>
                <Line
                    name="max_tool_calls"
                    title="Tool calls in one turn"
                    hint="After this many the agent stops and says so."
                >
                    <NumberField
                        name="max_tool_calls"
                        label="Tool calls in one turn"
                        value=Signal::derive(move || settings.with(|s| s.max_tool_calls))
                        most=1000
                    />
                </Line>
                <PromptLine text=Signal::derive(move || settings.with(|s| s.system_prompt.clone())) />
            </div>
        </section>
    }
}

/// A line: what it is, a word about it, the control. Says so where the environment fixes it.
#[component]
fn Line(
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    children: Children,
) -> impl IntoView {
    let app = use_app();
    view! {
        <div class="settings-line">
            <div class="settings-words">
                <div class="settings-name">{title}</div>
                <div class="settings-hint">
                    {move || if app.facts.is_fixed(name) {
                        format!("Fixed by the environment: NEXUS_{}", name.to_uppercase())
                    } else {
                        hint.to_owned()
                    }}
                </div>
            </div>
            {children()}
        </div>
    }
}

#[component]
fn ThemeLine(theme: Signal<Theme>) -> impl IntoView {
    let app = use_app();
    let choices = [
        (Theme::System, "System", "system"),
        (Theme::Light, "Light", "light"),
        (Theme::Dark, "Dark", "dark"),
    ];
    view! {
        <Line name="theme" title="Theme" hint="Light, dark, or as the system.">
            <div class="segments" role="radiogroup" aria-label="Theme">
                {choices
                    .into_iter()
                    .map(|(value, label, name)| view! {
                        <label class="segment" data-testid=format!("theme-{name}")>
                            <input
                                type="radio"
                                name="theme"
                                value=name
                                prop:checked=move || theme.get() == value
                                disabled=move || app.facts.is_fixed("theme")
                                on:change=move |_| actions::set_setting(app, "theme", json!(name))
                            />
                            <span>{label}</span>
                        </label>
                    })
                    .collect_view()}
            </div>
        </Line>
    }
}

#[component]
fn ModelLine(model: Signal<Option<ModelRef>>) -> impl IntoView {
    let app = use_app();
    let open = RwSignal::new(false);
    let choose = Callback::new(move |model: ModelRef| {
        open.set(false);
        actions::set_setting(app, "default_model", Value::String(model.0));
    });
    view! {
        <Line name="default_model" title="Model for new chats" hint="Each chat can switch to another one.">
            <div class="settings-model">
                {move || model.get().map(|model| view! { <PlaceBadge model /> })}
                <button
                    type="button"
                    class="button"
                    data-testid="default-model"
                    aria-expanded=move || open.get().to_string()
                    disabled=move || app.facts.is_fixed("default_model")
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    {move || if open.get() { "Close" } else { "Choose…" }}
                </button>
            </div>
        </Line>
        <Show when=move || open.get()>
            <div class="settings-inset" on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.stop_propagation();
                    open.set(false);
                }
            }>
                <ModelList choose chosen=model />
            </div>
        </Show>
    }
}

#[component]
fn Toggle(name: &'static str, on: Signal<bool>, label: &'static str) -> impl IntoView {
    let app = use_app();
    view! {
        <button
            type="button"
            class="toggle"
            role="switch"
            aria-label=label
            data-testid=format!("setting-{name}")
            aria-checked=move || on.get().to_string()
            disabled=move || app.facts.is_fixed(name)
            on:click=move |_| actions::set_setting(app, name, json!(!on.get_untracked()))
        >
            <span class="toggle-knob"></span>
        </button>
    }
}

#[component]
fn NumberField(
    name: &'static str,
    label: &'static str,
    value: Signal<u32>,
    most: u32,
) -> impl IntoView {
    let app = use_app();
    view! {
        <input
            type="number"
            class="text-field number"
            min="0"
            max=most
            aria-label=label
            data-testid=format!("setting-{name}")
            prop:value=move || value.get().to_string()
            disabled=move || app.facts.is_fixed(name)
            on:change=move |event| {
                let field = event_target::<web_sys::HtmlInputElement>(&event);
                match field.value().trim().parse::<u32>() {
                    Ok(number) if number <= most => actions::set_setting(app, name, json!(number)),
                    _ => field.set_value(&value.get_untracked().to_string()),
                }
            }
        />
    }
}

#[component]
fn PromptLine(text: Signal<String>) -> impl IntoView {
    let app = use_app();
    let typed = RwSignal::new(None::<String>);
    let dirty = Memo::new(move |_| typed.get().is_some_and(|typed| typed != text.get()));
    let fixed = move || app.facts.is_fixed("system_prompt");
    view! {
        <div class="settings-line tall">
            <label class="settings-words" for="system-prompt">
                <span class="settings-name">"Your instructions"</span>
                <span class="settings-hint">
                    {move || if fixed() {
                        "Fixed by the environment: NEXUS_SYSTEM_PROMPT"
                    } else {
                        "Added to every chat: how to address you, what to know, what to leave out."
                    }}
                </span>
            </label>
            <textarea
                id="system-prompt"
                class="text-field area"
                rows="3"
                dir="auto"
                data-testid="setting-system_prompt"
                disabled=fixed
                prop:value=move || text.get()
                on:input=move |event| typed.set(Some(event_target_value(&event)))
            ></textarea>
            <Show when=move || dirty.get()>
                <div class="actions end">
                    <button
                        type="button"
                        class="button primary"
                        data-testid="save-system_prompt"
                        on:click=move |_| {
                            if let Some(typed) = typed.get_untracked() {
                                actions::set_setting(app, "system_prompt", Value::String(typed));
                            }
                        }
                    >
                        <Icon shape=Shape::Check />
                        "Save"
                    </button>
                </div>
            </Show>
        </div>
    }
}
