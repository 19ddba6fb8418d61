//! Text as it may be shown to a model: nothing in it that a reader of the same text would not see.
//!
//! Owns which characters are invisible. Normal scripts pass unchanged, with the joiners that Persian, Hindi and emoji need. What is
//! taken out is flagged in its place, so that the model can tell the user that something was hidden there.

use std::{borrow::Cow, iter::Peekable, str::Chars};

/// Stands for a run of hidden characters.
const FLAG: &str = "[hidden characters removed]";
/// Where a word may be broken: harmless, and too common in text from pages and PDFs to flag each.
const SOFT_HYPHEN: char = '\u{00AD}';

/// `text` without tag characters, bidirectional controls, zero-width characters outside scripts and emoji, and control
/// characters other than newline, carriage return and tab. Each run of them leaves one flag; soft hyphens just go.
pub(crate) fn for_model(text: &str) -> Cow<'_, str> {
    if !Scan::new(text).any(|(_, hidden)| hidden) {
        // Almost all text: no copy then.
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut flagged = false;
    for (character, hidden) in Scan::new(text) {
        if !hidden {
            out.push(character);
            flagged = false;
        } else if character != SOFT_HYPHEN && !flagged {
            out.push_str(FLAG);
            flagged = true;
        }
    }
    Cow::Owned(out)
}

/// The characters of a text, each with whether it is hidden where it stands.
struct Scan<'a> {
    rest: Peekable<Chars<'a>>,
    before: Option<char>,
    /// How many tag characters may still follow: those that spell a flag emoji, such as that of Scotland.
    tags_left: u8,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars().peekable(),
            before: None,
            tags_left: 0,
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = (char, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let character = self.rest.next()?;
        let hidden = if is_region(character) && self.tags_left > 0 {
            self.tags_left -= 1;
            false
        } else {
            // A black flag, five letters or digits of a region and an end: no room for sentences.
            self.tags_left = if character == '\u{1F3F4}' { 7 } else { 0 };
            is_hidden(character, self.before, self.rest.peek().copied())
        };
        self.before = Some(character);
        Some((character, hidden))
    }
}

/// Letters, digits and the end of a flag emoji.
fn is_region(character: char) -> bool {
    matches!(character, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}' | '\u{E007F}')
}

fn is_hidden(character: char, before: Option<char>, after: Option<char>) -> bool {
    let between = |meant: fn(char) -> bool| before.is_some_and(meant) && after.is_some_and(meant);
    match character {
        '\n' | '\r' | '\t' => false,
        // Plain ASCII first: the rest is looked at seldom.
        ' '..='~' => false,
        character if character.is_control() => true,
        // Joiners shape the letters beside them in scripts that are not Latin, and join emoji.
        '\u{200C}' | '\u{200D}' => !between(joins),
        // Where words are written without spaces, this says where one ends.
        '\u{200B}' => !between(unspaced),
        SOFT_HYPHEN | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}'
        | '\u{17B5}' => true,
        '\u{180B}'..='\u{180F}' => !before.is_some_and(|c| ('\u{1800}'..='\u{18AF}').contains(&c)),
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' => true,
        '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' => true,
        // One selector after a visible character chooses how it is drawn; more than one can spell anything.
        '\u{FE00}'..='\u{FE0F}' => !before.is_some_and(|c| !c.is_whitespace() && !selects(c)),
        '\u{E0100}'..='\u{E01EF}' => !before.is_some_and(ideograph),
        '\u{E0000}'..='\u{E0FFF}' => true,
        '\u{FFF9}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' => true,
        _ => false,
    }
}

/// Scripts without spaces between words: Thai, Lao, Myanmar, Khmer.
fn unspaced(character: char) -> bool {
    matches!(character, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}')
}

fn ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

fn selects(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether a joiner beside it has a meaning: letters and signs of scripts that join, emoji and their selectors.
fn joins(character: char) -> bool {
    matches!(character,
        '\u{0590}'..='\u{1CFF}' // Hebrew to Vedic, all of South and South East Asia
        | '\u{2190}'..='\u{2BFF}' // arrows, signs, dingbats: older emoji
        | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{A840}'..='\u{ABFF}'
        | '\u{FB1D}'..='\u{FDFF}' | '\u{FE0F}' | '\u{FE70}'..='\u{FEFC}'
        | '\u{10800}'..='\u{11FFF}' | '\u{1E000}'..='\u{1E95F}'
        | '\u{1F000}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests;
