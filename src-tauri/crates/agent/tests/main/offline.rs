//! Tools while the user is offline by choice: what could use the network does not run, whatever was allowed.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use nexus_protocol::{
    Action, Capability, Confinement, EventMsg, ItemBody, Mode, NetworkAction, ToolSpec,
};
use nexus_tools::{Prepared, Registry, Tool, ToolContext, ToolError, ToolOutput, policy::Verdict};
use serde_json::{Value, json};

use crate::{
    harness::{Harness, action, confined},
    model::{call, stop, text, tools},
};

/// Runs a program with the network, unconfined, or neither; it counts its runs, and may go on until it is stopped.
struct Program {
    ran: Arc<AtomicU32>,
}

#[async_trait]
impl Tool for Program {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "program".into(),
            description: "A test.".into(),
            parameters: json!({ "type": "object", "properties": { "kind": { "type": "string" } } }),
        }
    }

    fn capability(&self) -> Capability {
        Capability::Execute
    }

    async fn prepare(&self, arguments: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let kind = arguments["kind"].as_str().unwrap_or_default().to_owned();
        let mut process = confined("make");
        if kind == "unconfined" {
            process.sandbox = Confinement::Not {
                why: "No sandbox here.".into(),
            };
        }
        let action = Action {
            process: Some(process),
            network: (kind == "network").then(|| NetworkAction {
                hosts: Vec::new(),
                bytes: None,
            }),
            ..action("program", Capability::Execute, &kind, &arguments)
        };
        let ran = Arc::clone(&self.ran);
        Ok(Prepared::new(action, move |ctx: ToolContext| async move {
            ran.fetch_add(1, Ordering::SeqCst);
            if kind == "network" {
                ctx.cancel.cancelled().await;
            }
            Ok(ToolOutput::text("it ran", "it ran"))
        }))
    }
}

async fn harness() -> (Harness, Arc<AtomicU32>) {
    let ran = Arc::new(AtomicU32::new(0));
    let program = Program {
        ran: Arc::clone(&ran),
    };
    let harness = Harness::with(Registry::empty().with(Arc::new(program)), None).await;
    harness.works(Mode::Auto).await;
    (harness, ran)
}

fn calls(harness: &Harness, kind: &str) {
    let mut script = call(0, "a", "program", &json!({ "kind": kind }).to_string());
    script.push(tools());
    harness.model.plays(script);
    harness.model.plays(vec![text("Done."), stop()]);
}

async fn result(harness: &Harness) -> String {
    let items = harness.snapshot().await.items;
    let results = items.iter().rev().find_map(|item| match &item.body {
        ItemBody::ToolCall { result, .. } => result.as_ref().map(|it| it.output.clone()),
        _ => None,
    });
    results.unwrap()
}

#[tokio::test]
async fn what_could_use_the_network_does_not_run() {
    let (harness, ran) = harness().await;
    harness
        .rules
        .kept
        .lock()
        .unwrap()
        .push((Verdict::Allow, "program".into()));
    harness.offline.set(true);
    for kind in ["network", "unconfined"] {
        calls(&harness, kind);
        let end = harness.user_turn("Go").await;
        assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{kind}");
        assert!(
            result(&harness)
                .await
                .starts_with("The user is offline by choice"),
            "{kind}"
        );
    }
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    // What the sandbox keeps here runs as before.
    calls(&harness, "plain");
    harness.user_turn("Go").await;
    assert_eq!(result(&harness).await, "it ran");
    harness.check().await;
}

#[tokio::test]
async fn going_offline_ends_a_program_that_uses_the_network() {
    let (harness, ran) = harness().await;
    calls(&harness, "network");
    let from = harness.events().len();
    harness.user("Go").await.unwrap();
    let asked = harness
        .wait(from, |msg| crate::routes::question(msg).is_some())
        .await;
    let op = crate::routes::yes(&asked);
    harness.submit(op).await.unwrap();
    while ran.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    harness.offline.set(true);
    let end = harness.ends(from).await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }));
    assert!(
        result(&harness)
            .await
            .starts_with("The user went offline by choice")
    );
    harness.check().await;
}
