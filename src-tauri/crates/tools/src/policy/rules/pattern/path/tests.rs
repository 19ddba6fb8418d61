//! Plain patterns are matched by hand: exactly as the glob would.

use nexus_protocol::{FileAccess, FileAction};
use proptest::prelude::*;

use super::{Exact, LazyGlob, MOST_BYTES, PathPattern};

fn file(shown: &str) -> FileAction {
    FileAction {
        path: format!("/home/ann/{shown}"),
        shown: shown.to_owned(),
        access: FileAccess::Modify,
        inside: true,
        protected: false,
        before: None,
        after: None,
        diff: None,
        undoable: true,
    }
}

proptest! {
    #[test]
    fn by_hand_and_by_glob_are_the_same(
        pattern in "/?([aA.,!é]{1,2}/){0,2}([aA.,!é]{1,2}|\\*\\*|\\*)",
        path in "([aA.,!é]{1,2}/){0,3}[aA.,!é]{0,2}",
    ) {
        if let Ok(read) = PathPattern::read(&pattern) {
            let file = file(&path);
            let seen = read.seen(&file).unwrap();
            prop_assert_eq!(read.matches(&file), LazyGlob::new(&pattern, false).unwrap().is_match(&seen));
        }
    }

    #[test]
    fn a_path_and_a_folder_match_themselves(path in "[a-z]{1,3}(/[a-z]{1,3}){0,3}", below in "[a-z]{1,3}") {
        let (outer, inner) = (file(&path), file(&format!("{path}/{below}")));
        let one = PathPattern::read(&path).unwrap();
        let all = PathPattern::read(&format!("{path}/**")).unwrap();
        prop_assert!(one.matches(&outer) && !one.matches(&inner));
        prop_assert!(all.matches(&inner) && !all.matches(&outer));
    }
}

#[test]
fn only_plain_patterns_are_matched_by_hand() {
    let kind = |text| match Exact::of(text).unwrap() {
        Exact::Path => "path",
        Exact::Below(_) => "below",
        Exact::Glob(_) => "glob",
    };
    for (text, expected) in [
        ("src/main.rs", "path"),
        ("/etc/hosts", "path"),
        ("src/**", "below"),
        ("/etc/**", "below"),
        ("**", "glob"),
        ("/**", "glob"),
        ("src/*.rs", "glob"),
        ("s?c/**", "glob"),
        ("a/**/b", "glob"),
        ("[[]a].rs", "glob"),
        ("{a,b}", "glob"),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
}

#[test]
fn the_longest_patterns_compile() {
    for piece in ["?", "a", "é", "[a-z]", "*/", "{a,b}", "[!b]"] {
        let mut text = piece.repeat(MOST_BYTES / piece.len() - 1);
        text.push('x');
        let pattern = PathPattern::read(&text).unwrap();
        assert!(!pattern.matches(&file("y")) && !pattern.matches_loosely(&file("y")));
    }
    assert!(PathPattern::read(&"a".repeat(MOST_BYTES + 1)).is_err());
}
