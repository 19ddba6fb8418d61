//! Parser events to blocks. Owns the limits on depth and nodes; decides nothing about addresses or formulas itself.

mod build;
mod leaf;

use std::collections::HashMap;

use pulldown_cmark::{BrokenLink, CowStr, Options, Parser};

use super::code::{CodeText, floor_boundary};
use super::delimiters::prepare;
use super::limits::{MAX_INPUT_BYTES, MAX_NODES};
use super::tree::Block;
use build::Builder;
pub(crate) use leaf::language;

/// What earlier blocks of a message mean to later ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// Link definitions: label in lower case, address and title.
    pub definitions: HashMap<String, String>,
    /// Numbers of footnotes: label in lower case, from 1.
    pub notes: HashMap<String, usize>,
    /// Nodes used up.
    pub nodes: usize,
}

/// A block and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Located {
    /// The block.
    pub block: Block,
    /// Where its first line starts (bytes).
    pub start: usize,
    /// Where it ends, as the parser sees it (bytes).
    pub end: usize,
    /// Labels of footnotes it numbers, in order.
    pub notes: Vec<String>,
    /// Nodes it uses.
    pub nodes: usize,
    /// Whether it is code between fences.
    pub fenced: bool,
}

/// Blocks of one piece of text.
pub(crate) struct Parsed {
    pub blocks: Vec<Located>,
    /// Link definitions in it: start, label in lower case, address.
    pub definitions: Vec<(usize, String, String)>,
    /// Where a display formula starts that has not ended.
    pub open_from: Option<usize>,
    /// The node limit was reached; the last block is plain text to the end.
    pub full: bool,
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
}

/// A whole message, limits included.
pub(crate) fn parse_message(text: &str) -> Vec<Located> {
    let cut = floor_boundary(text, MAX_INPUT_BYTES);
    let parsed = parse_part(&text[..cut], &Context::default());
    let mut blocks = parsed.blocks;
    push_rest(&mut blocks, text, cut, parsed.full);
    blocks
}

/// Adds what lies beyond the input limit, as plain text.
pub(crate) fn push_rest(blocks: &mut Vec<Located>, text: &str, cut: usize, full: bool) {
    if cut >= text.len() {
        return;
    }
    if full && let Some(last) = blocks.last_mut() {
        if let Block::Overflow(code) = &mut last.block {
            code.push_str(&text[cut..]);
        }
        return;
    }
    blocks.push(overflow(&text[cut..], cut, text.len()));
}

fn overflow(text: &str, start: usize, end: usize) -> Located {
    Located {
        block: Block::Overflow(CodeText::from(text)),
        start,
        end,
        notes: Vec::new(),
        nodes: 1,
        fenced: false,
    }
}

/// The blocks of `source`, which starts where a top-level block may start.
pub(crate) fn parse_part(source: &str, context: &Context) -> Parsed {
    let prepared = prepare(source);
    let mapped: &str = &prepared.text;
    let resolve = |link: BrokenLink<'_>| {
        context
            .definitions
            .get(&label_key(&link.reference))
            .map(|href| (CowStr::from(href.clone()), CowStr::from("")))
    };
    let parser = Parser::new_with_broken_link_callback(mapped, options(), Some(resolve));
    let mut definitions: Vec<(usize, String, String)> = parser
        .reference_definitions()
        .iter()
        .map(|(label, definition)| {
            (
                definition.span.start,
                label_key(label),
                definition.dest.to_string(),
            )
        })
        .collect();
    definitions.sort();
    let mut builder = Builder::new(source, mapped, context);
    let mut blocks = Vec::new();
    let mut used = context.nodes;
    let mut full = false;
    for (event, range) in parser.into_offset_iter() {
        builder.event(event, range);
        let too_many = used + builder.nodes() > MAX_NODES;
        if too_many {
            let start = builder.block_start();
            blocks.push(overflow(&source[start..], start, source.len()));
            full = true;
            break;
        }
        if let Some(located) = builder.take_block() {
            used += located.nodes;
            blocks.push(located);
        }
    }
    Parsed {
        blocks,
        definitions,
        open_from: prepared.open_from,
        full,
    }
}

/// Labels are compared without case and with white space as one space.
pub(crate) fn label_key(label: &str) -> String {
    label
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}
