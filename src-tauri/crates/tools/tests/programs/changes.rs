//! What programs change is told and can be undone.

use std::time::Duration;

use nexus_protocol::{ResultPart, UndoScope};
use nexus_tools::ToolOutput;
use serde_json::json;

use crate::desk::Desk;

fn files(output: &ToolOutput) -> Vec<(String, Option<u64>)> {
    let mut files: Vec<_> = output
        .parts
        .iter()
        .filter_map(|part| match part {
            ResultPart::File { path, bytes } => Some((path.clone(), *bytes)),
            _ => None,
        })
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_line_changed_is_named_and_undone() {
    let desk = Desk::new();
    desk.write("kept", "same");
    desk.write("changed", "before");
    desk.write("removed", "was here");
    let line = "echo after > changed; rm removed; mkdir sub; echo new > sub/made; cat kept";
    let output = desk
        .call("shell", json!({ "command": line }))
        .await
        .unwrap();
    let (_, note) = output.text.split_once("[exit 0]\n").unwrap();
    assert!(note.starts_with("[changed "), "{note}");
    for name in ["changed", "sub/made", "removed (gone)"] {
        assert!(note.contains(name), "{note}");
    }
    assert!(!note.contains("kept"), "{note}");
    let files = files(&output);
    assert!(
        files.contains(&("changed".to_owned(), Some(6))),
        "{files:?}"
    );
    assert!(
        files.contains(&("sub/made".to_owned(), Some(4))),
        "{files:?}"
    );

    desk.journal.undo(&UndoScope::All, false).unwrap();
    let read = |name: &str| std::fs::read_to_string(desk.path().join(name)).unwrap();
    assert_eq!(
        (read("changed").as_str(), read("removed").as_str()),
        ("before", "was here")
    );
    assert!(!desk.path().join("sub/made").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_says_nothing() {
    let desk = Desk::new();
    desk.write("kept", "same");
    let output = desk
        .call("shell", json!({ "command": "cat kept" }))
        .await
        .unwrap();
    assert_eq!(output.text, "same\n[exit 0]");
    assert!(files(&output).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_code_changed_is_named() {
    let desk = Desk::new();
    let arguments = json!({ "language": "python", "code": "open('made', 'w').write('abc')" });
    let output = desk.call("run_code", arguments).await.unwrap();
    assert_eq!(output.text, "=> 3\n[changed 1 file: made]");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_changes_is_told_as_it_goes() {
    let desk = Desk::new();
    let line = "echo 1 > one; echo ready; read x; echo 2 > two; echo done; read x; echo 3 > three";
    let first = desk
        .call("shell", json!({ "command": line, "background": true }))
        .await
        .unwrap();
    assert!(
        first.text.contains("[changed 1 file: one]"),
        "{}",
        first.text
    );
    let write = json!({ "action": "write", "id": 1, "text": "\n", "wait_seconds": 10 });
    let second = desk.call("job", write).await.unwrap();
    assert!(
        second.text.contains("[changed 1 file: two]"),
        "{}",
        second.text
    );
    let end = json!({ "action": "write", "id": 1, "text": "\n", "wait_seconds": 10 });
    let third = desk.call("job", end).await.unwrap();
    assert!(
        third.text.contains("[changed 1 file: three]"),
        "{}",
        third.text
    );
    assert_eq!(desk.journal.changes().unwrap().len(), 3);
    desk.gone(Duration::from_secs(1)).await.unwrap();
}
