//! An open block of code, line by line. Owns the rules of fences; everything else is the parser's.

use super::super::code::CodeText;
use super::super::parse::language;
use super::super::tree::Block;

/// What the new text did.
pub(super) enum Step {
    /// Still open; the block as it is.
    Open(Block),
    /// Closed by the line that ends here.
    Closed(usize),
}

/// A fence that has begun at the top level.
pub(super) struct Fence {
    marker: u8,
    length: usize,
    indent: usize,
    language: String,
    code: CodeText,
    lines: usize,
    /// Where the first line starts that was not taken yet.
    at: usize,
}

impl Fence {
    /// Reads the opening line at `start`; none if it is not complete or not one.
    pub(super) fn open(text: &str, start: usize) -> Option<Self> {
        let (line, next) = complete_line(text, start)?;
        let (indent, marker, length, info) = run(line)?;
        if length < 3 || (marker == b'`' && info.contains('`')) {
            return None;
        }
        Some(Self {
            marker,
            length,
            indent,
            language: language(info),
            code: CodeText::default(),
            lines: 0,
            at: next,
        })
    }

    /// Takes all lines that are complete.
    pub(super) fn step(&mut self, text: &str) -> Step {
        while let Some((line, next)) = complete_line(text, self.at) {
            if self.closes(line) {
                return Step::Closed(next);
            }
            self.push(line);
            self.at = next;
        }
        let partial = &text[self.at..];
        let mut shown = Self {
            language: self.language.clone(),
            code: self.code.clone(),
            ..*self
        };
        let trimmed = partial.trim();
        let may_close = trimmed.bytes().all(|byte| byte == self.marker);
        if !partial.is_empty() && !may_close {
            shown.push(partial);
        }
        Step::Open(Block::Code {
            language: shown.language,
            text: shown.code,
        })
    }

    fn push(&mut self, line: &str) {
        if self.lines > 0 {
            self.code.push_str("\n");
        }
        self.lines += 1;
        let spaces = line
            .bytes()
            .take(self.indent)
            .take_while(|b| *b == b' ')
            .count();
        self.code.push_str(&line[spaces..]);
    }

    fn closes(&self, line: &str) -> bool {
        run(line).is_some_and(|(_, marker, length, rest)| {
            marker == self.marker
                && length >= self.length
                && rest.trim_matches([' ', '\t']).is_empty()
        })
    }
}

/// Indent, character, length and rest of a line that starts with a run of fence characters.
fn run(line: &str) -> Option<(usize, u8, usize, &str)> {
    let indent = line.bytes().take_while(|b| *b == b' ').count();
    let rest = &line[indent..];
    let marker = rest.bytes().next().filter(|b| matches!(b, b'`' | b'~'))?;
    let length = rest.bytes().take_while(|b| *b == marker).count();
    (indent <= 3).then(|| (indent, marker, length, &rest[length..]))
}

/// The line at `start` without its end, and where the next one starts; none while its end has not come.
fn complete_line(text: &str, start: usize) -> Option<(&str, usize)> {
    let rest = text.get(start..)?;
    let end = rest.find(['\n', '\r'])?;
    let after = &rest.as_bytes()[end..];
    let length = match after {
        [b'\r', b'\n', ..] => 2,
        // The line feed may still come.
        [b'\r'] => return None,
        _ => 1,
    };
    Some((&rest[..end], start + end + length))
}
