use nexus_protocol::Confinement;
use serde_json::json;

use super::Shell;
use crate::testing::{Desk, action, call};

#[tokio::test]
async fn lines_that_make_no_sense_are_refused_before_anything() {
    let desk = Desk::new();
    let mut table = String::new();
    for arguments in [
        json!({ "command": " \n" }),
        json!({ "command": "a\u{0}b" }),
        json!({ "command": "x".repeat(64 * 1024 + 1) }),
        json!({ "command": "true", "timeout_seconds": 0 }),
        json!({ "command": "true", "timeout_seconds": 3601 }),
    ] {
        let refused = action(&Shell, arguments, &desk.ctx).await.unwrap_err();
        table.push_str(&format!("{refused}\n"));
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn to_prepare_does_nothing_and_says_where_nothing_confines() {
    let desk = Desk::new();
    desk.write("sub/from", "content");
    let arguments = json!({ "command": "cp sub/from to" });
    let said = action(&Shell, arguments.clone(), &desk.ctx).await.unwrap();
    assert!(matches!(
        said.process.unwrap().sandbox,
        Confinement::Not { .. }
    ));
    assert!(!desk.path().join("to").exists());
    assert!(!desk.ctx.host.scratch.exists());
    call(&Shell, arguments, &desk.ctx).await.unwrap();
    assert_eq!(desk.read("to"), "content");
    assert_eq!(*desk.said.lock().unwrap(), "");
    assert!(desk.data.path().exists());
}
