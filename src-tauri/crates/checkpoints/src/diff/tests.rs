//! Diffs of all kinds of contents, within their bounds.

use super::*;

fn shown(diff: &FileDiff) -> String {
    let mut text = format!("+{} -{} [{}]\n", diff.added, diff.removed, diff.note);
    for hunk in &diff.hunks {
        text += "@@\n";
        for line in &hunk.lines {
            let sign = match (line.old, line.new) {
                (Some(_), Some(_)) => ' ',
                (Some(_), None) => '-',
                _ => '+',
            };
            let number = line.new.or(line.old).unwrap_or_default();
            text += &format!("{sign}{number} {}\n", line.text);
        }
    }
    text
}

fn diff(old: &str, new: &str) -> String {
    shown(&file_diff("f", Some(old.as_bytes()), Some(new.as_bytes())))
}

#[test]
fn three_lines_around_each_change() {
    let old: String = (1..=30).map(|number| format!("{number}\n")).collect();
    let new = old.replace("\n10\n", "\nten\n").replace("\n25\n", "\n");
    assert_eq!(
        diff(&old, &new),
        "+1 -2 []\n@@\n 7 7\n 8 8\n 9 9\n-10 10\n+10 ten\n 11 11\n 12 12\n 13 13\n\
         @@\n 22 22\n 23 23\n 24 24\n-25 25\n 25 26\n 26 27\n 27 28\n"
    );
}

#[test]
fn files_that_come_and_go() {
    let new = file_diff("f", None, Some(b"one\n"));
    assert_eq!(shown(&new), "+1 -0 [new file]\n@@\n+1 one\n");
    let gone = file_diff("f", Some(b"one\n"), None);
    assert_eq!(shown(&gone), "+0 -1 [deleted]\n@@\n-1 one\n");
    assert_eq!(
        shown(&file_diff("f", None, Some(b""))),
        "+0 -0 [new file]\n"
    );
    assert_eq!(shown(&file_diff("f", None, None)), "+0 -0 []\n");
}

#[test]
fn what_is_no_text_is_noted() {
    let binary = file_diff("f", Some(b"\0\x01"), Some(b"text\n"));
    assert_eq!(shown(&binary), "+0 -0 [binary]\n");
    let latin = file_diff("f", Some(b"\xe4\n"), Some(b"\xf6\n"));
    assert_eq!(shown(&latin), "+0 -0 [binary]\n");
    let large = vec![b'a'; 9 << 20];
    let large = file_diff("f", None, Some(&large));
    assert_eq!(shown(&large), "+0 -0 [new file; too large to compare]\n");
}

#[test]
fn line_ends_are_told_once_and_hide_no_change() {
    assert_eq!(
        diff("one\r\ntwo\r\n", "one\ntwo\n"),
        "+0 -0 [line ends CRLF → LF]\n"
    );
    assert_eq!(
        diff("one\r\ntwo\r\n", "one\nthree\n"),
        "+1 -1 [line ends CRLF → LF]\n@@\n 1 one\n-2 two\n+2 three\n"
    );
    assert_eq!(
        diff("one\r\ntwo\r\n", "one\r\nthree\r\n"),
        "+1 -1 []\n@@\n 1 one\n-2 two\n+2 three\n"
    );
    assert_eq!(
        diff("one\ntwo", "one\ntwo\n"),
        "+1 -1 [a line end at the end of the file now]\n@@\n 1 one\n-2 two\n+2 two\n"
    );
    assert_eq!(
        diff("one\n", "one"),
        "+1 -1 [no line end at the end of the file any more]\n@@\n-1 one\n+1 one\n"
    );
}

#[test]
fn lines_and_characters_are_bounded() {
    let new: String = (0..14_345).map(|number| format!("{number}\n")).collect();
    let many = file_diff("f", None, Some(new.as_bytes()));
    assert_eq!(many.note, "new file; 12,345 more lines");
    assert_eq!(many.added, 14_345);
    assert_eq!(
        many.hunks
            .iter()
            .map(|hunk| hunk.lines.len())
            .sum::<usize>(),
        2_000
    );
    let long = file_diff("f", None, Some("ü".repeat(2_001).as_bytes()));
    let text = &long.hunks[0].lines[0].text;
    assert_eq!(text.chars().count(), 2_000);
    assert!(text.ends_with('…'));
    let fits = file_diff("f", None, Some("ü".repeat(2_000).as_bytes()));
    assert_eq!(fits.hunks[0].lines[0].text, "ü".repeat(2_000));
}

#[test]
fn contents_made_to_be_slow_take_no_longer() {
    // No two lines alike in order: the worst for a search for the shortest diff.
    let mut random = fastrand::Rng::with_seed(1);
    let mut lines = || -> String {
        (0..400_000)
            .map(|_| format!("{}\n", random.u32(..50_000)))
            .collect()
    };
    let (old, new) = (lines(), lines());
    let begun = Instant::now();
    let slow = file_diff("f", Some(old.as_bytes()), Some(new.as_bytes()));
    assert!(begun.elapsed() < Duration::from_secs(40));
    assert!(slow.added > 0 && slow.removed > 0);
}
