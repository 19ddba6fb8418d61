//! However a file is read, the same is found.

use std::{fs, io::Read as _};

use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, SearcherBuilder};

use super::{InFile, Lines, WHOLE, fill};

fn lines() -> Lines {
    let mut searcher = SearcherBuilder::new();
    searcher
        .line_number(true)
        .binary_detection(BinaryDetection::quit(0));
    Lines::new(&searcher, &RegexMatcher::new("needle").unwrap())
}

/// What is found in `content` where its size is said to be `bytes`.
fn found(lines: &mut Lines, content: &[u8], bytes: u64) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, content).unwrap();
    let mut found = InFile::new(String::new());
    let file = fs::File::open(&path).unwrap();
    lines.find(&file, bytes, &mut found).unwrap();
    format!("{found:?}")
}

#[test]
fn size_makes_no_difference() {
    let mut lines = lines();
    let line = "hay hay hay hay\n";
    for size in [0, 100, WHOLE - 1, WHOLE, WHOLE + 1, 3 * WHOLE] {
        let mut content = line.repeat(size / line.len()).into_bytes();
        content.extend_from_slice(b"needle\nhay\nneedle");
        for end in [b"".as_slice(), b"\0", b"\nneedle \xff\n"] {
            let content = [content.as_slice(), end].concat();
            let length = content.len() as u64;
            let streamed = found(&mut lines, &content, u64::MAX);
            // As it is, having grown, having shrunk.
            for bytes in [length, 0, length + 7] {
                assert_eq!(
                    found(&mut lines, &content, bytes),
                    streamed,
                    "{size} {bytes}"
                );
            }
            assert_eq!(streamed.contains("needle"), end != b"\0", "{size}");
        }
    }
}

#[test]
fn two_byte_text_is_read_as_text() {
    let mut lines = lines();
    let content: Vec<u8> = "\u{feff}a needle\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(found(&mut lines, &content, content.len() as u64).contains("a needle"));
}

#[test]
fn what_comes_in_small_pieces_is_read_to_its_end() {
    let pieces = b"one ".chain(b"two ".as_slice()).chain(b"three".as_slice());
    let mut buffer = [0; 20];
    assert_eq!(fill(pieces, &mut buffer, 13).unwrap(), 13);
    assert_eq!(&buffer[..13], b"one two three");
    assert_eq!(fill(&[7; 30][..], &mut buffer, 13).unwrap(), 20);
}
