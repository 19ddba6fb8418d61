//! Whole contents.

use nexus_protocol::FileAccess;
use serde_json::json;

use super::WriteFile;
use crate::{
    ToolContext, ToolError,
    testing::{Desk, action, call},
    tool::sha256,
};

#[tokio::test]
async fn files_are_made_and_replaced() {
    let desk = Desk::new();
    let output = call(
        &WriteFile,
        json!({ "path": "new/deep/a.txt", "content": "one\n" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert!(
        output.text.starts_with("Created “new/deep/a.txt” (4 bytes"),
        "{}",
        output.text
    );
    assert_eq!(desk.read("new/deep/a.txt"), "one\n");
    let output = call(
        &WriteFile,
        json!({ "path": "new/deep/a.txt", "content": "two\n" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert!(
        output.text.starts_with("Changed “new/deep/a.txt”"),
        "{}",
        output.text
    );
    assert_eq!(desk.read("new/deep/a.txt"), "two\n");
    let names: Vec<_> = std::fs::read_dir(desk.path().join("new/deep"))
        .unwrap()
        .collect();
    assert_eq!(names.len(), 1, "no temporary file is left: {names:?}");
}

#[tokio::test]
async fn the_action_says_what_will_be_there() {
    let desk = Desk::new();
    desk.write("a.txt", "old");
    let changed = action(
        &WriteFile,
        json!({ "path": "a.txt", "content": "new" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    let file = &changed.files[0];
    assert_eq!(file.access, FileAccess::Modify);
    assert_eq!(file.before, Some(sha256(b"old")));
    assert_eq!(file.after, Some(sha256(b"new")));
    assert_eq!(
        desk.read("a.txt"),
        "old",
        "nothing is done before it is allowed"
    );
    let hook = action(
        &WriteFile,
        json!({ "path": ".git/hooks/pre-commit", "content": "x" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert!(hook.files[0].protected && hook.files[0].access == FileAccess::Create);
    assert!(!desk.path().join(".git").exists());
}

#[tokio::test]
async fn a_file_that_changed_since_is_left_alone() {
    let desk = Desk::new();
    desk.write("a.txt", "old");
    let call = crate::Tool::prepare(
        &WriteFile,
        json!({ "path": "a.txt", "content": "new" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    desk.write("a.txt", "theirs");
    let error = call.run(desk.ctx.clone()).await.unwrap_err();
    assert!(
        matches!(&error, ToolError::Failed(why) if why.contains("was changed since")),
        "{error}"
    );
    assert_eq!(desk.read("a.txt"), "theirs");

    let call = crate::Tool::prepare(
        &WriteFile,
        json!({ "path": "b.txt", "content": "new" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    desk.write("b.txt", "theirs");
    call.run(desk.ctx.clone()).await.unwrap_err();
    assert_eq!(desk.read("b.txt"), "theirs");
}

#[tokio::test]
async fn nothing_is_changed_without_a_recorder_or_to_the_same() {
    let desk = Desk::new();
    desk.write("a.txt", "old");
    let ctx = ToolContext {
        recorder: None,
        ..desk.ctx.clone()
    };
    let error = call(
        &WriteFile,
        json!({ "path": "a.txt", "content": "new" }),
        &ctx,
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("cannot be recorded"), "{error}");
    let error = call(
        &WriteFile,
        json!({ "path": "a.txt", "content": "old" }),
        &desk.ctx,
    )
    .await
    .unwrap_err();
    assert!(
        error.to_string().contains("exactly this content"),
        "{error}"
    );
    assert_eq!(desk.read("a.txt"), "old");
}

#[cfg(unix)]
#[tokio::test]
async fn permissions_stay_and_links_are_followed_inside() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let desk = Desk::new();
    desk.write("run.sh", "old");
    let path = desk.path().join("run.sh");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
    symlink("run.sh", desk.path().join("link")).unwrap();
    call(
        &WriteFile,
        json!({ "path": "link", "content": "new" }),
        &desk.ctx,
    )
    .await
    .unwrap();
    assert_eq!(desk.read("run.sh"), "new");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o750);
    assert!(desk.path().join("link").is_symlink());
}
