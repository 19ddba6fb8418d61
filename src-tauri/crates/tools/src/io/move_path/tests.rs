//! Other names and places.

use nexus_protocol::{FileAccess, UndoScope};
use serde_json::{Value, json};

use super::MovePath;
use crate::{
    Tool,
    testing::{Desk, action, call},
};

async fn run(desk: &Desk, arguments: Value) -> Result<String, String> {
    call(&MovePath, arguments, &desk.ctx)
        .await
        .map(|output| output.text)
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn files_and_folders_move() {
    let desk = Desk::new();
    desk.write("a.txt", "a");
    desk.write("dir/x/y.txt", "y");
    run(&desk, json!({ "from": "a.txt", "to": "new/b.txt" }))
        .await
        .unwrap();
    assert_eq!(desk.read("new/b.txt"), "a");
    run(&desk, json!({ "from": "dir", "to": "moved" }))
        .await
        .unwrap();
    assert_eq!(desk.read("moved/x/y.txt"), "y");
    // Another spelling is a rename too.
    run(&desk, json!({ "from": "new/b.txt", "to": "new/B.txt" }))
        .await
        .unwrap();
    assert_eq!(desk.read("new/B.txt"), "a");
    assert!(!desk.path().join("a.txt").exists() && !desk.path().join("dir").exists());
}

#[tokio::test]
async fn nothing_is_overwritten_unasked() {
    let desk = Desk::new();
    desk.write("a", "a");
    desk.write("b", "b");
    desk.write("dir/c", "c");
    let mut said = Vec::new();
    for (from, to) in [
        ("a", "b"),
        ("a", "dir"),
        ("dir", "dir/in"),
        ("a", "a"),
        (".", "x"),
        ("none", "x"),
        ("dir", "b"),
    ] {
        said.push(
            run(&desk, json!({ "from": from, "to": to }))
                .await
                .unwrap_err(),
        );
    }
    insta::assert_debug_snapshot!(said);
    assert_eq!((desk.read("a"), desk.read("b")), ("a".into(), "b".into()));
    run(&desk, json!({ "from": "a", "to": "b", "overwrite": true }))
        .await
        .unwrap();
    assert_eq!(desk.read("b"), "a");
}

#[tokio::test]
async fn what_changed_since_stays() {
    let desk = Desk::new();
    desk.write("a", "a");
    let call = MovePath
        .prepare(json!({ "from": "a", "to": "b" }), &desk.ctx)
        .await
        .unwrap();
    desk.write("b", "theirs");
    call.run(desk.ctx.clone()).await.unwrap_err();
    assert_eq!(
        (desk.read("a"), desk.read("b")),
        ("a".into(), "theirs".into())
    );
}

#[tokio::test]
async fn the_action_names_both_places() {
    let desk = Desk::new();
    desk.write("repo/.git/config", "x");
    let moved = action(
        &MovePath,
        json!({ "from": "repo", "to": "other" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert_eq!(moved.label.object, "repo → other");
    let seen: Vec<_> = moved
        .files
        .iter()
        .map(|file| (file.access, file.protected))
        .collect();
    assert_eq!(
        seen,
        [(FileAccess::MoveFrom, true), (FileAccess::MoveTo, true)]
    );
    assert_eq!(moved.files[0].before, moved.files[1].after);
}

#[tokio::test]
async fn a_moved_folder_comes_back_whole() {
    let desk = Desk::new();
    desk.write("old/deep/c.txt", "c\n");
    desk.write("a.txt", "text\n");
    for (from, to) in [("a.txt", "texts/a.txt"), ("old", "archive/old")] {
        call(&MovePath, json!({ "from": from, "to": to }), &desk.ctx)
            .await
            .unwrap();
    }
    assert_eq!(desk.read("archive/old/deep/c.txt"), "c\n");
    let report = desk.journal().undo(&UndoScope::All, false).unwrap();
    assert_eq!((report.conflicts, report.lost), (vec![], vec![]));
    assert_eq!(desk.read("old/deep/c.txt"), "c\n");
    assert_eq!(desk.read("a.txt"), "text\n");
    assert!(!desk.path().join("archive").exists() && !desk.path().join("texts").exists());
}
