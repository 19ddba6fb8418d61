//! Finds bare web addresses in text. Pure; decides nothing about them, `link` does.

/// Text, cut into words and addresses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Not an address.
    Words(&'a str),
    /// An address as it stands in the text; `www.` has no scheme.
    Address(&'a str),
}

const STARTS: [&str; 3] = ["https://", "http://", "www."];

/// Cuts text at bare addresses, as GitHub's Markdown does: `http://`, `https://` and `www.` at the start of a word, without
/// the punctuation that ends a sentence and without a closing bracket that was never opened. One pass over the text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut words_from = 0;
    let mut at = 0;
    while let Some(start) = next_start(text, at) {
        let end = address_end(text, start);
        let address = &text[start..end];
        let prefix = STARTS
            .iter()
            .find(|prefix| starts_with(address, prefix))
            .map_or(0, |prefix| prefix.len());
        if address.len() > prefix && address[prefix..].contains(|c: char| c.is_alphanumeric()) {
            if words_from < start {
                found.push(Piece::Words(&text[words_from..start]));
            }
            found.push(Piece::Address(address));
            words_from = end;
        }
        at = end.max(start + prefix.max(1));
    }
    if words_from < text.len() {
        found.push(Piece::Words(&text[words_from..]));
    }
    found
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.as_bytes()
        .get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Where the next address may begin: a known start that does not follow a letter or a digit.
fn next_start(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|&at| {
        matches!(bytes[at], b'h' | b'H' | b'w' | b'W')
            && text.is_char_boundary(at)
            && STARTS.iter().any(|prefix| starts_with(&text[at..], prefix))
            && !text[..at]
                .chars()
                .next_back()
                .is_some_and(|c| c.is_alphanumeric() || c == '/' || c == '@')
    })
}

fn address_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let run = rest
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'))
        .unwrap_or(rest.len());
    let mut end = run;
    let opened = rest[..run].matches('(').count();
    let mut closed = rest[..run].matches(')').count();
    while let Some(last) = rest[..end].chars().next_back() {
        let drop = match last {
            ')' if closed > opened => {
                closed -= 1;
                true
            }
            '?' | '!' | '.' | ',' | ':' | ';' | '*' | '_' | '~' | '\'' | ']' | '}' | '|' | '。'
            | '，' | '）' | '、' => true,
            _ => false,
        };
        if !drop {
            break;
        }
        end -= last.len_utf8();
    }
    start + end
}

#[cfg(test)]
mod tests {
    use super::{Piece::*, pieces};

    #[test]
    fn finds_addresses_as_a_reader_would() {
        assert_eq!(
            pieces("See https://a.example/x_(y), (www.b.example). Not xhttp://c or http:// alone."),
            vec![
                Words("See "),
                Address("https://a.example/x_(y)"),
                Words(", ("),
                Address("www.b.example"),
                Words("). Not xhttp://c or http:// alone."),
            ]
        );
        assert_eq!(pieces("plain"), vec![Words("plain")]);
        assert_eq!(pieces(""), vec![]);
        assert_eq!(pieces("HTTP://A"), vec![Address("HTTP://A")]);
    }

    #[test]
    fn is_linear() {
        let text = "http://".repeat(150_000) + &")".repeat(10_000);
        let from = std::time::Instant::now();
        let _ = pieces(&text);
        assert!(from.elapsed().as_millis() < 500);
    }
}
