use std::fs;

use nexus_protocol::{ErrorAction, ErrorCode};

use super::*;

#[test]
fn names_become_safe() {
    for (name, expected) in [
        ("Qwen2.5 7B (Q4_K_M).gguf", "qwen2.5-7b-q4_k_m"),
        ("SmolLM2-135M.gguf", "smollm2-135m"),
        ("../../etc/passwd", "passwd"),
        ("..gguf", "model"),
        (".hidden.gguf", "hidden"),
        ("日本語.gguf", "model"),
        ("a//b.gguf", "b"),
        ("con.gguf", "con"),
        ("-x-.gguf", "x"),
    ] {
        assert_eq!(slug(Path::new(name)), expected, "{name}");
    }
    assert_eq!(slug(Path::new(&"x".repeat(300))).len(), 80);
}

#[test]
fn what_fails_its_check_leaves_nothing_and_what_is_there_stays() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("models");
    fs::create_dir(&folder).unwrap();
    let source = dir.path().join("a.gguf");
    fs::write(&source, "new").unwrap();
    let card = || ErrorCard::new(ErrorCode::NotGguf, "x", "y", ErrorAction::None);
    let result = bring_in(
        &folder,
        &Source::of(&source).unwrap(),
        &Place::Free,
        ImportMode::Either,
        |path| {
            assert_eq!(fs::read(path).unwrap(), b"new");
            Err(card())
        },
    );
    assert_eq!(result, Err(card()));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    fs::create_dir(folder.join("a")).unwrap();
    fs::write(folder.join("a/mine.txt"), "mine").unwrap();
    let (name, path) = bring_in(
        &folder,
        &Source::of(&source).unwrap(),
        &Place::Free,
        ImportMode::Either,
        |_| Ok(()),
    )
    .unwrap();
    assert_eq!((name.as_str(), path), ("a-2", folder.join("a-2/a.gguf")));
    let fixed = Place::Fixed {
        folder: "a".into(),
        file: "a.gguf".into(),
    };
    assert_eq!(
        bring_in(
            &folder,
            &Source::of(&source).unwrap(),
            &fixed,
            ImportMode::Either,
            |_| Ok(())
        )
        .unwrap_err()
        .code,
        ErrorCode::Storage
    );
    assert_eq!(
        fs::read_to_string(folder.join("a/mine.txt")).unwrap(),
        "mine"
    );
    assert_eq!(fs::read_dir(folder.join("a")).unwrap().count(), 1);
    fs::create_dir(folder.join(".import-dead")).unwrap();
    clean(&folder);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}
