//! Text in files: which encoding it is in, and back into the same.
//!
//! Owns the guess and the round trip. Bytes that would not come back the same are said, so that nobody edits them.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes that the guess looks at.
const LOOKED_AT: usize = 64 * 1024;

/// Text of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decoded {
    /// Without its byte order mark.
    pub(super) text: String,
    /// How it is written.
    pub(super) written: Written,
    /// Whether encoding it again gives the same bytes.
    pub(super) whole: bool,
}

/// How text is written in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Written {
    encoding: &'static Encoding,
    mark: bool,
}

impl Written {
    /// `UTF-8`, `windows-1252`.
    pub(super) fn name(self) -> &'static str {
        self.encoding.name()
    }

    /// Whether it is what everything expects.
    pub(super) fn is_plain(self) -> bool {
        self.encoding == UTF_8 && !self.mark
    }

    /// The bytes of `text`; the first character that this encoding lacks where there is one.
    pub(super) fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        let mut bytes = Vec::with_capacity(text.len() + 3);
        if self.encoding == UTF_16LE || self.encoding == UTF_16BE {
            // encoding_rs writes UTF-8 in their place, as pages do.
            let order = if self.encoding == UTF_16LE {
                u16::to_le_bytes
            } else {
                u16::to_be_bytes
            };
            let mark = self.mark.then_some(0xFEFF);
            bytes.extend(mark.into_iter().chain(text.encode_utf16()).flat_map(order));
            return Ok(bytes);
        }
        if self.mark {
            bytes.extend(b"\xEF\xBB\xBF");
        }
        let (encoded, _, lacks) = self.encoding.encode(text);
        if lacks {
            let missing = text.chars().find(|character| {
                let mut buffer = [0; 4];
                self.encoding.encode(character.encode_utf8(&mut buffer)).2
            });
            return Err(missing.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        bytes.extend_from_slice(&encoded);
        Ok(bytes)
    }
}

/// The text in `bytes`; `None` where they are no text.
pub(super) fn decode(bytes: &[u8]) -> Option<Decoded> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, length),
        None => (guess(bytes)?, 0),
    };
    let written = Written {
        encoding,
        mark: mark > 0,
    };
    let (text, _) = encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default());
    let text = text.into_owned();
    let whole = written.encode(&text).is_ok_and(|again| again == bytes);
    Some(Decoded {
        text,
        written,
        whole,
    })
}

fn guess(bytes: &[u8]) -> Option<&'static Encoding> {
    if std::str::from_utf8(bytes).is_ok() {
        return (!bytes.contains(&0)).then_some(UTF_8);
    }
    let beginning = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let odd = beginning
        .iter()
        .filter(|byte| matches!(byte, 0..=8 | 0x0E..=0x1A | 0x1C..=0x1F | 0x7F))
        .count();
    // Text in old encodings has no NUL and next to no control characters.
    if beginning.contains(&0) || odd * 50 > beginning.len() {
        return None;
    }
    // One bad byte in UTF-8 of many is a fault in the file, not another encoding.
    let lossy = String::from_utf8_lossy(beginning);
    let bad = lossy.matches(char::REPLACEMENT_CHARACTER).count();
    let good = lossy.chars().filter(|c| !c.is_ascii()).count() - bad;
    if good > bad * 8 {
        return Some(UTF_8);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(beginning, beginning.len() == bytes.len());
    Some(detector.guess(None, Utf8Detection::Deny))
}

#[cfg(test)]
mod tests;
