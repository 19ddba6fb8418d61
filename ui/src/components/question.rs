//! The buttons of a question and the answer on its way: each answer is sent once, and why it was not taken is shown.

use leptos::{html, prelude::*, task::spawn_local};
use nexus_protocol::ErrorCard;

use super::{ErrorNote, approval::Guard};

/// An answer on its way, or why the last one was not taken. Copying it copies handles.
#[derive(Clone, Copy)]
pub struct Answering {
    sent: RwSignal<bool>,
    failed: RwSignal<Option<ErrorCard>>,
}

impl Answering {
    /// Nothing sent yet.
    pub fn new() -> Self {
        Self {
            sent: RwSignal::new(false),
            failed: RwSignal::new(None),
        }
    }

    /// Whether one is on its way, or was taken: the question goes then. Subscribes.
    pub fn busy(self) -> bool {
        self.sent.get()
    }

    /// Sends one, unless one is on its way: a second click comes before the first one's answer is drawn.
    pub fn send(self, answer: impl Future<Output = Result<(), ErrorCard>> + 'static) {
        if self.sent.get_untracked() {
            return;
        }
        self.sent.set(true);
        self.failed.set(None);
        spawn_local(async move {
            if let Err(card) = answer.await {
                self.sent.try_set(false);
                self.failed.try_set(Some(card));
            }
        });
    }
}

/// One of the buttons: it waits while an answer is on its way. `guard` belongs to those that allow something.
#[component]
pub fn AnswerButton(
    answering: Answering,
    testid: &'static str,
    /// `primary`, `quiet`, `bad`; nothing for a plain one.
    #[prop(optional)]
    kind: &'static str,
    #[prop(optional)] node: NodeRef<html::Button>,
    #[prop(optional)] guard: Option<Guard>,
    press: Callback<()>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class=format!("button {kind}")
            node_ref=node
            data-testid=testid
            disabled=move || answering.busy()
            on:keydown=move |event| if let Some(guard) = guard { guard.on_key(&event) }
            on:click=move |_| press.run(())
        >
            {children()}
        </button>
    }
}

/// Why the last answer was not taken; the card's button puts it away.
#[component]
pub fn AnswerFailed(answering: Answering, #[prop(optional)] class: &'static str) -> impl IntoView {
    let failed = answering.failed;
    view! {
        {move || failed.get().map(|card| view! {
            <div class=class><ErrorNote card on_action=Callback::new(move |_| failed.set(None)) /></div>
        })}
    }
}
