//! Edits, and all that they leave alone.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Edit, EditFile, edited, text::EditedText};
use crate::testing::{Desk, call};

async fn edit(desk: &Desk, path: &str, edits: Value) -> Result<String, String> {
    let arguments = json!({ "path": path, "edits": edits });
    call(&EditFile, arguments, &desk.ctx)
        .await
        .map(|output| output.text)
        .map_err(|error| error.to_string())
}

const SOURCE: &str =
    "fn main() {\n    let a = 1;\n    let b = 2;\n    print(a);\n    print(a);\n}\n";

#[tokio::test]
async fn errors_show_what_comes_near() {
    let desk = Desk::new();
    desk.write("main.rs", SOURCE);
    let mut table = String::new();
    for edits in [
        json!([]),
        json!([{ "old_text": "", "new_text": "x" }]),
        json!([{ "old_text": "let a = 1;", "new_text": "let a = 1;" }]),
        json!([{ "old_text": "print(a);", "new_text": "print(b);" }]),
        json!([{ "old_text": "let c = 2;", "new_text": "x" }]),
        json!([{ "old_text": "nothing like it at all", "new_text": "x" }]),
        json!([{ "old_text": "let a = 1;", "new_text": "let a = 3;" }, { "old_text": "gone", "new_text": "" }]),
    ] {
        writeln!(
            table,
            "{edits}\n{}\n",
            edit(&desk, "main.rs", edits.clone()).await.unwrap_err()
        )
        .unwrap();
    }
    table.push_str(
        &edit(
            &desk,
            "mian.rs",
            json!([{ "old_text": "a", "new_text": "b" }]),
        )
        .await
        .unwrap_err(),
    );
    insta::assert_snapshot!(table);
    assert_eq!(desk.read("main.rs"), SOURCE, "all edits or none");
}

#[tokio::test]
async fn edits_are_made_in_order() {
    let desk = Desk::new();
    desk.write("main.rs", SOURCE);
    let edits = json!([
        { "old_text": "let a = 1;", "new_text": "let a = 7;" },
        { "old_text": "print(a);", "new_text": "print(b);", "replace_all": true },
        { "old_text": "let a = 7;\n", "new_text": "" },
    ]);
    edit(&desk, "main.rs", edits).await.unwrap();
    assert_eq!(
        desk.read("main.rs"),
        "fn main() {\n        let b = 2;\n    print(b);\n    print(b);\n}\n"
    );
}

fn one(old: &[u8], old_text: &str, new_text: &str) -> Result<Vec<u8>, String> {
    let edit = Edit {
        old_text: old_text.to_owned(),
        new_text: new_text.to_owned(),
        replace_all: false,
    };
    edited(old, &[edit], "f").map_err(|error| error.to_string())
}

fn text(old: &str, old_text: &str, new_text: &str) -> String {
    String::from_utf8(one(old.as_bytes(), old_text, new_text).unwrap()).unwrap()
}

#[test]
fn what_models_get_wrong_is_found_all_the_same() {
    // Indentation.
    assert_eq!(
        text(
            "a\n\tif x {\n\t\ty()\n\t}\n",
            "  if x {\n  \ty()\n  }",
            "  if z {\n  \ty()\n  }"
        ),
        "a\n\tif z {\n\t\ty()\n\t}\n"
    );
    // Spaces within and at the end.
    assert_eq!(
        text("let  a =  1;  \nb\n", "let a = 1;\n", "let a = 2;\n"),
        "let a = 2;\nb\n"
    );
    // Typographic quotes.
    assert_eq!(
        text("say(“hi”)\n", "say(\"hi\")", "say(\"ho\")"),
        "say(\"ho\")\n"
    );
    // Line numbers from read_file.
    assert_eq!(text("x\ny\nz\n", "1\tx\n2\ty", "1\tx\n2\tw"), "x\nw\nz\n");
    // Lines that go take their ends with them.
    assert_eq!(text("a\n   b  \nc\n", "\tb", ""), "a\nc\n");
    // Never a guess between two.
    let error = one(b"  a\nx\n   a\n", "\ta", "b").unwrap_err();
    assert!(error.contains("2 times, in lines 1, 3"), "{error}");
}

