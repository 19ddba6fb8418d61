//! What a program printed, as text that is safe to show: for people with colours, for the model without.
//!
//! Owns the reading of terminal output: colours and bold, carriage return, backspace and erased lines, so that a progress bar ends
//! as its last state; every other control sequence is dropped, and what nobody would see is written out ([`visible`]). Refuses to own
//! how much output is kept: memory here is a line, time is linear in what comes.
//!
//! A cell is one character, however wide: what overwrites wide characters may leave one more of them than a terminal would.

mod style;
mod unseen;

use nexus_protocol::TerminalSpan;
use vte::{Params, Parser, Perform};

use style::Style;
use unseen::Unseen;
pub use unseen::visible;

/// Cells of a line that can still be overwritten. What is longer is let go of as it is.
const MAX_LINE: usize = 8192;
/// Spans. What comes after that many has no style.
const MAX_SPANS: usize = 10_000;

/// For people: the text in pieces of one style each. Neighbours differ in style.
pub fn spans(bytes: &[u8]) -> Vec<TerminalSpan> {
    let mut reader = Reader::default();
    let mut spans = Spans::default();
    reader.push(bytes, &mut spans);
    reader.finish(&mut spans);
    spans.0
}

/// For the model: the text.
pub fn plain(bytes: &[u8]) -> String {
    let mut cleaner = Cleaner::default();
    let mut text = cleaner.push(bytes);
    text.push_str(&cleaner.finish());
    text
}

/// [`plain`] for a stream that may be cut anywhere, inside a character or a control sequence too. All that it gives is what
/// [`plain`] gives for the whole.
#[derive(Default)]
pub struct Cleaner(Reader);

impl Cleaner {
    /// Takes the next bytes; gives the lines that ended in them. A line that has not ended may yet be overwritten.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut text = String::new();
        self.0.push(bytes, &mut text);
        text
    }

    /// Gives the last line, where it has no end.
    pub fn finish(&mut self) -> String {
        let mut text = String::new();
        self.0.finish(&mut text);
        text
    }
}

/// Takes finished text, character by character.
trait Sink {
    fn take(&mut self, character: char, style: Style);
}

impl Sink for String {
    fn take(&mut self, character: char, _: Style) {
        self.push(character);
    }
}

#[derive(Default)]
struct Spans(Vec<TerminalSpan>);

impl Sink for Spans {
    fn take(&mut self, character: char, style: Style) {
        let style = if self.0.len() < MAX_SPANS {
            style
        } else {
            Style::default()
        };
        match self.0.last_mut() {
            // A line end looks the same in every colour.
            Some(span) if style.is_of(span) || character == '\n' => span.text.push(character),
            _ => self.0.push(style.span(character)),
        }
    }
}

/// Bytes to lines.
#[derive(Default)]
struct Reader {
    parser: Parser,
    line: Line,
    /// The beginning of a character whose end has not come: at most three bytes.
    begun: Vec<u8>,
}

impl Reader {
    fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let joined;
        let bytes = if self.begun.is_empty() {
            bytes
        } else {
            joined = [std::mem::take(&mut self.begun).as_slice(), bytes].concat();
            &joined
        };
        // The parser gets whole characters only: how it reads broken ones would depend on where the stream is cut.
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text(chunk.valid(), sink);
            let broken = chunk.invalid();
            if chunks.peek().is_none() && could_go_on(broken) {
                self.begun = broken.to_vec();
            } else if !broken.is_empty() {
                self.text("\u{fffd}", sink);
            }
        }
    }

    fn finish(&mut self, sink: &mut impl Sink) {
        if !std::mem::take(&mut self.begun).is_empty() {
            self.text("\u{fffd}", sink);
        }
        self.line.release(sink);
    }

    fn text(&mut self, text: &str, sink: &mut impl Sink) {
        for part in text.split_inclusive('\n') {
            let mut performer = Performer {
                line: &mut self.line,
                sink,
            };
            if let Some(line) = part.strip_suffix('\n') {
                self.parser.advance(&mut performer, line.as_bytes());
                // Cancels a control sequence that has no end: it must not swallow the lines that follow.
                self.parser.advance(&mut performer, b"\x18\n");
            } else {
                self.parser.advance(&mut performer, part.as_bytes());
            }
        }
    }
}

/// Whether bytes that are no character may be the beginning of one.
fn could_go_on(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// The line that is being written.
#[derive(Default)]
struct Line {
    cells: Vec<(char, Style)>,
    /// Where the next character goes; at most the number of cells.
    column: usize,
    style: Style,
    unseen: Unseen,
}

impl Line {
    fn write(&mut self, character: char, sink: &mut impl Sink) {
        match self.cells.get_mut(self.column) {
            Some(cell) => *cell = (character, self.style),
            None => {
                if self.cells.len() >= MAX_LINE {
                    self.release(sink);
                }
                self.cells.push((character, self.style));
            }
        }
        self.column += 1;
    }

    fn end(&mut self, sink: &mut impl Sink) {
        self.release(sink);
        sink.take('\n', self.style);
    }

    /// What is unseen depends on its neighbours, so it is looked for when they are final.
    fn release(&mut self, sink: &mut impl Sink) {
        for (character, style) in self.cells.drain(..) {
            if character != '\t' && self.unseen.hides(character) {
                character
                    .escape_unicode()
                    .for_each(|escaped| sink.take(escaped, style));
            } else {
                sink.take(character, style);
            }
        }
        self.column = 0;
    }
}

struct Performer<'a, S> {
    line: &'a mut Line,
    sink: &'a mut S,
}

impl<S: Sink> Perform for Performer<'_, S> {
    fn print(&mut self, character: char) {
        self.line.write(character, self.sink);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            // A line feed, a vertical tab and a form feed are all a new line to a terminal.
            b'\n' | 0x0b | 0x0c => self.line.end(self.sink),
            b'\r' => self.line.column = 0,
            0x08 => self.line.column = self.line.column.saturating_sub(1),
            b'\t' => self.line.write('\t', self.sink),
            // The bell, other character sets, and the end of a sequence show nothing.
            0x07 | 0x0e | 0x0f | 0x18 | 0x1a => {}
            other => self.print(char::from(other)),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        let first = || params.iter().next().and_then(|it| it.first()).copied();
        match action {
            'm' => self.line.style.select(params),
            'K' => match first().unwrap_or(0) {
                0 => self.line.cells.truncate(self.line.column),
                // A terminal would stay in its column. Blanks up to it for four bytes of input would not be linear time, and
                // programs return to the beginning of a line that they erase.
                2 => {
                    self.line.cells.clear();
                    self.line.column = 0;
                }
                _ => {}
            },
            // Some progress bars say “column 1” where others say carriage return.
            'G' => {
                let column = usize::from(first().unwrap_or(1).saturating_sub(1));
                self.line.column = column.min(self.line.cells.len());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
