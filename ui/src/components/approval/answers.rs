//! The buttons of a question. Deny comes first and has the focus; each answer is sent once.

use leptos::{ev, html, prelude::*};
use nexus_protocol::{Approval, ApprovalAnswer, ItemId, SessionId};

use super::guard::{Guard, take_focus};
use crate::{
    actions, browser,
    components::{AnswerButton, AnswerFailed, Answering},
    state::{App, use_app},
    visible,
};

/// What the row of buttons shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Choose,
    /// The field for a word to the model.
    Word,
    /// The rule that *always* would add.
    Rule,
}

/// The card goes: the keyboard goes on to the next question, or to the message.
fn move_on(app: App, item: ItemId) {
    if !browser::rests_in(".approval") {
        return;
    }
    let next = format!(".row:not([data-item=\"{item}\"]) .approval [data-testid=deny]");
    if browser::find(&next).is_some() {
        browser::focus(&next);
    } else {
        app.view.focus();
    }
}

/// The buttons.
#[component]
pub fn Answers(
    session: SessionId,
    item: ItemId,
    approval: Approval,
    guard: Guard,
) -> impl IntoView {
    let app = use_app();
    let step = RwSignal::new(Step::Choose);
    let answering = Answering::new();
    let word = NodeRef::<html::Input>::new();
    let deny = NodeRef::<html::Button>::new();
    let back = NodeRef::<html::Button>::new();
    let rule = approval.rule.clone();
    take_focus(deny);
    let question = StoredValue::new(approval);
    let answer = Callback::new(move |answer: ApprovalAnswer| {
        answering.send(async move {
            actions::answer(session, item, question.get_value(), answer).await?;
            move_on(app, item);
            Ok(())
        });
    });
    let send_denial = move || {
        let word = word
            .get_untracked()
            .map_or_else(String::new, |field| field.value());
        answer.run(ApprovalAnswer::Deny { word });
    };
    // What had the focus goes with its step: it goes on to what the new step is about.
    Effect::new(move |before: Option<Step>| {
        let now = step.get();
        if let Some(field) = word.get()
            && now == Step::Word
        {
            let _focused = field.focus();
        }
        if let Some(back) = back.get()
            && now == Step::Rule
        {
            let _focused = back.focus();
        }
        if now == Step::Choose
            && before.is_some_and(|before| before != Step::Choose)
            && let Some(deny) = deny.get_untracked()
        {
            let _focused = deny.focus();
        }
        now
    });
    let on_word_key = move |event: ev::KeyboardEvent| {
        if event.is_composing() {
            return;
        }
        match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                send_denial();
            }
            "Escape" => {
                // Not the turn's end: only the field's.
                event.prevent_default();
                event.stop_propagation();
                step.set(Step::Choose);
            }
            _ => {}
        }
    };
    let has_rule = rule.is_some();
    let rule_text = rule.map(|rule| visible::plain(&rule)).unwrap_or_default();
    view! {
        <AnswerFailed answering class="approval-failed" />
        <Show when=move || step.get() == Step::Rule>
            <p class="approval-rule" data-testid="approval-rule">
                "From now on, in every chat, this is allowed without asking: "
                <code dir="ltr">{rule_text.clone()}</code>
            </p>
        </Show>
        <div class="approval-answers" role="group" aria-label="Your answer" aria-busy=move || answering.busy().to_string()>
            <span class="approval-deny">
                <AnswerButton answering testid="deny" node=deny press=Callback::new(move |()| send_denial())>
                    "Deny"
                </AnswerButton>
                <Show
                    when=move || step.get() == Step::Word
                    fallback=move || view! {
                        <button
                            type="button"
                            class="link-button"
                            data-testid="deny-word"
                            disabled=move || answering.busy()
                            on:click=move |_| step.set(Step::Word)
                        >
                            "Deny with a word…"
                        </button>
                    }
                >
                    <input
                        class="text-field"
                        node_ref=word
                        data-testid="deny-word"
                        aria-label="A word to the model"
                        placeholder="A word to the model"
                        maxlength="500"
                        autocomplete="off"
                        dir="auto"
                        on:keydown=on_word_key
                    />
                </Show>
            </span>
            <span class="approval-allow">
                <Show
                    when=move || step.get() == Step::Rule
                    fallback=move || view! {
                        {has_rule.then(|| view! {
                            <AnswerButton
                                answering
                                testid="approve-always"
                                kind="quiet"
                                guard
                                press=Callback::new(move |()| step.set(Step::Rule))
                            >
                                "Always for this rule…"
                            </AnswerButton>
                        })}
                        <AnswerButton
                            answering
                            testid="approve-session"
                            guard
                            press=Callback::new(move |()| answer.run(ApprovalAnswer::Session))
                        >
                            "Allow for this chat"
                        </AnswerButton>
                        <AnswerButton
                            answering
                            testid="approve-once"
                            kind="primary"
                            guard
                            press=Callback::new(move |()| answer.run(ApprovalAnswer::Once))
                        >
                            "Allow once"
                        </AnswerButton>
                    }
                >
                    <button
                        type="button"
                        class="button quiet"
                        node_ref=back
                        on:click=move |_| step.set(Step::Choose)
                    >
                        "Back"
                    </button>
                    <AnswerButton
                        answering
                        testid="approve-always"
                        kind="primary"
                        guard
                        press=Callback::new(move |()| answer.run(ApprovalAnswer::Always))
                    >
                        "Always allow this"
                    </AnswerButton>
                </Show>
            </span>
        </div>
    }
}
