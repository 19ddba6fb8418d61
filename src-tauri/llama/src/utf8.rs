//! Text from the bytes of tokens. A token may end within a character.

/// Holds back the bytes of a character that has not come to its end.
#[derive(Debug, Default)]
pub(crate) struct Utf8Carry {
    held: Vec<u8>,
}

impl Utf8Carry {
    /// The text that is complete with `bytes`. What can become no text is shown as U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::new();
        let mut done = 0;
        for chunk in self.held.utf8_chunks() {
            text.push_str(chunk.valid());
            done += chunk.valid().len();
            let bad = chunk.invalid();
            let is_last = done + bad.len() == self.held.len();
            if bad.is_empty() || is_last && is_beginning(bad) {
                break;
            }
            text.push(char::REPLACEMENT_CHARACTER);
            done += bad.len();
        }
        self.held.drain(..done);
        text
    }

    /// What is held when nothing follows.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// Whether `bytes` are a character's first ones.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Utf8Carry;

    fn pieces<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut carry = Utf8Carry::default();
        let mut texts: Vec<String> = parts.into_iter().map(|part| carry.push(part)).collect();
        texts.push(carry.finish());
        texts
    }

    #[test]
    fn a_character_waits_for_its_last_byte() {
        let crab = "🦀".as_bytes();
        assert_eq!(
            pieces([b"a".as_slice(), &crab[..1], &crab[1..3], &crab[3..], b"b"]),
            ["a", "", "", "🦀", "b", ""]
        );
    }

    #[test]
    fn what_is_no_text_is_shown_and_does_not_wait() {
        assert_eq!(pieces([b"a\xffb".as_slice()]), ["a\u{fffd}b", ""]);
        assert_eq!(
            pieces([b"\xf0\x9f".as_slice(), b"x"]),
            ["", "\u{fffd}x", ""]
        );
    }

    #[test]
    fn an_end_within_a_character_is_shown() {
        assert_eq!(pieces([b"ok \xf0\x9f".as_slice()]), ["ok ", "\u{fffd}"]);
    }

    proptest! {
        #[test]
        fn cuts_do_not_change_the_text(bytes: Vec<u8>, cut in 1_usize..5) {
            let whole = pieces(bytes.chunks(cut)).concat();
            prop_assert_eq!(whole, String::from_utf8_lossy(&bytes));
        }
    }
}
