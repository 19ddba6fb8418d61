//! Lines of a text: a range of them, numbered, bounded.

use crate::{ToolError, ToolOutput};

use super::clean;

/// Lines that are shown at once.
const MOST_LINES: usize = 2000;
/// Bytes that are shown at once.
const MOST_BYTES: usize = 64 * 1024;
/// Characters of a line.
const MOST_OF_LINE: usize = 2000;

/// Lines that are asked for, from 1, both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    start: usize,
    end: Option<usize>,
}

impl Range {
    pub(super) fn new(start: Option<u64>, end: Option<u64>) -> Result<Self, ToolError> {
        let number = |line: u64| usize::try_from(line).unwrap_or(usize::MAX);
        let range = Self {
            start: start.map_or(1, number),
            end: end.map(number),
        };
        if range.start == 0 || range.end == Some(0) {
            return Err(ToolError::BadArguments(
                "Lines are numbered from 1.".to_owned(),
            ));
        }
        if range.end.is_some_and(|end| end < range.start) {
            return Err(ToolError::BadArguments(
                "end_line is before start_line.".to_owned(),
            ));
        }
        Ok(range)
    }

    /// The lines of the range as the model reads them. `note` is about the file, empty for nothing.
    pub(super) fn show(self, shown: &str, text: &str, note: &str) -> Result<ToolOutput, ToolError> {
        let total = text.lines().count();
        if total == 0 {
            return Ok(ToolOutput::text(
                format!("“{shown}” is empty.{}", note_words(note)),
                "empty",
            ));
        }
        if self.start > total {
            return Err(ToolError::BadArguments(format!(
                "“{shown}” has {total} lines; start_line {} is after the last.",
                self.start
            )));
        }
        let end = self.end.unwrap_or(total).min(total);
        let mut out = String::new();
        let mut last = self.start - 1;
        for (at, line) in text.lines().enumerate().take(end).skip(self.start - 1) {
            let line = numbered(at + 1, line);
            if at + 1 - self.start >= MOST_LINES || out.len() + line.len() > MOST_BYTES {
                break;
            }
            out.push_str(&line);
            last = at + 1;
        }
        let mut notes = Vec::new();
        if last < end {
            notes.push(format!(
                "lines {} to {last} of {total}; read on with start_line {}",
                self.start,
                last + 1
            ));
        } else if self.start > 1 || last < total {
            notes.push(format!("lines {} to {last} of {total}", self.start));
        }
        if !note.is_empty() {
            notes.push(note.to_owned());
        }
        if !notes.is_empty() {
            out.push_str(&format!("({})\n", notes.join("; ")));
        }
        let count = last + 1 - self.start;
        let summary = match count {
            1 => "1 line".to_owned(),
            _ if count < total => format!("{count} of {total} lines"),
            _ => format!("{count} lines"),
        };
        Ok(ToolOutput::text(out, summary))
    }
}

fn numbered(number: usize, line: &str) -> String {
    match line.char_indices().nth(MOST_OF_LINE) {
        Some((end, _)) => format!(
            "{number}\t{}… (line cut: it has {} characters)\n",
            clean(line.get(..end).unwrap_or_default()),
            line.chars().count()
        ),
        None => format!("{number}\t{}\n", clean(line)),
    }
}

fn note_words(note: &str) -> String {
    if note.is_empty() {
        String::new()
    } else {
        format!(" ({note})")
    }
}
