//! What changed in a file: lines with numbers and signs, unified; side by side on request where there is room.

mod rows;

use leptos::prelude::*;
use nexus_protocol::{DiffHunk, FileDiff};

use self::rows::{Cell, Kind, pair, unified};
use crate::{components::escaped::escaped, format};

/// Lines that are drawn before the reader asks for all.
const SHOWN: usize = 240;

/// The change. The name of the file is shown unless what is around says it.
#[component]
pub fn DiffView(diff: FileDiff, #[prop(optional)] bare: bool) -> impl IntoView {
    let lines: usize = diff.hunks.iter().map(|hunk| hunk.lines.len()).sum();
    let all = RwSignal::new(lines <= SHOWN);
    let beside = RwSignal::new(false);
    let hunks = StoredValue::new(diff.hunks);
    let note = diff.note;
    let can_be_beside = lines > 0;
    view! {
        <figure class="diff" data-testid="diff">
            <figcaption class="diff-head">
                {(!bare).then(|| view! { <code class="diff-path" dir="ltr">{diff.path}</code> })}
                {(!bare).then(|| view! { <Counts added=diff.added removed=diff.removed /> })}
                {(!note.is_empty()).then(|| view! { <span class="chip small">{note}</span> })}
                <span class="grow"></span>
                {can_be_beside.then(|| view! {
                    <button
                        type="button"
                        class="link-button diff-toggle"
                        data-testid="diff-side-by-side"
                        aria-pressed=move || beside.get().to_string()
                        on:click=move |_| beside.update(|on| *on = !*on)
                    >
                        {move || if beside.get() { "Unified" } else { "Side by side" }}
                    </button>
                })}
            </figcaption>
            <div class="diff-lines" tabindex="0" role="region" aria-label="Changed lines" dir="ltr">
                {move || {
                    let most = if all.get() { usize::MAX } else { SHOWN };
                    hunks.with_value(|hunks| hunk_views(hunks, most, beside.get()))
                }}
            </div>
            <Show when=move || !all.get()>
                <button type="button" class="link-button start diff-more" on:click=move |_| all.set(true)>
                    {format!("Show all {}", format::count(lines, "line", "lines"))}
                </button>
            </Show>
        </figure>
    }
}

/// `+12 −3`, in words for those who do not see it.
#[component]
pub fn Counts(added: u32, removed: u32) -> impl IntoView {
    let plus = format::grouped(u64::from(added));
    let minus = format::grouped(u64::from(removed));
    view! {
        <span class="diff-counts">
            {(added > 0).then(|| view! { <span class="added">"+" {plus} <span class="visually-hidden">" added "</span></span> })}
            {(removed > 0).then(|| view! { <span class="removed">"−" {minus} <span class="visually-hidden">" removed "</span></span> })}
        </span>
    }
}

fn hunk_views(hunks: &[DiffHunk], most: usize, beside: bool) -> Vec<AnyView> {
    let mut left = most;
    let mut views = Vec::new();
    for hunk in hunks {
        let lines = hunk
            .lines
            .get(..left.min(hunk.lines.len()))
            .unwrap_or_default();
        if lines.is_empty() {
            break;
        }
        left -= lines.len();
        let rows = if beside {
            pair(lines)
                .into_iter()
                .map(|(old, new)| {
                    view! {
                        <div class="diff-row beside">{cell(old, true)}{cell(new, true)}</div>
                    }
                    .into_any()
                })
                .collect_view()
        } else {
            unified(lines)
                .into_iter()
                .map(|line| {
                    view! { <div class="diff-row">{cell(Some(line), false)}</div> }.into_any()
                })
                .collect_view()
        };
        views.push(view! { <div class="diff-hunk">{rows}</div> }.into_any());
    }
    views
}

/// One side of a row: numbers, sign, text. Side by side has the number of its own side only.
fn cell(cell: Option<Cell>, one_number: bool) -> AnyView {
    let Some(Cell {
        kind,
        old,
        new,
        text,
    }) = cell
    else {
        return view! { <span class="diff-cell empty"></span> }.into_any();
    };
    let (class, sign) = match kind {
        Kind::Added => ("diff-cell added", "+"),
        Kind::Removed => ("diff-cell removed", "−"),
        Kind::Same => ("diff-cell", " "),
    };
    let number = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
    let numbers = if one_number {
        view! { <span class="diff-number">{number(old.or(new))}</span> }.into_any()
    } else {
        view! {
            <span class="diff-number">{number(old)}</span>
            <span class="diff-number">{number(new)}</span>
        }
        .into_any()
    };
    view! {
        <span class=class>
            {numbers}
            <span class="diff-sign">{sign}</span>
            <span class="diff-text">{escaped(&text)}</span>
        </span>
    }
    .into_any()
}
