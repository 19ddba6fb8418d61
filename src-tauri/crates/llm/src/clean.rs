//! What may be shown of a provider's words.
//!
//! Owns: taking keys, control characters and length out of text that came from elsewhere. Refuses to own: deciding what it means.

use secrecy::{ExposeSecret, SecretString};

/// Characters of a provider's message that are kept.
const MESSAGE_CHARS: usize = 300;
/// A piece of the key this long is taken out wherever it stands: providers quote keys in part.
const KEY_PIECE: usize = 8;

/// Cleans the messages of one provider.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {
    key: Option<SecretString>,
}

impl Cleaner {
    /// For a provider that is called with this key.
    pub fn new(key: Option<SecretString>) -> Self {
        Self { key }
    }

    /// One line of at most 300 characters without control characters and without the key.
    pub fn message(&self, text: &str) -> String {
        // Bounded before the search for the key, with room for what the search takes out.
        let bounded: String = text.chars().take(16 * MESSAGE_CHARS).collect();
        let visible: String = bounded
            .chars()
            .filter(|c| c.is_whitespace() || !is_invisible(*c))
            .collect();
        let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = match &self.key {
            Some(key) => without_key(&line, key.expose_secret().trim()),
            None => line,
        };
        if line.chars().count() <= MESSAGE_CHARS {
            return line;
        }
        line.chars().take(MESSAGE_CHARS - 1).chain(['…']).collect()
    }
}

/// Control characters, and those that reorder or hide text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

fn without_key(line: &str, key: &str) -> String {
    let key: Vec<char> = key.chars().collect();
    if key.is_empty() {
        return line.to_owned();
    }
    let piece = KEY_PIECE.min(key.len());
    let text: Vec<char> = line.chars().collect();
    let mut kept = String::with_capacity(line.len());
    let mut at = 0;
    while let Some(c) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let common = (0..key.len())
            .map(|from| {
                rest.iter()
                    .zip(key.get(from..).unwrap_or_default())
                    .take_while(|(a, b)| a == b)
                    .count()
            })
            .max()
            .unwrap_or(0);
        if common >= piece {
            kept.push_str("[key]");
            at += common;
        } else {
            kept.push(*c);
            at += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaner() -> Cleaner {
        Cleaner::new(Some(SecretString::from("sk-or-v1-canary0123456789")))
    }

    #[test]
    fn the_key_is_taken_out_whole_and_in_pieces() {
        assert_eq!(
            cleaner().message(
                "bad sk-or-v1-canary0123456789, starts sk-or-v1-canary…, ends nary0123456789."
            ),
            "bad [key], starts [key]…, ends [key]."
        );
    }

    #[test]
    fn a_key_cut_by_the_length_limit_does_not_leak_its_start() {
        let long = format!("{} sk-or-v1-canary0123456789", "x".repeat(290));
        let clean = cleaner().message(&long);
        assert_eq!(clean, format!("{} [key]", "x".repeat(290)));
    }

    #[test]
    fn controls_and_line_breaks_go_and_length_is_bounded() {
        assert_eq!(
            cleaner().message("a\u{1b}[31m\r\n\tb\u{0}\u{202e}c"),
            "a[31m bc"
        );
        let long = cleaner().message(&"ä".repeat(5000));
        assert_eq!(long, format!("{}…", "ä".repeat(299)));
    }
}
