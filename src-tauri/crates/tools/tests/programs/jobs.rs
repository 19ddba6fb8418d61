//! Background jobs.

use std::time::Duration;

use nexus_protocol::Capability;
use serde_json::json;

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_started_read_written_to_and_stopped() {
    let desk = Desk::new();
    let line = "echo ready; while read x; do echo \"got $x\"; done; echo over";
    let first = desk
        .call("shell", json!({ "command": line, "background": true }))
        .await
        .unwrap();
    assert_eq!(first.text, "ready\n[job 1: running]");
    let answer = desk
        .call(
            "job",
            json!({ "action": "write", "id": 1, "text": "one\n", "wait_seconds": 10 }),
        )
        .await
        .unwrap();
    assert_eq!(answer.text, "got one\n[job 1: running]");
    let nothing = desk
        .call("job", json!({ "action": "read", "id": 1 }))
        .await
        .unwrap();
    assert_eq!(nothing.text, "[job 1: running, nothing new]");
    let list = desk.call("job", json!({ "action": "list" })).await.unwrap();
    assert!(
        list.text.starts_with("job 1: echo ready;") && list.text.ends_with("[running]"),
        "{}",
        list.text
    );
    // An empty text closes its input, and so it ends by itself.
    let end = desk
        .call(
            "job",
            json!({ "action": "write", "id": 1, "text": "", "wait_seconds": 10 }),
        )
        .await
        .unwrap();
    assert_eq!(end.text, "over\n[job 1: exit 0]");

    let second = desk
        .call(
            "shell",
            json!({ "command": "sleep 600", "background": true }),
        )
        .await
        .unwrap();
    assert_eq!(second.text, "[job 2: running, nothing new]");
    let stopped = desk
        .call("job", json!({ "action": "stop", "id": 2 }))
        .await
        .unwrap();
    assert_eq!(
        (stopped.text.as_str(), stopped.failed),
        ("[job 2: stopped]", false)
    );
    desk.gone(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_end_with_the_session() {
    for by_drop in [false, true] {
        let mut desk = Desk::new();
        for number in 0..3 {
            let line = format!("setsid sleep 60{number} & sleep 600");
            desk.call("shell", json!({ "command": line, "background": true }))
                .await
                .unwrap();
        }
        assert!(desk.processes().len() >= 3);
        if by_drop {
            desk.ctx.session = std::sync::Arc::default();
        } else {
            desk.ctx.session.close().await;
        }
        desk.gone(Duration::from_secs(2)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_at_most_eight() {
    let desk = Desk::new();
    for number in 1..=8 {
        let line = format!("sleep 60{number}");
        desk.call("shell", json!({ "command": line, "background": true }))
            .await
            .unwrap();
    }
    let refused = desk
        .call(
            "shell",
            json!({ "command": "sleep 609", "background": true }),
        )
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("1, 2, 3, 4, 5, 6, 7, 8"),
        "{refused}"
    );
    desk.call("job", json!({ "action": "stop", "id": 3 }))
        .await
        .unwrap();
    desk.call(
        "shell",
        json!({ "command": "sleep 609", "background": true }),
    )
    .await
    .unwrap();
    desk.ctx.session.close().await;
    desk.gone(Duration::from_secs(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_and_stopping_are_free_and_writing_is_not() {
    let desk = Desk::new();
    desk.call("shell", json!({ "command": "cat", "background": true }))
        .await
        .unwrap();
    for (arguments, capability) in [
        (json!({ "action": "list" }), Capability::Compute),
        (json!({ "action": "read", "id": 1 }), Capability::Compute),
        (json!({ "action": "stop", "id": 1 }), Capability::Compute),
        (
            json!({ "action": "write", "id": 1, "text": "rm -rf .\n" }),
            Capability::Execute,
        ),
    ] {
        let action = desk.action("job", arguments).await;
        assert_eq!(action.capability, capability);
        if capability == Capability::Execute {
            let process = action.process.unwrap();
            assert_eq!(
                (process.language.as_str(), process.code.as_str()),
                ("text", "rm -rf .\n")
            );
        }
    }
    let unknown = desk
        .call("job", json!({ "action": "read", "id": 7 }))
        .await
        .unwrap_err();
    assert_eq!(unknown.to_string(), "There is no job 7. There are: 1.");
}
