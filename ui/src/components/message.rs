//! What the user wrote, what the model answered, and what the core has to say between.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use nexus_protocol::{
    AnswerMeta, Attachment, ErrorCard, FinishReason, ItemStatus, ModelRef, NoticeLevel, SessionId,
    TurnId, UndoScope, UnixMillis,
};

use super::{ErrorNote, Icon, PlaceBadge, Shape, changes::TurnChanges};
use crate::{actions, browser, format, markdown::Markdown, state::use_app};

/// Characters of a message that are shown before the reader asks for all.
const SHOWN: usize = 2000;

/// What the user wrote: plain text, at the right.
#[component]
pub fn UserRow(
    text: Arc<str>,
    attachments: Arc<Vec<Attachment>>,
    created: UnixMillis,
    session: SessionId,
    turn: TurnId,
    position: u32,
    changes: TurnChanges,
) -> impl IntoView {
    let app = use_app();
    let all = RwSignal::new(false);
    let cut = text.char_indices().nth(SHOWN).map(|(at, _)| at);
    let size = format::bytes(text.len() as u64);
    let copied = text.clone();
    let has_text = !text.is_empty();
    let can_go_back = Memo::new(move |_| changes.reaches(position));
    view! {
        <article
            class="message-user"
            data-testid="message-user"
            aria-label="You"
            title=browser::date_text(created)
        >
            {(!attachments.is_empty()).then(|| view! {
                <div class="thumbs">
                    {attachments
                        .iter()
                        .map(|attachment| view! {
                            <img
                                class="thumb large"
                                alt=attachment.name.clone()
                                src=format!(
                                    "data:{};base64,{}",
                                    attachment.image.media_type,
                                    attachment.image.base64,
                                )
                            />
                        })
                        .collect_view()}
                </div>
            })}
            {has_text.then(|| view! {
                <div class="bubble" dir="auto">
                    {move || match cut {
                        Some(at) if !all.get() => format!("{}…", text.get(..at).unwrap_or_default()),
                        _ => text.to_string(),
                    }}
                    {cut.map(|_| view! {
                        <button
                            type="button"
                            class="link-button"
                            on:click=move |_| all.update(|all| *all = !*all)
                        >
                            {move || if all.get() {
                                "Show less".to_owned()
                            } else {
                                format!("Show all ({size})")
                            }}
                        </button>
                    })}
                </div>
            })}
            <div class="message-tools">
                <Show when=move || can_go_back.get()>
                    <button
                        type="button"
                        class="icon-button"
                        data-testid="undo-back-to"
                        aria-label="Undo back to here"
                        title="Undo back to here: all files as they were before this message"
                        on:click=move |_| {
                            spawn_local(actions::undo(app, session, UndoScope::BackTo { turn }, false));
                        }
                    >
                        <Icon shape=Shape::Undo />
                    </button>
                </Show>
                <button
                    type="button"
                    class="icon-button"
                    aria-label="Copy your message"
                    on:click=move |_| actions::copy_text(app, copied.to_string())
                >
                    <Icon shape=Shape::Copy />
                </button>
            </div>
        </article>
    }
}

/// What the model answered: Markdown over the whole column, and how it came about.
#[component]
pub fn AnswerRow(
    text: RwSignal<String>,
    model: ModelRef,
    meta: RwSignal<Option<AnswerMeta>>,
    status: RwSignal<ItemStatus>,
) -> impl IntoView {
    let streaming = Memo::new(move |_| status.get() == ItemStatus::InProgress);
    let empty = Memo::new(move |_| text.with(String::is_empty));
    let called_tools = Memo::new(move |_| {
        meta.with(|meta| {
            meta.as_ref().and_then(|meta| meta.finish) == Some(FinishReason::ToolCalls)
        })
    });
    let silent = Memo::new(move |_| {
        empty.get() && status.get() == ItemStatus::Complete && !called_tools.get()
    });
    let footed = Memo::new(move |_| !streaming.get() && !called_tools.get() && !empty.get());
    view! {
        <article
            class="message-assistant"
            class:hidden=move || empty.get() && !silent.get()
            class:streaming=move || streaming.get()
            data-testid="message-assistant"
            data-status=move || status_name(status.get())
            aria-label="Answer"
        >
            <Markdown text streaming />
            {move || silent.get().then(|| view! { <p class="hint">"The model had nothing to say."</p> })}
            <Show when=move || footed.get()>
                <AnswerFoot text model=model.clone() meta />
            </Show>
        </article>
    }
}

#[component]
fn AnswerFoot(
    text: RwSignal<String>,
    model: ModelRef,
    meta: RwSignal<Option<AnswerMeta>>,
) -> impl IntoView {
    let app = use_app();
    let cut = move || match meta.with(|meta| meta.as_ref().and_then(|meta| meta.finish)) {
        Some(FinishReason::Length) => Some("Cut off: the limit of tokens was reached."),
        Some(FinishReason::Incomplete) => {
            Some("Cut off in the middle of a tool call: the limit of tokens was reached.")
        }
        Some(FinishReason::ContentFilter) => Some("Cut off by the provider's filter."),
        _ => None,
    };
    view! {
        {move || cut().map(|words| view! { <p class="cut-note">{words}</p> })}
        <footer class="answer-foot" data-testid="answer-foot">
            <PlaceBadge model=model.clone() />
            <span class="answer-place" data-testid="answer-place">
                {move || app.facts.made_at(&model)}
            </span>
            <span class="answer-facts" data-testid="answer-facts">
                {move || meta.with(|meta| meta.as_ref().map(format::answer_facts))}
            </span>
            <span class="grow"></span>
            <button
                type="button"
                class="link-button"
                data-testid="copy-answer"
                on:click=move |_| actions::copy_text(app, text.get_untracked())
            >
                "Copy"
            </button>
        </footer>
    }
}

/// A word of the core: one line, or an error card.
#[component]
pub fn NoticeRow(
    level: NoticeLevel,
    text: Arc<str>,
    error: Option<Arc<ErrorCard>>,
) -> impl IntoView {
    match error {
        Some(card) => view! { <ErrorNote card=card.as_ref().clone() /> }.into_any(),
        None => {
            let (class, shape) = match level {
                NoticeLevel::Info => ("notice", Shape::Info),
                NoticeLevel::Warning => ("notice warn", Shape::Warning),
                NoticeLevel::Error => ("notice bad", Shape::Warning),
            };
            view! {
                <p class=class data-testid="notice">
                    <Icon shape />
                    <span dir="auto">{text.to_string()}</span>
                </p>
            }
            .into_any()
        }
    }
}

/// For tests and styles.
pub fn status_name(status: ItemStatus) -> &'static str {
    match status {
        ItemStatus::InProgress => "in-progress",
        ItemStatus::Queued => "queued",
        ItemStatus::Complete => "complete",
        ItemStatus::Interrupted => "interrupted",
        ItemStatus::Failed => "failed",
    }
}
