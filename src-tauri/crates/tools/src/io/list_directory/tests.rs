//! Folders as the model sees them.

use nexus_protocol::ResultPart;
use serde_json::json;

use super::ListDirectory;
use crate::testing::{Desk, call};

#[cfg(unix)]
#[tokio::test]
async fn folders_are_listed() {
    let desk = Desk::new();
    desk.write("b.txt", "12345");
    desk.write("src/deep/x.rs", "x");
    desk.write("src/a.rs", "x".repeat(3000));
    desk.write(".git/HEAD", "ref");
    desk.write("evil\u{202E}txt", "");
    std::fs::create_dir(desk.path().join("empty")).unwrap();
    std::os::unix::fs::symlink("/etc", desk.path().join("etc")).unwrap();
    let flat = call(&ListDirectory, json!({}), &desk.ctx).await.unwrap();
    let deep = call(&ListDirectory, json!({ "depth": 3 }), &desk.ctx)
        .await
        .unwrap();
    let empty = call(&ListDirectory, json!({ "path": "empty" }), &desk.ctx)
        .await
        .unwrap();
    let file = call(&ListDirectory, json!({ "path": "b.txt" }), &desk.ctx)
        .await
        .unwrap_err();
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}\n{file}",
        flat.text, deep.text, empty.text
    ));
    let [ResultPart::Tree { root, entries }] = deep.parts.as_slice() else {
        panic!()
    };
    assert_eq!(root, ".");
    assert!(
        entries
            .iter()
            .any(|entry| entry.path == "src/deep/x.rs" && entry.bytes == Some(1))
    );
}

#[tokio::test]
async fn many_entries_are_bounded() {
    let desk = Desk::new();
    for n in 0..1100 {
        desk.write(&format!("{n:04}"), "");
    }
    let output = call(&ListDirectory, json!({}), &desk.ctx).await.unwrap();
    assert!(output.text.contains("there is more"));
    assert_eq!(output.text.lines().count(), 1001);
}
