//! What a search found, and how the model reads it.

use std::io;

use grep_searcher::{Searcher, Sink, SinkContext, SinkFinish, SinkMatch};

use crate::{ToolOutput, plain};

/// Matches that are shown of one file.
const MOST_IN_FILE: usize = 100;
/// Characters of a line.
const MOST_OF_LINE: usize = 500;
/// Bytes of the whole.
const MOST_BYTES: usize = 64 * 1024;

/// Lines of one file.
#[derive(Debug)]
pub(super) struct InFile {
    pub(super) path: String,
    lines: Vec<Line>,
    matches: usize,
    /// Whether there are more than are shown.
    more: bool,
}

#[derive(Debug)]
struct Line {
    number: u64,
    is_match: bool,
    text: String,
}

impl InFile {
    pub(super) fn new(path: String) -> Self {
        Self {
            path,
            lines: Vec::new(),
            matches: 0,
            more: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.matches == 0
    }

    fn push(&mut self, number: Option<u64>, bytes: &[u8], is_match: bool) {
        let beginning = bytes.get(..MOST_OF_LINE * 4).unwrap_or(bytes);
        let text = match std::str::from_utf8(beginning) {
            // In the middle of a line or of a file that is not UTF-8 at all, which is Latin then more often than not.
            Err(error) if error.error_len().is_some() => {
                encoding_rs::WINDOWS_1252
                    .decode_without_bom_handling(beginning)
                    .0
            }
            _ => String::from_utf8_lossy(beginning),
        };
        let text = text.trim_end_matches(['\n', '\r']);
        let text = match text.char_indices().nth(MOST_OF_LINE) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        };
        self.lines.push(Line {
            number: number.unwrap_or(0),
            is_match,
            text,
        });
    }
}

impl Sink for &mut InFile {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        if self.matches == MOST_IN_FILE {
            self.more = true;
            return Ok(false);
        }
        self.matches += 1;
        self.push(found.line_number(), found.bytes(), true);
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, around: &SinkContext<'_>) -> io::Result<bool> {
        self.push(around.line_number(), around.bytes(), false);
        Ok(true)
    }

    fn finish(&mut self, _: &Searcher, end: &SinkFinish) -> io::Result<()> {
        if end.binary_byte_offset().is_some() {
            // No text after all: what came before the first NUL is chance.
            self.lines.clear();
            self.matches = 0;
        }
        Ok(())
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    files: Vec<InFile>,
    matches: usize,
    /// Whether the search ended before it was through.
    pub(super) more: bool,
}

impl Found {
    pub(super) fn add(&mut self, lines: InFile) {
        if !lines.is_empty() {
            self.matches += lines.matches;
            self.files.push(lines);
        }
    }

    pub(super) fn matches(&self) -> usize {
        self.matches
    }

    /// For the model: by path, lines under each.
    pub(super) fn show(&mut self, pattern: &str, place: &str) -> ToolOutput {
        if self.files.is_empty() {
            return ToolOutput::text(
                format!("Nothing fits “{pattern}” in “{place}”."),
                "no matches",
            );
        }
        // Threads find in any order.
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut out = String::new();
        let mut shown = 0;
        'files: for file in &self.files {
            out.push_str(&format!(
                "{}\n",
                plain::for_model(&file.path).replace(['\n', '\r', '\t'], "?")
            ));
            let mut last = None;
            for line in &file.lines {
                if out.len() > MOST_BYTES {
                    break 'files;
                }
                if last.is_some_and(|last| line.number > last + 1)
                    && file.lines.iter().any(|line| !line.is_match)
                {
                    out.push_str("--\n");
                }
                last = Some(line.number);
                let mark = if line.is_match { ':' } else { '-' };
                out.push_str(&format!(
                    "{}{mark}{}\n",
                    line.number,
                    plain::for_model(&line.text)
                ));
                shown += usize::from(line.is_match);
            }
            if file.more {
                out.push_str(&format!(
                    "(only the first {MOST_IN_FILE} matches in this file)\n"
                ));
            }
            out.push('\n');
        }
        let more = self.more || self.files.iter().any(|file| file.more);
        let plus = if more { "+" } else { "" };
        let matches = count(self.matches, plus, "match", "matches");
        let files = count(self.files.len(), plus, "file", "files");
        let cut = if shown < self.matches {
            format!("; {shown} are shown, use a narrower pattern, path or glob")
        } else {
            String::new()
        };
        out.push_str(&format!("({matches} in {files}{cut})\n"));
        ToolOutput::text(out, format!("{matches} in {files}"))
    }
}

fn count(number: usize, plus: &str, one: &str, many: &str) -> String {
    match (number, plus) {
        (1, "") => format!("1 {one}"),
        _ => format!("{number}{plus} {many}"),
    }
}
