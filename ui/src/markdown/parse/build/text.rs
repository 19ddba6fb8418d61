//! The words of a line: what the source says where the parser saw something else, formulas, and bare addresses.

use std::ops::Range;

use super::super::super::autolink::{Piece, pieces};
use super::super::super::link::{Target, classify};
use super::super::super::math::{count, to_mathml};
use super::super::super::tree::Inline;
use super::super::leaf::link;
use super::Builder;

impl Builder<'_> {
    pub(super) fn math(&mut self, range: &Range<usize>, event_text: &str, display: bool) {
        let original = self.source.get(range.clone()).unwrap_or_default();
        let mapped = self.mapped.get(range.clone()).unwrap_or_default();
        let inner =
            |delimiter: usize| original.get(delimiter..original.len().saturating_sub(delimiter));
        let (display, source) = if !display {
            // `$5-$10` is money: as in pandoc, no digit may follow the closing dollar. And half a `\(` is no dollar at all.
            let is_dollars = original.starts_with('$') && original.ends_with('$');
            if !is_dollars || self.source[range.end..].starts_with(|c: char| c.is_ascii_digit()) {
                let words = self.words(range, original);
                self.text(&words);
                return;
            }
            (false, event_text.to_owned())
        } else {
            let kept = match original == mapped {
                true => Some(event_text),
                false => inner(2),
            };
            match (
                kept,
                original.get(..2),
                original.get(original.len().saturating_sub(2)..),
            ) {
                (Some(kept), Some("\\("), Some("\\)")) => (false, kept.to_owned()),
                (Some(kept), Some("\\["), Some("\\]")) | (Some(kept), Some("$$"), Some("$$")) => {
                    (true, kept.to_owned())
                }
                _ => {
                    let words = self.words(range, original);
                    self.text(&words);
                    return;
                }
            }
        };
        let source = source.trim().to_owned();
        let tree = to_mathml(&source, display);
        self.nodes += tree.as_ref().map_or(0, count);
        self.inline(Inline::Math {
            display,
            source,
            tree,
        });
    }

    /// Words: as `original`, but a delimiter that delimits nothing is an escaped bracket, as it is without formulas.
    pub(super) fn words(&self, range: &Range<usize>, text: &str) -> String {
        let (Some(original), Some(mapped)) = (
            self.source.get(range.clone()),
            self.mapped.get(range.clone()),
        ) else {
            return text.to_owned();
        };
        if original == mapped {
            return text.to_owned();
        }
        let mut words = String::with_capacity(original.len());
        let mut rest = original.char_indices().peekable();
        while let Some((at, character)) = rest.next() {
            let was_delimiter = character == '\\' && mapped.as_bytes().get(at) == Some(&b'$');
            let line_feed_follows =
                character == '\r' && rest.peek().is_some_and(|(_, next)| *next == '\n');
            if !was_delimiter && !line_feed_follows {
                words.push(character);
            }
        }
        words
    }

    /// The event's text, or the source's where `delimiters` changed it.
    pub(super) fn original(&self, range: &Range<usize>, text: &str) -> String {
        match (
            self.source.get(range.clone()),
            self.mapped.get(range.clone()),
        ) {
            (Some(original), Some(mapped)) if original != mapped => original.replace("\r\n", "\n"),
            _ => text.to_owned(),
        }
    }

    pub(super) fn inline_code(&self, range: &Range<usize>, text: &str) -> String {
        match (
            self.source.get(range.clone()),
            self.mapped.get(range.clone()),
        ) {
            (Some(original), Some(mapped)) if original != mapped => {
                let inner = original.trim_matches('`').replace('\n', " ");
                inner
                    .strip_prefix(' ')
                    .and_then(|inner| inner.strip_suffix(' '))
                    .unwrap_or(&inner)
                    .to_owned()
            }
            _ => text.to_owned(),
        }
    }

    /// Bare addresses in words become links.
    pub(super) fn link_bare(&mut self, inlines: Vec<Inline>) -> Vec<Inline> {
        let mut linked = Vec::with_capacity(inlines.len());
        for inline in inlines {
            let Inline::Text(text) = inline else {
                linked.push(inline);
                continue;
            };
            let before = linked.len();
            for piece in pieces(&text) {
                match piece {
                    Piece::Words(words) => linked.push(Inline::Text(words.to_owned())),
                    Piece::Address(address) => {
                        let full = match address.contains("://") {
                            true => address.to_owned(),
                            false => format!("http://{address}"),
                        };
                        let words = vec![Inline::Text(address.to_owned())];
                        match classify(&full) {
                            Target::Refused { .. } => linked.extend(words),
                            target => linked.push(link(target, words)),
                        }
                    }
                }
            }
            self.nodes += (linked.len() - before).saturating_sub(1);
        }
        linked
    }
}
