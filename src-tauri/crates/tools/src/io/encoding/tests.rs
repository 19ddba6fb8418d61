//! Encodings come back as they were.

use proptest::prelude::*;

use super::decode;

#[test]
fn encodings_are_told_apart() {
    let mut utf16 = vec![0xFF, 0xFE];
    utf16.extend("Grüße".encode_utf16().flat_map(u16::to_le_bytes));
    let mut big = vec![0xFE, 0xFF];
    big.extend("Grüße".encode_utf16().flat_map(u16::to_be_bytes));
    let found: Vec<_> = [
        "Grüße".as_bytes(),
        b"\xEF\xBB\xBFGr\xC3\xBC\xC3\x9Fe",
        &utf16,
        &big,
        b"Sch\xF6ne Gr\xFC\xDFe aus M\xFCnchen, es geht uns gut.",
        "bad byte in a long text of many ümläüts ö ä ü ö ä ü ö ä\n"
            .bytes()
            .chain([0xFF])
            .collect::<Vec<_>>()
            .as_slice(),
        b"\x00\x01\x02",
        b"\x7fELF\x02\x01",
        b"",
    ]
    .into_iter()
    .map(|bytes| decode(bytes).map(|it| (it.text, it.written.name(), it.whole)))
    .collect();
    insta::assert_debug_snapshot!(found);
}

#[test]
fn what_an_encoding_lacks_is_named() {
    let latin = decode(b"Sch\xF6ne Gr\xFC\xDFe aus M\xFCnchen").unwrap();
    assert_eq!(latin.written.encode("für 日本"), Err('日'));
    assert_eq!(latin.written.encode("für €"), Ok(b"f\xFCr \x80".to_vec()));
}

proptest! {
    #[test]
    fn whole_text_gives_its_bytes_again(bytes in any::<Vec<u8>>()) {
        if let Some(decoded) = decode(&bytes) && decoded.whole {
            prop_assert_eq!(decoded.written.encode(&decoded.text), Ok(bytes));
        }
    }

    #[test]
    fn utf8_is_utf8(text in "[^\u{0}\u{FEFF}]{0,80}") {
        let decoded = decode(text.as_bytes()).unwrap();
        prop_assert!(decoded.whole && decoded.written.is_plain());
        prop_assert_eq!(decoded.text, text);
    }
}