#[test]
fn line_ends_marks_and_encodings_stay() {
    assert_eq!(text("a\r\nb\r\nc\r\n", "b", "x\ny"), "a\r\nx\r\ny\r\nc\r\n");
    assert_eq!(text("a\r\nb\nc", "a\nb\nc", "a\nB\nc"), "a\r\nB\nc");
    assert_eq!(text("a\r\nb\r\nc", "a\r\nb", "a\r\nB"), "a\r\nB\r\nc");
    assert_eq!(text("one line", "line", "a\nb"), "one a\nb");
    let marked = one(b"\xEF\xBB\xBFa\r\nb", "b", "ö").unwrap();
    assert_eq!(marked, "\u{FEFF}a\r\nö".as_bytes());
    let latin = one(b"Gr\xFC\xDFe aus M\xFCnchen und Sch\xF6nes", "aus", "für").unwrap();
    assert_eq!(latin, b"Gr\xFC\xDFe f\xFCr M\xFCnchen und Sch\xF6nes");
    let error = one(b"Gr\xFC\xDFe aus M\xFCnchen und Sch\xF6nes", "aus", "日").unwrap_err();
    assert!(
        error.contains("“日” cannot be written in windows-1252"),
        "{error}"
    );
    let utf16: Vec<u8> = [0xFEFF]
        .into_iter()
        .chain("a\r\nb".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let wanted: Vec<u8> = [0xFEFF]
        .into_iter()
        .chain("a\r\n😀".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(one(&utf16, "b", "😀").unwrap(), wanted);
}

/// Lines that each end in their own way; the last may not end at all.
fn any_text() -> impl Strategy<Value = Vec<(String, &'static str)>> {
    let line = ("[a-c é“ \t]{0,6}", prop::sample::select(vec!["\n", "\r\n"]));
    prop::collection::vec(line, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn all_but_the_edited_line_stays_byte_for_byte(lines in any_text(), at in any::<prop::sample::Index>(), ended in any::<bool>(), bom in any::<bool>()) {
        let at = at.index(lines.len());
        let join = |mark: &str| {
            let mut text: String = lines.iter().enumerate().map(|(n, (line, end))| {
                if n == at { format!("{mark}{end}") } else { format!("{line}{end}") }
            }).collect();
            if !ended { text.truncate(text.trim_end_matches(['\r', '\n']).len()); }
            if bom { format!("\u{FEFF}{text}") } else { text }
        };
        let (old, wanted) = (join("«unique»"), join("«new»"));
        prop_assert_eq!(one(old.as_bytes(), "«unique»", "«new»"), Ok(wanted.into_bytes()));
    }

    #[test]
    fn any_edit_keeps_what_is_around_it(lines in any_text(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), new in "[a-d\n]{0,8}") {
        let original: String = lines.iter().map(|(line, end)| format!("{line}{end}")).collect();
        let mut text = EditedText::new(original.clone());
        prop_assert_eq!(EditedText::new(original.clone()).into_original(), original.clone());
        let ends: Vec<usize> = text.lines().char_indices().map(|(at, _)| at).chain([text.lines().len()]).collect();
        let (a, b) = (ends[from.index(ends.len())], ends[to.index(ends.len())]);
        let (a, b) = (a.min(b), a.max(b));
        let before = EditedText::new(original.clone());
        let crlf_before = original.replace("\r\n", "\u{1}");
        let kept_front: String = crlf_before.chars().take(before.lines()[..a].chars().count()).collect();
        let kept_back: String = crlf_before.chars().skip(before.lines()[..b].chars().count()).collect();
        let wanted = format!("{}{new}{}", &before.lines()[..a], &before.lines()[b..]);
        text.replace(a..b, &new);
        prop_assert_eq!(text.lines(), wanted);
        let after = text.into_original().replace("\r\n", "\u{1}");
        prop_assert!(after.starts_with(&kept_front) && after.ends_with(&kept_back));
    }

    #[test]
    fn no_edit_panics(old in any::<Vec<u8>>(), old_text in ".{0,20}", new_text in ".{0,20}") {
        let _ = one(&old, &old_text, &new_text);
    }
}
