//! Makes `\( \)` and `\[ \]` visible to the parser, which knows only dollars. Owns no parsing of formulas.
//!
//! The result has the same length, so every offset of the parser is an offset of the source, and `parse` takes the real
//! characters from there: a wrong guess here (say, inside code) can't change what is shown.

use super::code::floor_boundary;

/// Text for the parser, and how far its blocks may be trusted while more text may come.
pub(crate) struct Prepared<'a> {
    /// As long as the source.
    pub text: std::borrow::Cow<'a, str>,
    /// Where the line of a display formula starts that is still open. Blocks from there on may yet become one paragraph.
    pub open_from: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Round,
    Square,
    Dollars,
}

struct Opening {
    kind: Kind,
    at: usize,
    line: usize,
    first_on_line: bool,
    quoted: bool,
}

/// Longer runs of dollars are never a formula, and the parser's time for them grows with the square of their number.
const MAX_DOLLARS: usize = 2;

/// Bytes before a delimiter that are looked at for an address.
const LOOK_BACK: usize = 200;

/// One pass over the text.
pub(crate) fn prepare(source: &str) -> Prepared<'_> {
    if !source.contains('\\') && !source.contains("$$") {
        return Prepared {
            text: source.into(),
            open_from: None,
        };
    }
    let mut scan = Scan {
        source: source.as_bytes(),
        out: Vec::new(),
        open: None,
        fence: None,
    };
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        scan.line(start, line);
        start += line.len();
    }
    let open_from = scan
        .open
        .take()
        .filter(|open| open.first_on_line && open.kind != Kind::Round)
        .map(|open| open.line);
    scan.break_long_runs();
    let text = match scan.out.is_empty() {
        true => source.into(),
        // Only ASCII bytes were replaced by ASCII bytes.
        false => String::from_utf8(scan.out).map_or_else(|_| source.into(), Into::into),
    };
    Prepared { text, open_from }
}

struct Scan<'a> {
    source: &'a [u8],
    /// Empty until something is replaced.
    out: Vec<u8>,
    open: Option<Opening>,
    /// The character and length that close the block of code we are in.
    fence: Option<(u8, usize, bool)>,
}

impl Scan<'_> {
    /// Puts a harmless character in the place of every dollar of a long run.
    fn break_long_runs(&mut self) {
        let mut at = 0;
        while at < self.source.len() {
            let run = self.source[at..]
                .iter()
                .take_while(|byte| **byte == b'$')
                .count();
            if run > MAX_DOLLARS {
                if self.out.is_empty() {
                    self.out = self.source.to_vec();
                }
                self.out[at..at + run].fill(b'%');
            }
            at += run.max(1);
        }
    }

    fn line(&mut self, start: usize, line: &str) {
        let quoted = line.trim_start().starts_with('>');
        let content = line.trim_start_matches(|c: char| c == '>' || c.is_whitespace());
        let marker = content.bytes().next().unwrap_or(0);
        let run = content.bytes().take_while(|b| *b == marker).count();
        let is_fence = matches!(marker, b'`' | b'~') && run >= 3;
        if let Some((byte, length, in_quote)) = self.fence {
            let closes =
                is_fence && marker == byte && run >= length && content[run..].trim().is_empty();
            if closes || (in_quote && !quoted) {
                self.fence = None;
            }
            if closes || self.fence.is_some() {
                return;
            }
        }
        let listed = content.trim_start_matches(|c: char| {
            matches!(c, '-' | '*' | '+' | ' ') || c.is_ascii_digit() || matches!(c, '.' | ')')
        });
        let listed_run = listed
            .bytes()
            .take_while(|b| matches!(b, b'`' | b'~'))
            .count();
        if is_fence || listed_run >= 3 {
            self.open = None;
            let (marker, run) = if is_fence {
                (marker, run)
            } else {
                (listed.as_bytes()[0], listed_run)
            };
            if marker != b'`'
                || !content
                    .trim_start_matches(|c: char| c != '`')
                    .trim_start_matches('`')
                    .contains('`')
            {
                self.fence = Some((marker, run, quoted));
            }
            return;
        }
        if content.is_empty() {
            self.open = None;
            return;
        }
        if quoted && let Some(open) = &mut self.open {
            open.quoted = true;
        }
        self.delimiters(start, line, quoted);
    }

    fn delimiters(&mut self, start: usize, line: &str, quoted: bool) {
        let bytes = line.as_bytes();
        let mut at = 0;
        while at + 1 < bytes.len() {
            let (kind, opens, closes) = match (bytes[at], bytes[at + 1]) {
                (b'\\', b'(') => (Kind::Round, true, false),
                (b'\\', b')') => (Kind::Round, false, true),
                (b'\\', b'[') => (Kind::Square, true, false),
                (b'\\', b']') => (Kind::Square, false, true),
                (b'$', b'$') => (Kind::Dollars, true, true),
                (b'\\', _) => {
                    at += 2;
                    continue;
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            match self.open.take() {
                Some(open) if closes && open.kind == kind => {
                    self.close(&open, start, at, line);
                }
                None if opens && !in_address(&line[..at]) => {
                    self.open = Some(Opening {
                        kind,
                        at: start + at,
                        line: start,
                        first_on_line: line[..at].trim().is_empty(),
                        quoted,
                    });
                }
                other => self.open = other,
            }
            at += 2;
        }
    }

    fn close(&mut self, open: &Opening, start: usize, at: usize, line: &str) {
        let end = start + at;
        if self.out.is_empty() {
            self.out = self.source.to_vec();
        }
        if open.kind != Kind::Dollars {
            self.out[open.at..open.at + 2].copy_from_slice(b"$$");
            self.out[end..end + 2].copy_from_slice(b"$$");
        }
        // A formula over several lines must not be read as a list or a heading: on one line it can't.
        let alone = open.first_on_line && line[at + 2..].trim().is_empty();
        if open.kind != Kind::Round && open.line != start && alone && !open.quoted {
            for byte in &mut self.out[open.at..end] {
                if matches!(*byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
    }
}

/// Whether what follows belongs to an address, which must stay as it is.
fn in_address(before: &str) -> bool {
    // Looking back without a bound would cost the square of a long line.
    let near = &before[floor_boundary(before, before.len().saturating_sub(LOOK_BACK))..];
    let word = near.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.contains("](") || word.contains("://") || word.contains("]:") || word.starts_with('<')
}
