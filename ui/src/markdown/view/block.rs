//! Blocks as elements.

use leptos::prelude::*;

use super::super::tree::{Block, CellAlign, ListItem, TableRow};
use super::RowState;
use super::code::{code_view, pieces_view};
use super::inline::inlines_view;

/// Draws a block. Depth is bounded by the tree's.
pub(super) fn block_view(block: &Block, state: &RowState) -> AnyView {
    match block {
        Block::Paragraph(content) => {
            view! { <p dir="auto">{inlines_view(content, state)}</p> }.into_any()
        }
        Block::Tight(content) => {
            view! { <div class="md-tight" dir="auto">{inlines_view(content, state)}</div> }.into_any()
        }
        Block::Heading { level, content } => {
            let content = inlines_view(content, state);
            match level {
                1 => view! { <h1 dir="auto">{content}</h1> }.into_any(),
                2 => view! { <h2 dir="auto">{content}</h2> }.into_any(),
                3 => view! { <h3 dir="auto">{content}</h3> }.into_any(),
                4 => view! { <h4 dir="auto">{content}</h4> }.into_any(),
                5 => view! { <h5 dir="auto">{content}</h5> }.into_any(),
                _ => view! { <h6 dir="auto">{content}</h6> }.into_any(),
            }
        }
        Block::List { start, items } => {
            let items: Vec<AnyView> = items.iter().map(|item| item_view(item, state)).collect();
            match start {
                Some(start) => {
                    view! { <ol dir="auto" start=start.to_string()>{items}</ol> }.into_any()
                }
                None => view! { <ul dir="auto">{items}</ul> }.into_any(),
            }
        }
        Block::Quote(blocks) => {
            view! { <blockquote dir="auto">{blocks_view(blocks, state)}</blockquote> }.into_any()
        }
        Block::Code { language, text } => code_view(language, text, state),
        Block::Table { align, head, rows } => table_view(align, head, rows, state),
        Block::Rule => view! { <hr /> }.into_any(),
        Block::Footnote { number, blocks } => view! {
            <section class="md-note" aria-label=format!("Footnote {number}")>
                <span class="md-note-number" aria-hidden="true">{number.to_string()}</span>
                <div class="md-note-body">{blocks_view(blocks, state)}</div>
            </section>
        }
        .into_any(),
        Block::Html(text) => view! {
            <pre class="md-html" dir="auto" tabindex="0" aria-label="HTML, shown as text">{text.clone()}</pre>
        }
        .into_any(),
        Block::Overflow(text) => view! {
            <section class="md-overflow" aria-label="Too long to format, shown as plain text">
                <p class="md-overflow-note">"The rest is too long to format and is shown as plain text."</p>
                <pre dir="auto" tabindex="0">{pieces_view(text)}</pre>
            </section>
        }
        .into_any(),
    }
}

fn blocks_view(blocks: &[Block], state: &RowState) -> Vec<AnyView> {
    blocks
        .iter()
        .map(|block| block_view(block, state))
        .collect()
}

fn item_view(item: &ListItem, state: &RowState) -> AnyView {
    let blocks = blocks_view(&item.blocks, state);
    match item.task {
        Some(done) => {
            let label = if done { "Done" } else { "Not done" };
            view! {
                <li class="md-task" dir="auto">
                    <input type="checkbox" disabled=true checked=done aria-label=label />
                    <div class="md-task-body">{blocks}</div>
                </li>
            }
            .into_any()
        }
        None => view! { <li dir="auto">{blocks}</li> }.into_any(),
    }
}

fn table_view(
    align: &[CellAlign],
    head: &TableRow,
    rows: &[TableRow],
    state: &RowState,
) -> AnyView {
    let class = |column: usize| match align.get(column) {
        Some(CellAlign::Left) => "md-left",
        Some(CellAlign::Center) => "md-center",
        Some(CellAlign::Right) => "md-right",
        _ => "md-start",
    };
    let head: Vec<AnyView> = head
        .iter()
        .enumerate()
        .map(|(column, cell)| {
            view! { <th scope="col" dir="auto" class=class(column)>{inlines_view(cell, state)}</th> }.into_any()
        })
        .collect();
    let body: Vec<AnyView> = rows
        .iter()
        .map(|row| {
            let cells: Vec<AnyView> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| {
                    view! { <td dir="auto" class=class(column)>{inlines_view(cell, state)}</td> }
                        .into_any()
                })
                .collect();
            view! { <tr>{cells}</tr> }.into_any()
        })
        .collect();
    view! {
        <div class="md-table" role="region" aria-label="Table" tabindex="0">
            <table>
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{body}</tbody>
            </table>
        </div>
    }
    .into_any()
}
