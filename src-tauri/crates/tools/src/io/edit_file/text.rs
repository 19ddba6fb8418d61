//! A text whose lines are compared with `\n` at their ends, whatever they end in.

use std::ops::Range;

/// A text with `\n` line ends that remembers which of them are `\r\n`.
#[derive(Debug)]
pub(super) struct EditedText {
    text: String,
    /// Where the newlines are that were `\r\n`, in order.
    crlf: Vec<usize>,
}

impl EditedText {
    pub(super) fn new(original: String) -> Self {
        if !original.contains("\r\n") {
            return Self {
                text: original,
                crlf: Vec::new(),
            };
        }
        let mut text = String::with_capacity(original.len());
        let mut crlf = Vec::new();
        let mut parts = original.split("\r\n").peekable();
        while let Some(part) = parts.next() {
            text.push_str(part);
            if parts.peek().is_some() {
                crlf.push(text.len());
                text.push('\n');
            }
        }
        Self { text, crlf }
    }

    /// With `\n` line ends.
    pub(super) fn lines(&self) -> &str {
        &self.text
    }

    /// With the line ends that it had.
    pub(super) fn into_original(self) -> String {
        let mut out = String::with_capacity(self.text.len() + self.crlf.len());
        let mut from = 0;
        for at in self.crlf {
            out.push_str(self.text.get(from..at).unwrap_or_default());
            out.push_str("\r\n");
            from = at + 1;
        }
        out.push_str(self.text.get(from..).unwrap_or_default());
        out
    }

    /// Puts `new` in place of a range. What both begin or end with is left alone, so that lines within the range that do not change
    /// keep their line ends too. New lines end as those around them do.
    pub(super) fn replace(&mut self, range: Range<usize>, new: &str) {
        let old = self.text.get(range.clone()).unwrap_or_default();
        let front = common(old.chars(), new.chars());
        let behind = common(
            old.get(front..).unwrap_or_default().chars().rev(),
            new.get(front..).unwrap_or_default().chars().rev(),
        );
        let start = range.start + front;
        let end = range.end - behind;
        let new = new.get(front..new.len() - behind).unwrap_or_default();
        let windows = self.ends_in_crlf(start, end);

        let before = self.crlf.partition_point(|at| *at < start);
        let after = self.crlf.partition_point(|at| *at < end);
        let tail = self.crlf.split_off(after);
        self.crlf.truncate(before);
        if windows {
            let newlines = new.match_indices('\n').map(|(at, _)| start + at);
            self.crlf.extend(newlines);
        }
        let moved = tail.into_iter().map(|at| at - end + start + new.len());
        self.crlf.extend(moved);
        self.text.replace_range(start..end, new);
    }

    /// How the first line end in the range is written; that of the line before or after where the range has none.
    fn ends_in_crlf(&self, start: usize, end: usize) -> bool {
        let newline_in = self.text.get(start..end).and_then(|text| text.find('\n'));
        let newline = newline_in
            .map(|at| start + at)
            .or_else(|| self.text.get(..start)?.rfind('\n'))
            .or_else(|| Some(end + self.text.get(end..)?.find('\n')?));
        newline.is_some_and(|at| self.crlf.binary_search(&at).is_ok())
    }
}

/// Bytes that two texts begin with.
fn common(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    a.zip(b)
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum()
}
