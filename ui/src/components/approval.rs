//! A question to the user, where the act would happen: what exactly, where, what it may touch, what can be undone.
//!
//! All of it comes from the action. What the model says of it is quoted, apart. Refuses to decide: the core binds the answer
//! to nonce and fingerprint, and shows it as a change of the item.

mod answers;
mod guard;
mod words;

use leptos::{html, prelude::*};
use nexus_protocol::{Action, Approval, Confinement, ItemId, SessionId};

use self::{answers::Answers, words::FileLine};
use super::{Icon, Shape, escaped::escaped, result::DiffView};
use crate::{format, visible};

pub use guard::{Guard, take_focus};
pub use words::answer_words;

/// What is shown of a command before the reader asks for all.
const LINES: usize = 12;
const CHARACTERS: usize = 1500;
/// Files and characters of a reason that are shown before the reader asks for all.
const FILES: usize = 8;
const REASON: usize = 600;

/// The card.
#[component]
pub fn ApprovalCard(session: SessionId, item: ItemId, approval: Approval) -> impl IntoView {
    let card = NodeRef::<html::Section>::new();
    let guard = Guard::watch(card);
    let title = words::title(&approval.action);
    let heading = format!("approval-{item}");
    let labelled_by = heading.clone();
    let Approval {
        action,
        why,
        reason,
        ..
    } = approval.clone();
    let tool = action.tool.clone();
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let grave = !title.grave.is_empty();
    view! {
        <section
            class="approval"
            class:grave=grave
            node_ref=card
            data-testid="approval-card"
            data-tool=tool
            aria-labelledby=labelled_by
        >
            <header class="approval-head">
                <Icon shape=Shape::Warning />
                <h3 class="approval-title" id=heading>
                    <span class="visually-hidden">"Asks: "</span>
                    {title.verb}
                    {(!title.object.is_empty()).then(|| view! { " " <code dir="ltr">{title.object}</code> })}
                    {title.calm.into_iter().map(|words| format!(" {words}")).collect_view()}
                    {title
                        .grave
                        .into_iter()
                        .map(|words| view! { <span class="grave-words">{format!(", {words}")}</span> })
                        .collect_view()}
                </h3>
                <Chips action=action.clone() />
            </header>
            <div class="approval-body">
                <Acts action />
                <p class="approval-why">{why}</p>
                {reason.map(|reason| view! {
                    <blockquote class="approval-reason" data-testid="approval-reason">
                        <span class="approval-says">"The model says: "</span>
                        "“" <Folded text=reason lines=6 characters=REASON /> "”"
                    </blockquote>
                })}
            </div>
            <Answers session item approval guard />
        </section>
    }
}

#[component]
fn Chips(action: Action) -> impl IntoView {
    let cwd = action
        .process
        .as_ref()
        .map(|process| visible::plain(&process.cwd));
    let network = words::network(&action);
    view! {
        <span class="approval-chips">
            {cwd.map(|cwd| view! {
                <span class="chip small" title=cwd.clone()>
                    <Icon shape=Shape::Folder />
                    <span class="visually-hidden">"in "</span>
                    <span class="chip-text" dir="ltr">{visible::short_path(&cwd, 32)}</span>
                </span>
            })}
            {network.map(|(words, talks)| view! {
                <span class="chip small" class:warn=talks data-testid="approval-network">
                    <span class="chip-text wraps">{words}</span>
                </span>
            })}
        </span>
    }
}

/// What would be done: program, files, diffs.
#[component]
fn Acts(action: Action) -> impl IntoView {
    let process = action.process.map(|process| {
        let why = match &process.sandbox {
            Confinement::Full => None,
            Confinement::Not { why } => Some(why.clone()),
        };
        let details = words::details(&process);
        view! {
            {why.map(|why| view! { <p class="approval-grave">{why}</p> })}
            <pre class="approval-code" tabindex="0" dir="ltr" data-testid="approval-command"><Folded text=process.code lines=LINES characters=CHARACTERS /></pre>
            <Details details />
        }
    });
    let lines = words::file_lines(&action.files);
    let count = lines.len();
    let all = RwSignal::new(count <= FILES);
    let files = StoredValue::new((action.files, lines));
    view! {
        {process}
        <div class="approval-files">
            {move || files.with_value(|(files, lines)| {
                let shown = if all.get() { count } else { FILES };
                lines
                    .iter()
                    .take(shown)
                    .map(|line| {
                        let diff = files.get(line.index).and_then(|file| file.diff.clone());
                        view! { <FileRow line=line.clone() /> {diff.map(|diff| view! { <DiffView diff bare=true /> })} }
                    })
                    .collect_view()
            })}
            <Show when=move || !all.get()>
                <button type="button" class="link-button start" on:click=move |_| all.set(true)>
                    {format!("Show all {}", format::count(count, "file", "files"))}
                </button>
            </Show>
        </div>
    }
}

#[component]
fn FileRow(line: FileLine) -> impl IntoView {
    view! {
        <p class="approval-file" data-testid="approval-file">
            {line.verb} " " <code dir="ltr">{line.name}</code>
            {line.to.map(|to| view! { " to " <code dir="ltr">{to}</code> })}
            {line.calm.into_iter().map(|words| format!(" · {words}")).collect_view()}
            {line
                .grave
                .into_iter()
                .map(|words| view! { " · " <span class="grave-words">{words}</span> })
                .collect_view()}
        </p>
    }
}

/// What else the answer is bound to, on request.
#[component]
fn Details(details: Vec<(&'static str, String)>) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <button
            type="button"
            class="link-button start approval-more"
            data-testid="approval-details"
            aria-expanded=move || open.get().to_string()
            on:click=move |_| open.update(|open| *open = !*open)
        >
            {move || if open.get() { "Hide details" } else { "Details" }}
        </button>
        <Show when=move || open.get()>
            <dl class="approval-details">
                {details
                    .iter()
                    .map(|(name, value)| view! { <dt>{*name}</dt><dd dir="ltr">{value.clone()}</dd> })
                    .collect_view()}
            </dl>
        </Show>
    }
}

/// Text as it is, with what would deceive written out; the first part of it where it is long, and a way to all.
#[component]
fn Folded(text: String, lines: usize, characters: usize) -> impl IntoView {
    let all = RwSignal::new(false);
    let head = visible::fold(&text, lines, characters).map(|(head, count)| {
        let more = if count > lines {
            format!("Show all {}", format::count(count, "line", "lines"))
        } else {
            format!(
                "Show all {}",
                format::count(text.chars().count(), "character", "characters")
            )
        };
        (head.to_owned(), more)
    });
    let more = head.as_ref().map(|(_, more)| more.clone());
    view! {
        {move || {
            let shown = match &head {
                Some((head, _)) if !all.get() => head,
                _ => &text,
            };
            escaped(shown)
        }}
        {more.map(|more| view! {
            <Show when=move || !all.get()>
                <span class="folded">
                    <button type="button" class="link-button" data-testid="approval-show-all" on:click=move |_| all.set(true)>
                        {more.clone()}
                    </button>
                </span>
            </Show>
        })}
    }
}
