//! Files by name.

use std::fmt::Write as _;

use serde_json::json;

use super::FindFiles;
use crate::testing::{Desk, call};

#[tokio::test]
async fn files_are_found_by_globs() {
    let desk = Desk::new();
    for path in [
        "a.rs",
        "src/b.rs",
        "src/deep/c.RS",
        "target/d.rs",
        ".hidden.rs",
        "img/x.JPG",
        "img/y.png",
        "notes.txt",
    ] {
        desk.write(path, "x");
    }
    desk.write(".gitignore", "target/\n");
    desk.write(".git/x.rs", "");
    let mut table = String::new();
    for arguments in [
        json!({ "glob": "*.rs" }),
        json!({ "glob": "src/*.rs" }),
        json!({ "glob": "*.{jpg,png}" }),
        json!({ "glob": "*.rs", "path": "src" }),
        json!({ "glob": "*.rs", "include_ignored": true }),
        json!({ "glob": "!*.rs" }),
        json!({ "glob": "*.none" }),
        json!({ "glob": "[" }),
        json!({ "glob": "*", "path": "a.rs" }),
    ] {
        let result = call(&FindFiles, arguments.clone(), &desk.ctx).await;
        match result {
            Ok(output) => writeln!(table, "{arguments} [{}]\n{}", output.summary, output.text),
            Err(error) => writeln!(table, "{arguments}\n{error}"),
        }
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn newest_come_first_where_asked() {
    let desk = Desk::new();
    for (path, age) in [("old", 300), ("new", 100), ("mid", 200)] {
        desk.write(path, "x");
        let file = std::fs::File::options()
            .write(true)
            .open(desk.path().join(path))
            .unwrap();
        let time =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 - age);
        file.set_modified(time).unwrap();
    }
    let output = call(
        &FindFiles,
        json!({ "glob": "*", "sort": "time" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert_eq!(output.text, "new (1 byte)\nmid (1 byte)\nold (1 byte)\n");
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed() {
    let desk = Desk::new();
    let outside = tempfile::TempDir::new().unwrap();
    std::fs::write(outside.path().join("secret.txt"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path(), desk.path().join("out")).unwrap();
    let output = call(
        &FindFiles,
        json!({ "glob": "*", "include_ignored": true }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert!(!output.text.contains("secret"), "{}", output.text);
}
