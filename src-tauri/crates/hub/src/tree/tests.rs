use proptest::prelude::*;

use super::*;

#[test]
fn names_that_could_do_harm_are_refused() {
    let long = "x".repeat(231);
    for name in [
        "",
        "/",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        ".",
        "..",
        "a\0b",
        "a\nb",
        "C:\\x",
        "C:x",
        "a\\b",
        "x:stream",
        "NUL",
        "nul.gguf",
        "con.txt",
        "COM1",
        "com9.gguf",
        "COM¹",
        "LPT³.gguf",
        "aux/x.gguf",
        "CONIN$",
        "x.",
        "x ",
        " x",
        "a?b",
        "a*b",
        "a|b",
        "a\"b",
        "a<b",
        "x\u{202E}fugg.exe",
        long.as_str(),
    ] {
        assert!(
            matches!(FilePath::new(name), Err(HubError::Name { .. })),
            "{name:?}"
        );
    }
}

#[test]
fn honest_names_are_taken() {
    for name in [
        "model.gguf",
        "Q4_K_M/GLM-4.5-Air-Q4_K_M-00001-of-00002.gguf",
        ".gitattributes",
        "Modèle 7B (v2).gguf",
        "company.gguf",
        "COM0",
        "COM10",
        "nullable.gguf",
    ] {
        assert_eq!(
            FilePath::new(name).map(|path| path.to_string()),
            Ok(name.to_owned())
        );
    }
    assert_eq!(FilePath::new("a/b.gguf").unwrap().file_name(), "b.gguf");
}

fn entry(path: &str) -> TreeEntry {
    serde_json::from_value(serde_json::json!({ "type": "file", "path": path, "size": 3 })).unwrap()
}

#[test]
fn files_that_differ_by_case_only_are_both_refused() {
    let listing = Listing::from_entries(vec![
        entry("a.gguf"),
        entry("A.GGUF"),
        entry("b.gguf"),
        entry("../c"),
    ]);
    let names: Vec<&str> = listing
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(names, ["b.gguf"]);
    assert_eq!(listing.refused.len(), 3);
}

proptest! {
    #[test]
    fn an_accepted_path_stays_in_its_folder(path in "\\PC{0,40}") {
        if let Ok(path) = FilePath::new(&path) {
            let plain = std::path::Path::new(path.as_str())
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            prop_assert!(plain);
            prop_assert!(!path.file_name().is_empty());
        }
    }
}
