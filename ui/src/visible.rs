//! Text that must not deceive: what would reorder, hide or fake other characters is written out.
//!
//! For what the user approves: the exact command, paths, hosts, the model's words. Refuses to judge look-alike letters.

/// A piece of text; `true` marks one that stands for a character that cannot be shown.
pub type Piece = (bool, String);

/// Splits a text at characters that are not what they seem, each written as `U+202E`. Newlines and tabs stay.
pub fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for letter in text.chars() {
        if deceives(letter) {
            pieces.push((true, format!("U+{:04X}", u32::from(letter))));
            continue;
        }
        match pieces.last_mut() {
            Some((false, plain)) => plain.push(letter),
            _ => pieces.push((false, letter.to_string())),
        }
    }
    pieces
}

/// The same as one text, for titles and labels: `⟨U+202E⟩`.
pub fn plain(text: &str) -> String {
    pieces(text)
        .into_iter()
        .map(|(escaped, piece)| {
            if escaped {
                format!("⟨{piece}⟩")
            } else {
                piece
            }
        })
        .collect()
}

/// Control characters, what turns the direction of text, what takes no room, and blanks that look like a space.
fn deceives(letter: char) -> bool {
    if letter == '\n' || letter == '\t' {
        return false;
    }
    letter.is_control()
        || matches!(u32::from(letter),
            0x00A0 | 0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x1680 | 0x17B4 | 0x17B5
            | 0x180B..=0x180F | 0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x206F | 0x2800
            | 0x3000 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFC
            | 0x1D159 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// The first part of a long text, and how many lines there are in all; `None` where it is short enough to be shown whole.
pub fn fold(text: &str, lines: usize, characters: usize) -> Option<(&str, usize)> {
    let by_lines = text
        .match_indices('\n')
        .nth(lines.saturating_sub(1))
        .map(|(at, _)| at)
        // A newline at the very end begins no further line.
        .filter(|at| at + 1 < text.len());
    let by_characters = text.char_indices().nth(characters).map(|(at, _)| at);
    let cut = match (by_lines, by_characters) {
        (Some(a), Some(b)) => a.min(b),
        (Some(at), None) | (None, Some(at)) => at,
        (None, None) => return None,
    };
    Some((text.get(..cut).unwrap_or(text), text.lines().count()))
}

/// The last lines of a growing text: what a program prints now.
pub fn tail(text: &str, lines: usize, characters: usize) -> &str {
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let by_lines = whole
        .rmatch_indices('\n')
        .nth(lines.saturating_sub(1))
        .map_or(0, |(at, _)| at + 1);
    let by_characters = whole
        .char_indices()
        .rev()
        .nth(characters.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    whole.get(by_lines.max(by_characters)..).unwrap_or(whole)
}

/// The end of a long path, whole parts only: `…/Documents/sales`.
pub fn short_path(path: &str, longest: usize) -> String {
    if path.chars().count() <= longest {
        return path.to_owned();
    }
    let separator = if path.contains('/') { '/' } else { '\\' };
    let mut end = String::new();
    for part in path.rsplit(separator).filter(|part| !part.is_empty()) {
        if !end.is_empty() && part.chars().count() + end.chars().count() + 3 > longest {
            break;
        }
        end = if end.is_empty() {
            part.to_owned()
        } else {
            format!("{part}{separator}{end}")
        };
    }
    format!("…{separator}{end}")
}

/// The last part of a path: how a folder is called.
pub fn file_name(path: &str) -> &str {
    let name = path
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    if name.is_empty() { path } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_deceives_is_written_out() {
        assert_eq!(
            pieces("rm \u{202e}gpj.x\r\n\tok"),
            [
                (false, "rm ".to_owned()),
                (true, "U+202E".to_owned()),
                (false, "gpj.x".to_owned()),
                (true, "U+000D".to_owned()),
                (false, "\n\tok".to_owned()),
            ]
        );
        assert_eq!(plain("a\u{200b}b\u{1b}[0m"), "a⟨U+200B⟩b⟨U+001B⟩[0m");
        assert_eq!(plain("größe 日本 🦀"), "größe 日本 🦀");
    }

    #[test]
    fn long_text_is_folded_and_says_how_long_it_is() {
        assert_eq!(fold("a\nb\n", 2, 100), None);
        assert_eq!(fold("a\nb\nc", 2, 100), Some(("a\nb", 3)));
        assert_eq!(fold("ééééé", 2, 3), Some(("ééé", 1)));
    }

    #[test]
    fn the_end_of_output_is_shown() {
        assert_eq!(tail("a\nb\nc\n", 2, 100), "b\nc");
        assert_eq!(tail("a\nb", 5, 100), "a\nb");
        assert_eq!(tail("ééééé", 5, 2), "éé");
        assert_eq!(tail("", 5, 2), "");
    }

    #[test]
    fn paths_keep_their_end() {
        assert_eq!(short_path("/home/a/b", 20), "/home/a/b");
        assert_eq!(
            short_path("/home/ada/Documents/sales", 18),
            "…/Documents/sales"
        );
        assert_eq!(short_path("C:\\Users\\Ada\\sales", 10), "…\\sales");
        assert_eq!(file_name("/home/ada/sales/"), "sales");
        assert_eq!(file_name("C:\\data"), "data");
        assert_eq!(file_name("/"), "/");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_turns_the_text(text in any::<String>()) {
            let shown = plain(&text);
            prop_assert!(!shown.chars().any(deceives));
            let kept: String = pieces(&text).into_iter().filter(|(e, _)| !e).map(|(_, p)| p).collect();
            let expected: String = text.chars().filter(|c| !deceives(*c)).collect();
            prop_assert_eq!(kept, expected);
            // Cutting never panics and gives parts of the text.
            if let Some((head, _)) = fold(&text, 3, 10) {
                prop_assert!(text.starts_with(head));
            }
            prop_assert!(text.contains(tail(&text, 3, 10)));
        }
    }
}
