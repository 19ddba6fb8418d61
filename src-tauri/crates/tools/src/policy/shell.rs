//! What a shell line would run, as far as its text tells.
//!
//! Owns the reading of a line into plain commands, and the refusal to read anything else. Only words, quotes, `;`, `&&`,
//! `||`, `|`, line ends and redirections are read; whatever a shell would work out later (variables, substitutions,
//! patterns, functions, jobs) makes a line opaque. Refuses to judge what it read.
//!
//! Not a grammar of the shell: the common one in C crashes on random input, and lines come from models. What is read here
//! is held against bash itself by a test.

mod reader;

use reader::Reader;

/// Bytes of a line that is looked at. A longer one is opaque.
const MAX_LINE: usize = 16 * 1024;

/// A line for a shell of Bourne's family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellLine {
    /// The commands that were found, in order. All there is only where `opaque` is none; else a good guess, nested ones
    /// among them, to look for what is forbidden.
    pub commands: Vec<PlainCommand>,
    /// Why the text does not tell all; for people.
    pub opaque: Option<&'static str>,
}

/// A command whose words the shell does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainCommand {
    /// Its name and arguments, quotes taken off.
    pub argv: Vec<String>,
    /// Files that its output goes to.
    pub writes: Vec<String>,
    /// Files that its input comes from.
    pub reads: Vec<String>,
}

impl ShellLine {
    /// Reads a line.
    pub fn read(text: &str) -> Self {
        let why = if text.len() > MAX_LINE {
            Some("it is very long")
        } else if text.chars().any(is_trick) {
            Some("it holds invisible or control characters")
        } else {
            None
        };
        // Read all the same: what is forbidden must not hide behind what makes a line opaque.
        let end = text.floor_char_boundary(text.len().min(MAX_LINE));
        let mut line = Reader::new(text.get(..end).unwrap_or_default()).read();
        if why.is_some() {
            line.opaque = why;
        }
        line
    }
}

/// Characters that show one thing and are another: controls but for tab and newline, what reverses the direction of text,
/// what cannot be seen, and blanks that are none to a shell.
pub(super) fn is_trick(character: char) -> bool {
    match character {
        '\t' | '\n' | ' ' => false,
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control() || other.is_whitespace(),
    }
}

/// Whether a word means something to the shell itself where a command begins.
pub(super) fn is_reserved(word: &str) -> bool {
    reader::RESERVED.contains(&word)
}
