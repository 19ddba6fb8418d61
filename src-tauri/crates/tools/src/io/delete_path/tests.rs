//! What goes, and what stays.

use serde_json::{Value, json};

use super::DeletePath;
use crate::{
    Tool,
    testing::{Desk, action, call},
};

async fn run(desk: &Desk, arguments: Value) -> Result<String, String> {
    call(&DeletePath, arguments, &desk.ctx)
        .await
        .map(|output| output.text)
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn files_and_folders_go() {
    let desk = Desk::new();
    desk.write("a.txt", "a");
    desk.write("dir/x/y.txt", "y");
    let said = [
        run(&desk, json!({ "path": "a.txt" })).await,
        run(&desk, json!({ "path": "dir" })).await,
        run(&desk, json!({ "path": "dir", "recursive": true })).await,
        run(&desk, json!({ "path": "." })).await,
        run(&desk, json!({ "path": "gone" })).await,
    ];
    insta::assert_debug_snapshot!(said);
    assert_eq!(std::fs::read_dir(desk.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn of_a_link_only_the_link_goes() {
    let desk = Desk::new();
    let outside = tempfile::TempDir::new().unwrap();
    std::fs::write(outside.path().join("x"), "x").unwrap();
    desk.write("dir/a", "a");
    std::os::unix::fs::symlink(outside.path(), desk.path().join("dir/out")).unwrap();
    std::os::unix::fs::symlink(outside.path(), desk.path().join("link")).unwrap();
    run(&desk, json!({ "path": "link" })).await.unwrap();
    run(&desk, json!({ "path": "dir", "recursive": true }))
        .await
        .unwrap();
    assert!(outside.path().join("x").exists());
    assert_eq!(std::fs::read_dir(desk.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_changed_since_stays() {
    let desk = Desk::new();
    desk.write("dir/a", "a");
    let call = DeletePath
        .prepare(json!({ "path": "dir", "recursive": true }), &desk.ctx)
        .await
        .unwrap();
    desk.write("dir/b", "new");
    call.run(desk.ctx.clone()).await.unwrap_err();
    assert_eq!(
        (desk.read("dir/a"), desk.read("dir/b")),
        ("a".into(), "new".into())
    );
}

#[tokio::test]
async fn the_action_says_how_much_goes() {
    let desk = Desk::new();
    desk.write("dir/a", "abc");
    desk.write("dir/.vscode/tasks.json", "{}");
    let action = action(
        &DeletePath,
        json!({ "path": "dir", "recursive": true }),
        &desk.ctx,
    )
    .await
    .unwrap();
    let file = &action.files[0];
    assert!(file.protected && file.before.is_some() && file.after.is_none());
    assert_eq!(
        file.diff.as_ref().unwrap().note,
        "deleted: a folder with 2 files, 5 bytes"
    );
}
