//! A tool call: one line when done, arguments and result when opened; a question to the user while it waits for one.

mod arguments;

use leptos::prelude::*;
use nexus_protocol::{Approval, ItemId, ItemStatus, ResultPart, SessionId, ToolLabel, ToolResult};

use super::{
    Icon, Shape,
    approval::{ApprovalCard, answer_words},
    message::status_name,
    result::{PartView, TextView, is_picture},
};
use crate::{format, visible};

/// What is shown of growing output.
const TAIL_LINES: usize = 12;
const TAIL_CHARACTERS: usize = 4000;

/// A tool call's signals, as its row holds them.
#[derive(Clone)]
pub struct ToolCall {
    /// Where it belongs.
    pub session: SessionId,
    /// Its item.
    pub item: ItemId,
    /// The tool.
    pub name: String,
    /// JSON text so far.
    pub arguments: RwSignal<String>,
    /// What it does, once that is known.
    pub label: RwSignal<Option<ToolLabel>>,
    /// What the user is asked.
    pub approval: RwSignal<Option<Box<Approval>>>,
    /// What it printed so far.
    pub output: RwSignal<String>,
    /// How it ended.
    pub result: RwSignal<Option<ToolResult>>,
    /// Whether it is whole.
    pub status: RwSignal<ItemStatus>,
}

/// The question while it waits, else the line.
#[component]
pub fn ToolRow(call: ToolCall) -> impl IntoView {
    let ToolCall {
        session,
        item,
        approval,
        result,
        status,
        ..
    } = call;
    // The core may ask again with another action: then it is another card.
    let question = Memo::new(move |_| {
        let open = status.get() == ItemStatus::InProgress && result.with(Option::is_none);
        approval.with(|approval| {
            let approval = approval.as_ref()?;
            (open && approval.answer.is_none()).then(|| approval.clone())
        })
    });
    move || match question.get() {
        Some(approval) => view! { <ApprovalCard session item approval=*approval /> }.into_any(),
        None => view! { <ToolLine call=call.clone() /> }.into_any(),
    }
}

#[component]
fn ToolLine(call: ToolCall) -> impl IntoView {
    let ToolCall {
        name,
        arguments,
        label,
        approval,
        output,
        result,
        status,
        ..
    } = call;
    let open = RwSignal::new(false);
    let fallback = format::tool_title(&name);
    let verb = Memo::new(move |_| {
        let verb = label.with(|label| label.as_ref().map(|label| visible::plain(&label.verb)));
        verb.filter(|verb| !verb.is_empty())
            .unwrap_or_else(|| fallback.clone())
    });
    let object = Memo::new(move |_| {
        label.with(|label| match label {
            Some(label) => visible::plain(&label.object),
            None => visible::plain(&arguments.with(|arguments| format::tool_object(arguments))),
        })
    });
    let ok = Memo::new(move |_| result.with(|result| result.as_ref().map(|result| result.ok)));
    let running = Memo::new(move |_| ok.get().is_none() && status.get() == ItemStatus::InProgress);
    let answer = Memo::new(move |_| {
        approval.with(|approval| approval.as_ref().and_then(|a| a.answer.clone()))
    });
    // Where the user said no, that is all there is to say.
    let refused = Memo::new(move |_| {
        answer.with(|answer| {
            let answer = answer.as_ref().filter(|answer| !answer.allows());
            answer.map(answer_words)
        })
    });
    let note = Memo::new(move |_| {
        answer.with(|answer| {
            let answer = answer.as_ref().filter(|answer| answer.allows());
            answer.map(answer_words)
        })
    });
    let told = Memo::new(move |_| {
        if let Some(words) = refused.get() {
            return (words, String::new());
        }
        result.with(|result| match result {
            Some(result) => (
                visible::plain(&result.summary),
                // What never began took no time.
                if status.get() == ItemStatus::Interrupted && result.duration_ms == 0 {
                    String::new()
                } else {
                    format::duration(result.duration_ms)
                },
            ),
            None => (Mark::of(None, status.get()).told.to_owned(), String::new()),
        })
    });
    // Pictures are there to be looked at; all else waits until the card is opened.
    let pictures = Memo::new(move |_| parts_of(result, true));
    let live = Memo::new(move |_| {
        if !running.get() {
            return String::new();
        }
        output.with(|output| visible::tail(output, TAIL_LINES, TAIL_CHARACTERS).to_owned())
    });
    let has_live = Memo::new(move |_| live.with(|live| !live.is_empty()));
    let has_pictures = Memo::new(move |_| pictures.with(|pictures| !pictures.is_empty()));
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
                    let Mark { class, shape, spoken, .. } = Mark::of(ok.get(), status.get());
                    view! {
                        <span class=class><Icon shape /></span>
                        <span class="visually-hidden">{spoken}</span>
                    }
                }}
                <strong class="tool-title">{move || verb.get()}</strong>
                <code class="tool-object" dir="auto">{move || object.get()}</code>
                <span class="grow"></span>
                {move || note.get().map(|note| view! {
                    <span class="tool-note" data-testid="tool-note" dir="auto">{note}</span>
                })}
                <span class="tool-told" class:bad=move || ok.get() == Some(false)>
                    <span class="tool-summary" dir="auto">{move || told.get().0}</span>
                    <span class="tool-time">
                        {move || Some(told.get().1).filter(|time| !time.is_empty()).map(|time| format!(" · {time}"))}
                    </span>
                </span>
                <span class="turn"><Icon shape=Shape::ChevronRight /></span>
            </button>
            <Show when=move || has_live.get() && !open.get()>
                <pre class="tool-live" dir="ltr" data-testid="tool-output">{move || live.get()}</pre>
            </Show>
            <Show when=move || has_pictures.get()>
                <div class="tool-pictures">
                    {move || pictures.get().into_iter().map(|part| view! { <PartView part /> }).collect_view()}
                </div>
            </Show>
            <Show when=move || open.get()>
                <ToolBody arguments approval output result />
            </Show>
        </section>
    }
}

