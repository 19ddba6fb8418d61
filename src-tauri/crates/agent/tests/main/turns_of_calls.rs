//! Calls that wait for those before them: they are shown as waiting, and their time begins when they do.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use nexus_protocol::{
    Action, Capability, EventMsg, ItemBody, ItemStatus, Mode, Op, ToolSpec, UndoScope,
};
use nexus_tools::{Prepared, Registry, Tool, ToolContext, ToolError, ToolOutput};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    harness::{Harness, action, confined},
    model::{call, stop, text, tools},
};

/// Acts for as long as the test wants, and takes a while to end when it is stopped.
#[derive(Clone)]
struct Slow {
    gate: Arc<Semaphore>,
    ended: Arc<AtomicBool>,
}

#[async_trait]
impl Tool for Slow {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "slow".into(),
            description: "A test.".into(),
            parameters: json!({ "type": "object", "properties": { "what": { "type": "string" } } }),
        }
    }

    fn capability(&self) -> Capability {
        Capability::Execute
    }

    async fn prepare(&self, arguments: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let action = Action {
            process: Some(confined("slow()")),
            ..action("slow", Capability::Execute, "", &arguments)
        };
        let Self { gate, ended } = self.clone();
        Ok(Prepared::new(action, move |ctx| async move {
            tokio::select! {
                permit = gate.acquire() => permit.unwrap().forget(),
                () = ctx.cancel.cancelled() => {
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                    ended.store(true, Ordering::SeqCst);
                }
            }
            Ok(ToolOutput::text("done", "done"))
        }))
    }
}

async fn world() -> (Harness, Slow) {
    let slow = Slow {
        gate: Arc::new(Semaphore::new(0)),
        ended: Arc::default(),
    };
    let registry = Registry::empty().with(Arc::new(slow.clone()));
    let harness = Harness::with(registry, None).await;
    harness.works(Mode::Auto).await;
    (harness, slow)
}

fn plays(harness: &Harness, calls: u32) {
    let mut script = Vec::new();
    for index in 0..calls {
        let arguments = json!({ "what": index.to_string() }).to_string();
        script.extend(call(index, &format!("c{index}"), "slow", &arguments));
    }
    script.push(tools());
    harness.model.plays(script);
}

/// Where each call stands.
async fn stand(harness: &Harness) -> Vec<ItemStatus> {
    let items = harness.snapshot().await.items.into_iter();
    items
        .filter(|item| matches!(item.body, ItemBody::ToolCall { .. }))
        .map(|item| item.status)
        .collect()
}

async fn until(harness: &Harness, expected: &[ItemStatus]) {
    let stands = async {
        while stand(harness).await != expected {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let stood = tokio::time::timeout(std::time::Duration::from_secs(20), stands).await;
    assert!(stood.is_ok(), "{:?}", stand(harness).await);
}

use ItemStatus::{Complete, InProgress, Queued};

#[tokio::test]
async fn a_call_waits_its_turn_and_its_time_is_its_own() {
    let (harness, slow) = world().await;
    plays(&harness, 3);
    harness.model.plays(vec![text("All done."), stop()]);
    harness.user("Go").await.unwrap();
    until(&harness, &[InProgress, Queued, Queued]).await;
    harness.clock.advance(5000);
    slow.gate.add_permits(1);
    until(&harness, &[Complete, InProgress, Queued]).await;
    harness.clock.advance(700);
    slow.gate.add_permits(1);
    until(&harness, &[Complete, Complete, InProgress]).await;
    slow.gate.add_permits(1);
    harness.ends(0).await;
    let items = harness.snapshot().await.items.into_iter();
    let times: Vec<u64> = items
        .filter_map(|item| match item.body {
            ItemBody::ToolCall { result, .. } => Some(result?.duration_ms),
            _ => None,
        })
        .collect();
    assert_eq!(times, [5000, 700, 0]);
    harness.check().await;
}

#[tokio::test]
async fn a_call_alone_never_waits() {
    let (harness, slow) = world().await;
    slow.gate.add_permits(1);
    plays(&harness, 1);
    harness.model.plays(vec![text("Done."), stop()]);
    harness.user_turn("Go").await;
    let waited = harness
        .events()
        .into_iter()
        .any(|event| matches!(event.msg, EventMsg::ItemChanged { item } if item.status == Queued));
    assert!(!waited, "{}", harness.story());
    harness.check().await;
}

#[tokio::test]
async fn calls_that_wait_are_cancelled_with_the_turn() {
    let (harness, _slow) = world().await;
    plays(&harness, 2);
    harness.user("Go").await.unwrap();
    until(&harness, &[InProgress, Queued]).await;
    harness.submit(Op::Interrupt).await.unwrap();
    harness.ends(0).await;
    let interrupted = ItemStatus::Interrupted;
    assert_eq!(stand(&harness).await, [interrupted, interrupted]);
    harness.check().await;
}

#[tokio::test]
async fn an_undo_waits_for_a_stopped_call_to_let_go() {
    let (harness, slow) = world().await;
    plays(&harness, 1);
    harness.user("Go").await.unwrap();
    until(&harness, &[InProgress]).await;
    // Not before it runs: it is shown before.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    harness.submit(Op::Interrupt).await.unwrap();
    harness.session.undo(UndoScope::All, false).await.unwrap();
    assert!(slow.ended.load(Ordering::SeqCst));
    harness.check().await;
}
