//! Single pieces of the tree from single pieces of the parser's events. Pure.

use pulldown_cmark::{Alignment, HeadingLevel};

use super::super::link::{Target, claimed_host, same_host};
use super::super::tree::{CellAlign, Inline, plain_text};

pub(super) fn link(target: Target, content: Vec<Inline>) -> Inline {
    let (href, host) = match target {
        Target::Web { href, host } => (href, host),
        Target::Mail { href, address } => (href, address),
        Target::Refused { shown } => return Inline::RefusedLink { content, shown },
    };
    let mut words = String::new();
    plain_text(&content, &mut words);
    let deceptive = !host.is_ascii()
        || words.trim().is_empty()
        || claimed_host(&words).is_some_and(|claimed| !same_host(&claimed, &host));
    Inline::Link {
        href,
        host,
        deceptive,
        content,
    }
}

pub(super) fn image(target: Target, content: &[Inline]) -> Inline {
    let mut alt = String::new();
    plain_text(content, &mut alt);
    match target {
        Target::Web { href, host } => Inline::Image {
            alt,
            href: Some(href),
            host,
        },
        Target::Mail { address, .. } => Inline::Image {
            alt,
            href: None,
            host: address,
        },
        Target::Refused { shown } => Inline::Image {
            alt,
            href: None,
            host: shown,
        },
    }
}

/// The first word of an info string, as a name and nothing else.
pub(crate) fn language(info: &str) -> String {
    info.split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}'))
        .find(|word| !word.is_empty())
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.' | '/'))
        .take(40)
        .collect()
}

pub(super) fn heading_level(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

pub(super) fn cell_align(align: Alignment) -> CellAlign {
    match align {
        Alignment::None => CellAlign::Start,
        Alignment::Left => CellAlign::Left,
        Alignment::Center => CellAlign::Center,
        Alignment::Right => CellAlign::Right,
    }
}
