//! Files that are dragged over a window from another program, and what a file is to a message.

use serde::{Deserialize, Serialize};

use crate::Attachment;

/// What becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FileDrag {
    /// They came over the window. Said once.
    Over,
    /// They left it again, or nothing in them was a file.
    Left,
    /// They were dropped on it. The window can have them read once, for a message.
    Dropped {
        /// Where they are, at least one.
        paths: Vec<String>,
    },
}

/// A file that was given to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum GivenFile {
    /// Goes with the message.
    Image(Attachment),
    /// Goes into the message.
    Text {
        /// File name, for people.
        name: String,
        /// What is in it.
        text: String,
    },
}

impl GivenFile {
    /// Bytes of text that go into a message: some sixteen thousand tokens.
    pub const MOST_TEXT_BYTES: usize = 64 * 1024;

    /// The text in `bytes`, where they are one: UTF-8, without a mark of its byte order, and nothing in it that no text has.
    pub fn text_of(bytes: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
        (!text.contains(odd)).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_can_be_read() {
        let text = |bytes: &[u8]| GivenFile::text_of(bytes);
        assert_eq!(
            text("Grüße,\tAnna\r\n".as_bytes()),
            Some("Grüße,\tAnna\r\n".to_owned())
        );
        assert_eq!(text(b"\xef\xbb\xbfa"), Some("a".to_owned()));
        assert_eq!(text(b""), Some(String::new()));
        assert_eq!(text(b"a\0b"), None);
        assert_eq!(text(b"\xff\xfea\0"), None);
    }
}
