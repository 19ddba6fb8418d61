//! Text that only grows at its end, in pieces that are shared once they are full. Owns no drawing.

use std::sync::Arc;

/// A piece is closed at the first line's end after this many bytes…
const SOFT: usize = 4 * 1024;
/// …or in the middle of a line, after this many.
const HARD: usize = 8 * 1024;

/// Code, or other long plain text. A clone of an open block costs its last piece, not its length.
///
/// Where the pieces end depends only on the text, so equal texts are equal values however they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeText {
    full: Vec<Arc<str>>,
    last: String,
}

impl CodeText {
    /// Adds to the end.
    pub fn push_str(&mut self, mut text: &str) {
        while !text.is_empty() {
            let room = HARD.saturating_sub(self.last.len());
            let soft_from = SOFT.saturating_sub(self.last.len());
            let line_end = text
                .as_bytes()
                .iter()
                .enumerate()
                .skip(soft_from)
                .take(room.saturating_sub(soft_from))
                .find(|(_, byte)| **byte == b'\n')
                .map(|(at, _)| at + 1);
            let cut = match line_end {
                Some(cut) => cut,
                None if text.len() < room => {
                    self.last.push_str(text);
                    return;
                }
                None => ceil_boundary(text, room),
            };
            let (head, rest) = text.split_at(cut);
            self.last.push_str(head);
            self.full.push(Arc::from(self.last.as_str()));
            self.last.clear();
            text = rest;
        }
    }

    /// The pieces, in order. The full ones never change.
    pub fn pieces(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        self.full
            .iter()
            .cloned()
            .chain((!self.last.is_empty()).then(|| Arc::from(self.last.as_str())))
    }

    /// Bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.full.iter().map(|piece| piece.len()).sum::<usize>() + self.last.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.last.is_empty()
    }

    /// All of it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut all = String::with_capacity(self.len());
        for piece in &self.full {
            all.push_str(piece);
        }
        all.push_str(&self.last);
        all
    }
}

impl From<&str> for CodeText {
    fn from(text: &str) -> Self {
        let mut code = Self::default();
        code.push_str(text);
        code
    }
}

/// The first character boundary at or after `at`.
pub(crate) fn ceil_boundary(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(text.len())
}

/// The last character boundary at or before `at`.
pub(crate) fn floor_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::CodeText;

    #[test]
    fn pieces_depend_on_the_text_alone() {
        for unit in [
            "let a = 1;\n",
            "no line end at all ",
            "漢字のコード\n",
            "\n",
        ] {
            let whole: String = unit.repeat(3_000);
            let mut grown = CodeText::default();
            for character in whole.chars() {
                grown.push_str(character.encode_utf8(&mut [0; 4]));
            }
            let at_once = CodeText::from(whole.as_str());
            assert_eq!(grown, at_once);
            assert_eq!(at_once.to_text(), whole);
            assert_eq!(at_once.len(), whole.len());
        }
    }
}