/// How a call stands, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    class: &'static str,
    shape: Shape,
    /// For who hears the page.
    spoken: &'static str,
    /// Where the result would stand.
    told: &'static str,
}

impl Mark {
    fn of(ok: Option<bool>, status: ItemStatus) -> Self {
        let (class, shape, spoken, told) = match (ok, status) {
            (Some(true), _) => ("state ok", Shape::Check, "Done: ", "done"),
            (Some(false), _) => ("state bad", Shape::Cross, "Failed: ", "failed"),
            (None, ItemStatus::InProgress) => ("state", Shape::Ring, "Running: ", "running"),
            (None, ItemStatus::Queued) => (
                "state queued",
                Shape::Ring,
                "Waiting its turn: ",
                "waiting its turn",
            ),
            (None, _) => ("state", Shape::Cross, "Ended: ", "no result"),
        };
        Self {
            class,
            shape,
            spoken,
            told,
        }
    }
}

/// What is behind the line.
#[component]
fn ToolBody(
    arguments: RwSignal<String>,
    approval: RwSignal<Option<Box<Approval>>>,
    output: RwSignal<String>,
    result: RwSignal<Option<ToolResult>>,
) -> impl IntoView {
    let code = Memo::new(move |_| {
        approval.with(|approval| {
            let process = approval.as_ref()?.action.process.as_ref()?;
            Some(process.code.clone())
        })
    });
    let failed = Memo::new(move |_| result.with(|r| r.as_ref().is_some_and(|r| !r.ok)));
    view! {
        <div class="tool-body">
            {move || {
                let pieces = arguments.with(|arguments| arguments::readable(arguments));
                if pieces.is_empty() && code.get().is_none() {
                    return ().into_any();
                }
                view! {
                    <h3 class="label">"Arguments"</h3>
                    {if pieces.is_empty() {
                        code.get().map(|text| view! { <TextView text /> }).into_any()
                    } else {
                        pieces
                            .into_iter()
                            .map(|piece| view! {
                                {(!piece.name.is_empty()).then(|| view! { <p class="argument-name">{piece.name}</p> })}
                                <TextView text=piece.text />
                            })
                            .collect_view()
                            .into_any()
                    }}
                }
                .into_any()
            }}
            {move || {
                let ended = result.with(Option::is_some);
                let parts = parts_of(result, false);
                let text = result.with(|result| result.as_ref().map(|result| result.output.clone()));
                let only_pictures = parts.is_empty() && !parts_of(result, true).is_empty();
                if only_pictures {
                    return ().into_any();
                }
                let shown = if !parts.is_empty() {
                    parts.into_iter().map(|part| view! { <PartView part /> }).collect_view().into_any()
                } else if ended {
                    view! { <TextView text=text.unwrap_or_default() /> }.into_any()
                } else {
                    // Only as much as can be read while it moves: this is drawn anew with each piece of output.
                    let tail = output.with(|output| visible::tail(output, 100, 20_000).to_owned());
                    view! { <pre class="tool-text" tabindex="0" dir="ltr">{tail}</pre> }.into_any()
                };
                view! {
                    <h3 class="label">{if failed.get() { "What went wrong" } else { "Result" }}</h3>
                    {shown}
                }
                .into_any()
            }}
        </div>
    }
}

/// The parts of a result that are pictures, or those that are none.
fn parts_of(result: RwSignal<Option<ToolResult>>, pictures: bool) -> Vec<ResultPart> {
    result.with(|result| {
        let parts = result.as_ref().map_or(&[][..], |result| &result.parts);
        parts
            .iter()
            .filter(|part| is_picture(part) == pictures)
            .cloned()
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waits_is_not_shown_as_running() {
        let told = |ok, status| Mark::of(ok, status).told;
        let words = [
            told(None, ItemStatus::InProgress),
            told(None, ItemStatus::Queued),
            told(None, ItemStatus::Interrupted),
            told(Some(true), ItemStatus::Complete),
            told(Some(false), ItemStatus::Complete),
        ];
        assert_eq!(
            words,
            ["running", "waiting its turn", "no result", "done", "failed"]
        );
    }
}
