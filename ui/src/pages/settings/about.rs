//! Version, licence, health, and the keys that work everywhere.

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{DoctorCheck, DoctorReport, DoctorStatus, ErrorAction, ErrorCard};

use crate::{
    actions, browser,
    components::{ErrorNote, Icon, Shape},
    state::use_app,
};

/// The part.
#[component]
pub fn About() -> impl IntoView {
    let app = use_app();
    let keys = [
        (browser::shortcut("N"), "New chat"),
        (browser::shortcut("K"), "Search everything"),
        (browser::shortcut("B"), "Show or hide the sidebar"),
        (browser::shortcut(","), "Settings"),
        ("Enter".to_owned(), "Send"),
        ("Shift Enter".to_owned(), "Break the line"),
        (
            "↑".to_owned(),
            "Your last message, where the field is empty",
        ),
        ("Esc".to_owned(), "Close, or stop the answer"),
        ("F2".to_owned(), "Rename the chat in focus"),
    ];
    view! {
        <section class="settings-part" aria-labelledby="part-keys">
            <h2 class="section-title" id="part-keys">"Keyboard"</h2>
            <div class="card settings-card">
                <dl class="keys">
                    {keys
                        .into_iter()
                        .map(|(key, does)| view! { <div class="keys-line"><dt>{does}</dt><dd><kbd>{key}</kbd></dd></div> })
                        .collect_view()}
                </dl>
            </div>
        </section>
        <section class="settings-part" aria-labelledby="part-about">
            <h2 class="section-title" id="part-about">"About"</h2>
            <div class="card settings-card">
                <div class="settings-line">
                    <div class="settings-words">
                        <div class="settings-name">{move || format!("Nexus Agent {}", app.facts.version.get())}</div>
                        <div class="settings-hint">"Your chats, keys and models stay on this machine. Licence: Apache-2.0 or MIT."</div>
                    </div>
                </div>
                <Health />
            </div>
        </section>
    }
}

/// What the app needs on this machine, looked at on request.
#[component]
fn Health() -> impl IntoView {
    #[derive(Clone, PartialEq)]
    enum Look {
        NotYet,
        Busy,
        Done(DoctorReport),
        Failed(ErrorCard),
    }
    let look = RwSignal::new(Look::NotYet);
    let check = move || {
        look.set(Look::Busy);
        spawn_local(async move {
            look.try_set(match actions::check_health().await {
                Ok(report) => Look::Done(report),
                Err(card) => Look::Failed(card),
            });
        });
    };
    view! {
        <div class="settings-line">
            <div class="settings-words">
                <div class="settings-name">"Check this installation"</div>
                <div class="settings-hint">"Database, keychain, local models, memory: what works and what is missing."</div>
            </div>
            <button
                type="button"
                class="button"
                data-testid="doctor"
                disabled=move || look.get() == Look::Busy
                on:click=move |_| check()
            >
                {move || if look.get() == Look::Busy { "Checking…" } else { "Check" }}
            </button>
        </div>
        <div aria-live="polite">
            {move || match look.get() {
                Look::NotYet | Look::Busy => ().into_any(),
                Look::Done(report) => view! {
                    <ul class="checks" data-testid="doctor-report">
                        {report.checks.into_iter().map(|check| view! { <CheckLine check /> }).collect_view()}
                    </ul>
                }
                .into_any(),
                Look::Failed(card) => view! {
                    <ErrorNote card on_action=Callback::new(move |_: ErrorAction| check()) />
                }
                .into_any(),
            }}
        </div>
    }
}

#[component]
fn CheckLine(check: DoctorCheck) -> impl IntoView {
    let (class, shape, words) = match check.status {
        DoctorStatus::Ok => ("state ok", Shape::Check, "Works: "),
        DoctorStatus::Warning => ("state warn", Shape::Warning, "Works with less: "),
        DoctorStatus::Missing => ("state bad", Shape::Cross, "Missing: "),
    };
    view! {
        <li class="check-line">
            <span class=class><Icon shape /></span>
            <span class="visually-hidden">{words}</span>
            <span class="check-name">{check.name}</span>
            <span class="check-detail" dir="auto">{check.detail}</span>
        </li>
    }
}
