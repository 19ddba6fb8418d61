//! Characters that nobody sees, or that change how others are seen.
//!
//! Owns which they are. Scripts need some of them: a joiner inside an Arabic or Hindi word or a family of emoji stays, the same one
//! between Latin letters, or twice in a row, is a trick and is written out.

use std::borrow::Cow;

/// The text with all that is not seen written out, such as `\u{202e}`. Newline and tab stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    let mut unseen = Unseen::default();
    let hidden = |character: char, unseen: &mut Unseen| {
        !matches!(character, '\n' | '\t') && unseen.hides(character)
    };
    if !text.chars().any(|character| hidden(character, &mut unseen)) {
        return Cow::Borrowed(text);
    }
    unseen = Unseen::default();
    let mut shown = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if hidden(character, &mut unseen) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Reads a text from its beginning.
#[derive(Default)]
pub(super) struct Unseen {
    last: Last,
}

/// What was read last, as far as it says what may follow.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    /// Nothing yet, or a space or sign of ASCII.
    #[default]
    Sign,
    /// A letter or digit of ASCII, which nothing has to be joined to.
    Latin,
    /// Any other character that is seen.
    Other,
    /// A variation selector after one of those.
    Selector,
    /// Anything unseen.
    Unseen,
}

impl Unseen {
    /// Whether the next character is to be written out.
    pub(super) fn hides(&mut self, character: char) -> bool {
        let last = std::mem::replace(&mut self.last, Last::Unseen);
        match character {
            // Joiners, for scripts and emoji that need them.
            '\u{200c}' | '\u{200d}' => !matches!(last, Last::Other | Last::Selector),
            // Direction marks, which texts of both directions have beside signs and spaces.
            '\u{200e}' | '\u{200f}' | '\u{061c}' => !matches!(last, Last::Sign | Last::Other),
            // What makes a sign an emoji; a digit becomes a key by it.
            '\u{fe0e}' | '\u{fe0f}' if matches!(last, Last::Sign | Last::Latin) => false,
            '\u{fe00}'..='\u{fe0f}' => {
                self.last = Last::Selector;
                last != Last::Other
            }
            // Bidirectional embeddings, overrides and isolates.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            // No width at all, or a blank that is a letter.
            '\u{00ad}'
            | '\u{034f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' => true,
            // Line ends that no terminal knows, tags, and selectors that hide bytes.
            '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e0fff}' => true,
            character if character.is_control() => true,
            character => {
                self.last = match character {
                    'a'..='z' | 'A'..='Z' | '0'..='9' => Last::Latin,
                    character if character.is_ascii() => Last::Sign,
                    _ => Last::Other,
                };
                false
            }
        }
    }
}
