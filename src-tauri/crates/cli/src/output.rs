//! Standard output and error. What models and files say never reaches a terminal with control characters in it.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Stdout, Write},
};

use serde::Serialize;

use crate::failure::Failure;

/// Standard output.
pub struct Output {
    to: Stdout,
    terminal: bool,
}

impl Output {
    /// The process's.
    pub fn stdout() -> Self {
        let to = io::stdout();
        Self {
            terminal: to.is_terminal(),
            to,
        }
    }

    /// Text as it comes, at once.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        // A file or a program gets what was said; a terminal would obey it.
        let text = if self.terminal {
            Cow::Owned(clean(text))
        } else {
            Cow::Borrowed(text)
        };
        self.to.write_all(text.as_bytes())?;
        self.to.flush()?;
        Ok(())
    }

    /// A line.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.text(text)?;
        self.text("\n")
    }

    /// A value as one line of JSON.
    pub fn json_line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(value)?;
        self.to.write_all(line.as_bytes())?;
        self.to.write_all(b"\n")?;
        self.to.flush()?;
        Ok(())
    }

    /// A value as readable JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)?;
        self.to.write_all(text.as_bytes())?;
        self.to.write_all(b"\n")?;
        self.to.flush()?;
        Ok(())
    }
}

/// A line on standard error. Where that is closed too there is nobody to tell.
pub fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Without control characters other than line ends and tabs: escape sequences would move the cursor, set the clipboard or worse.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_terminal_gets_no_commands() {
        for (text, expected) in [
            ("plain\ttext\nünï🦀", "plain\ttext\nünï🦀"),
            ("\u{1b}[31mred", "\u{fffd}[31mred"),
            ("\u{1b}]52;c;AAAA\u{7}", "\u{fffd}]52;c;AAAA\u{fffd}"),
            ("over\rwrite", "over\u{fffd}write"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("a\0b\u{8}\u{7f}", "a\u{fffd}b\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(clean(text), expected);
        }
    }
}
