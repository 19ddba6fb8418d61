//! Blocks to Leptos nodes. The only place where elements and attributes are named; nothing is ever set as HTML.

mod block;
mod code;
mod image;
mod inline;
mod math;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use leptos::prelude::*;
use leptos::reactive::graph::untrack;

use super::host::MarkdownHost;
use super::math::{MATH_ATTRIBUTES, MATH_ELEMENTS};
use super::stream::LiveDocument;
use super::tree::Block;
use block::block_view;

/// The elements of a message, but for its formulas.
const ELEMENTS: &[&str] = &[
    "a",
    "blockquote",
    "br",
    "button",
    "code",
    "del",
    "div",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "img",
    "input",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "span",
    "strong",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

/// The attributes on them. `src` only ever holds a `data:image/…` URL, `data-href` an `http`, `https` or `mailto` address; there
/// is no `href`, so nothing can navigate.
const ATTRIBUTES: &[&str] = &[
    "alt",
    "aria-hidden",
    "aria-label",
    "aria-pressed",
    "checked",
    "class",
    "data-href",
    "data-testid",
    "dir",
    "disabled",
    "role",
    "scope",
    "src",
    "start",
    "tabindex",
    "title",
    "type",
];

/// Every element a message can put into the window, MathML included.
pub fn allowed_elements() -> impl Iterator<Item = &'static str> {
    ELEMENTS.iter().chain(MATH_ELEMENTS).copied()
}

/// Every attribute on those elements.
pub fn allowed_attributes() -> impl Iterator<Item = &'static str> {
    ATTRIBUTES.iter().chain(MATH_ATTRIBUTES).copied()
}

/// One top-level block on the page.
#[derive(Clone)]
struct Row {
    index: usize,
    block: ArcRwSignal<Arc<Block>>,
    state: RowState,
}

/// Blocks in one page.
const PAGE: usize = 32;

/// A run of blocks in an element of its own: what a growing block makes the browser lay out, and a new block makes the list
/// compare, is its page, not the message.
#[derive(Clone)]
struct Page {
    index: usize,
    rows: ArcRwSignal<Vec<Row>>,
}

/// What the reader did to a block; outlives its drawing.
#[derive(Clone)]
struct RowState {
    host: Option<MarkdownHost>,
    /// Nothing more will be added to it.
    closed: ArcRwSignal<bool>,
    /// Long lines of code are wrapped.
    wrapped: ArcRwSignal<bool>,
    /// Which of its codes was just copied.
    copied: ArcRwSignal<Option<usize>>,
    /// Codes drawn so far, to number them.
    codes: Arc<AtomicUsize>,
}

impl RowState {
    fn next_code(&self) -> usize {
        self.codes.fetch_add(1, Ordering::Relaxed)
    }
}

/// Draws Markdown, also while it is still being written.
///
/// `text` is only borrowed (`with`), never cloned: give it a signal that stores the string (`RwSignal<String>` or
/// `ArcRwSignal<String>` that deltas are pushed to with `update(|text| text.push_str(..))`), not a derived one that builds a new
/// string each time; then a delta costs as much as the open block. Set `streaming` to false after the last delta:
/// the text is then parsed once as a whole, and what was already right stays as it is in the document.
#[component]
pub fn Markdown(
    /// The Markdown.
    #[prop(into)]
    text: Signal<String>,
    /// Whether more may be appended.
    #[prop(into)]
    streaming: Signal<bool>,
) -> impl IntoView {
    let host = use_context::<MarkdownHost>();
    let document = StoredValue::new(LiveDocument::default());
    let rows: StoredValue<Vec<Row>> = StoredValue::new(Vec::new());
    let pages: RwSignal<Vec<Page>> = RwSignal::new(Vec::new());
    // A render effect runs at once, so a message never appears empty first.
    let follow = RenderEffect::new(move |_| {
        let still_open = streaming.get();
        let mut synced = None;
        document.update_value(|document| {
            let from = text.with(|text| document.update(text, still_open));
            synced = Some((from, document.closed(), document.blocks().len()));
        });
        let Some((from, closed, total)) = synced else {
            return;
        };
        untrack(|| {
            let known = rows.with_value(Vec::len);
            rows.update_value(|rows| sync(&document, rows, host.as_ref(), from, closed, total));
            if known != total {
                rows.with_value(|rows| paginate(pages, rows, known.min(total)));
            }
        });
    });
    on_cleanup({
        let follow = StoredValue::new_local(follow);
        move || follow.dispose()
    });
    view! {
        <div class="md">
            <For
                each=move || pages.get()
                key=|page| page.index
                children=|page| view! {
                    <div class="md-page">
                        <For each=move || page.rows.get() key=|row| row.index children=row_view />
                    </div>
                }
            />
        </div>
    }
}

/// Brings the rows in line with the document from the first changed block on.
fn sync(
    document: &StoredValue<LiveDocument>,
    rows: &mut Vec<Row>,
    host: Option<&MarkdownHost>,
    from: usize,
    closed: usize,
    total: usize,
) {
    let known = rows.len();
    document.with_value(|document| {
        for (row, block) in rows.iter().zip(document.blocks()).skip(from) {
            if !row.block.with_untracked(|shown| Arc::ptr_eq(shown, block)) {
                row.block.set(Arc::clone(block));
            }
        }
    });
    // Blocks close in order, so the ones to tell are the last few before `closed`, and after a new start those behind it.
    let (before, behind) = rows.split_at(closed.min(known));
    for row in before.iter().rev() {
        if row.closed_already() {
            break;
        }
        row.state.closed.set(true);
    }
    for row in behind.iter().filter(|row| row.closed_already()) {
        row.state.closed.set(false);
    }
    rows.truncate(total);
    document.with_value(|document| {
        for (index, block) in document.blocks().iter().enumerate().skip(rows.len()) {
            rows.push(Row {
                index,
                block: ArcRwSignal::new(Arc::clone(block)),
                state: RowState {
                    host: host.cloned(),
                    closed: ArcRwSignal::new(index < closed),
                    wrapped: ArcRwSignal::new(false),
                    copied: ArcRwSignal::new(None),
                    codes: Arc::default(),
                },
            });
        }
    });
}

/// Brings the pages in line with the rows, of which those before `from` stayed.
fn paginate(pages: RwSignal<Vec<Page>>, rows: &[Row], from: usize) {
    let wanted = rows.len().div_ceil(PAGE);
    let known = pages.with_untracked(Vec::len);
    pages.with_untracked(|pages| {
        for page in pages.iter().take(wanted).skip(from / PAGE) {
            page.rows.set(page_of(rows, page.index));
        }
    });
    if known != wanted {
        pages.update(|pages| {
            pages.truncate(wanted);
            for index in pages.len()..wanted {
                pages.push(Page {
                    index,
                    rows: ArcRwSignal::new(page_of(rows, index)),
                });
            }
        });
    }
}

fn page_of(rows: &[Row], index: usize) -> Vec<Row> {
    rows.iter().skip(index * PAGE).take(PAGE).cloned().collect()
}

impl Row {
    fn closed_already(&self) -> bool {
        self.state.closed.get_untracked()
    }
}

fn row_view(row: Row) -> impl IntoView {
    let Row { block, state, .. } = row;
    move || {
        state.codes.store(0, Ordering::Relaxed);
        let block = block.get();
        block_view(&block, &state)
    }
}
