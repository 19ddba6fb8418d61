//! Where a JSON object or list in a stream of text ends. Follows brackets and strings only: whether it is right, a parser
//! tells once it is whole.

/// Reads bytes once each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    /// Closing brackets that are due, the next one last.
    due: Vec<char>,
    in_string: bool,
    escaped: bool,
    /// Bytes read.
    read: usize,
}

impl Span {
    /// Takes the text so far, of which this has read the beginning. Gives the number of bytes up to and with the closing
    /// bracket once it is there.
    pub(crate) fn end(&mut self, text: &str) -> Option<usize> {
        let from = self.read;
        for (at, letter) in text[from..].char_indices() {
            self.read = from + at + letter.len_utf8();
            if self.take(letter) {
                return Some(self.read);
            }
        }
        None
    }

    /// Whether this letter ends it.
    fn take(&mut self, letter: char) -> bool {
        match letter {
            _ if self.escaped => self.escaped = false,
            '\\' if self.in_string => self.escaped = true,
            '"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            '{' => self.due.push('}'),
            '[' => self.due.push(']'),
            // A bracket of the wrong kind closes too: the parser will say so.
            '}' | ']' => {
                self.due.pop();
                return self.due.is_empty();
            }
            _ => {}
        }
        false
    }

    /// The brackets that are missing at the end; `None` within a string, for what is missing there is not known.
    pub(crate) fn missing(&self) -> Option<String> {
        (!self.in_string).then(|| self.due.iter().rev().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_its_own_bracket() {
        let text = r#"{"a": "}\"]", "b": [{}]} and on"#;
        let mut span = Span::default();
        assert_eq!(span.end(text), Some(24));
        let mut span = Span::default();
        let cuts = (1..=text.len()).find_map(|cut| span.end(&text[..cut]));
        assert_eq!(cuts, Some(24));
    }

    #[test]
    fn what_is_missing_is_known_but_within_a_string() {
        let missing = |text: &str| {
            let mut span = Span::default();
            assert_eq!(span.end(text), None);
            span.missing()
        };
        assert_eq!(missing(r#"{"a": [{"b": 1"#), Some("}]}".to_owned()));
        assert_eq!(missing(r#"{"a": "b"#), None);
    }
}
