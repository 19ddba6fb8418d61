//! Questions to the user: asked before anything runs, answered once, and what they bind.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use nexus_protocol::{
    Action, Approval, ApprovalAnswer, BoundFile, Capability, ErrorAction, ErrorCard, ErrorCode,
    EventMsg, ItemBody, ItemId, ItemStatus, Mode, Nonce, NoticeLevel, Op, ProcessAction, ToolSpec,
};
use nexus_tools::{Prepared, Registry, Tool, ToolContext, ToolError, ToolOutput};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    harness::{Harness, action, confined},
    model::{call, stop, text, tools},
};

/// Runs a "program" that counts how often it ran; what it would run is read afresh at each preparation.
struct Acts {
    ran: Arc<AtomicU32>,
    script: Arc<std::sync::Mutex<String>>,
}

#[async_trait]
impl Tool for Acts {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "act".into(),
            description: "A test.".into(),
            parameters: json!({ "type": "object", "properties": { "what": { "type": "string" } } }),
        }
    }

    fn capability(&self) -> Capability {
        Capability::Execute
    }

    async fn prepare(&self, arguments: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let code = self.script.lock().unwrap().clone();
        let what = arguments["what"].as_str().unwrap_or_default();
        let action = Action {
            process: Some(ProcessAction {
                runs: vec![BoundFile {
                    path: "/home/me/run.sh".into(),
                    sha256: "00".into(),
                }],
                ..confined(&code)
            }),
            ..action("act", Capability::Execute, what, &arguments)
        };
        let ran = Arc::clone(&self.ran);
        Ok(Prepared::new(action, move |_| async move {
            ran.fetch_add(1, Ordering::SeqCst);
            Ok(ToolOutput::text("acted", "acted"))
        }))
    }
}

struct World {
    harness: Harness,
    ran: Arc<AtomicU32>,
    script: Arc<std::sync::Mutex<String>>,
}

impl World {
    async fn new() -> Self {
        let ran = Arc::new(AtomicU32::new(0));
        let script = Arc::new(std::sync::Mutex::new("print(1)".to_owned()));
        let tool = Acts {
            ran: Arc::clone(&ran),
            script: Arc::clone(&script),
        };
        let registry = Registry::builtin().with(Arc::new(tool));
        let harness = Harness::with(registry, None).await;
        harness.works(Mode::Ask).await;
        Self {
            harness,
            ran,
            script,
        }
    }

    fn ran(&self) -> u32 {
        self.ran.load(Ordering::SeqCst)
    }

    fn plays_call(&self, what: &str) {
        let mut script = vec![text("I have to act.")];
        let arguments = json!({ "what": what }).to_string();
        script.extend(call(0, "a", "act", &arguments));
        script.push(tools());
        self.harness.model.plays(script);
    }

    /// Until the user is asked.
    async fn asked(&self) -> (ItemId, Approval) {
        self.harness
            .wait(
                0,
                |msg| matches!(msg, EventMsg::ItemChanged { item } if item.body.awaits_approval()),
            )
            .await;
        self.waiting().await.unwrap()
    }

    async fn waiting(&self) -> Option<(ItemId, Approval)> {
        let items = self.harness.snapshot().await.items;
        items.into_iter().find_map(|item| match item.body {
            ItemBody::ToolCall {
                approval: Some(approval),
                result: None,
                ..
            } if approval.answer.is_none() => Some((item.id, *approval)),
            _ => None,
        })
    }

    async fn ends(&self) {
        self.harness
            .wait(0, |msg| {
                matches!(
                    msg,
                    EventMsg::TurnCompleted { .. }
                        | EventMsg::TurnFailed { .. }
                        | EventMsg::TurnInterrupted { .. }
                )
            })
            .await;
    }

    async fn output(&self) -> String {
        let items = self.harness.snapshot().await.items;
        let call = items
            .iter()
            .find(|item| matches!(item.body, ItemBody::ToolCall { .. }));
        call.unwrap().body.text().to_owned()
    }
}

fn answer(item: ItemId, approval: &Approval, answer: ApprovalAnswer) -> Op {
    Op::Approve {
        item,
        nonce: approval.nonce,
        fingerprint: approval.fingerprint.clone(),
        answer,
    }
}

#[tokio::test]
async fn nothing_runs_before_the_answer_and_once_after_it() {
    let world = World::new().await;
    world.plays_call("this");
    world.harness.model.plays(vec![text("Done."), stop()]);
    world.harness.user("Act").await.unwrap();
    let (item, approval) = world.asked().await;
    assert_eq!(world.ran(), 0);
    assert_eq!(approval.reason.as_deref(), Some("I have to act."));
    assert_eq!(approval.action.process.as_ref().unwrap().code, "print(1)");
    // On disk before it was shown.
    let stored = world
        .harness
        .store
        .items(world.harness.summary.id)
        .await
        .unwrap();
    assert!(
        stored
            .iter()
            .any(|it| it.id == item && it.body.awaits_approval())
    );

    // Another question's answer, another action's: refused, and the question stays.
    let mut other = approval.clone();
    other.nonce = Nonce(Uuid::from_u128(1));
    let mut changed = approval.clone();
    changed.fingerprint.replace_range(..1, "x");
    for wrong in [&other, &changed] {
        let refused = world
            .harness
            .submit(answer(item, wrong, ApprovalAnswer::Once))
            .await;
        assert!(refused.is_err());
    }
    assert_eq!(world.ran(), 0);

    // A double click: the second one is refused.
    let op = answer(item, &approval, ApprovalAnswer::Once);
    let (first, second) = tokio::join!(
        world.harness.submit(op.clone()),
        world.harness.submit(op.clone())
    );
    assert_eq!([first.is_ok(), second.is_ok()], [true, false]);
    world.ends().await;
    assert!(world.harness.submit(op).await.is_err());
    assert_eq!(world.ran(), 1);
    assert_eq!(world.output().await, "acted");
    world.harness.check().await;
}

#[tokio::test]
async fn a_denied_call_does_not_run_and_the_model_reads_why() {
    let world = World::new().await;
    world.plays_call("this");
    world.harness.model.plays(vec![text("Then not."), stop()]);
    world.harness.user("Act").await.unwrap();
    let (item, approval) = world.asked().await;
    let word = "not on a Friday".to_owned();
    world
        .harness
        .submit(answer(item, &approval, ApprovalAnswer::Deny { word }))
        .await
        .unwrap();
    world.ends().await;
    assert_eq!(world.ran(), 0);
    assert_eq!(
        world.output().await,
        "The user denied this and said: not on a Friday\nNothing was done."
    );
    world.harness.check().await;
}

#[tokio::test]
async fn what_changed_since_the_question_does_not_run() {
    let world = World::new().await;
    world.plays_call("this");
    world.harness.model.plays(vec![text("I see."), stop()]);
    world.harness.user("Act").await.unwrap();
    let (item, approval) = world.asked().await;
    *world.script.lock().unwrap() = "print(2)".to_owned();
    world
        .harness
        .submit(answer(item, &approval, ApprovalAnswer::Once))
        .await
        .unwrap();
    world.ends().await;
    assert_eq!(world.ran(), 0);
    assert!(
        world
            .output()
            .await
            .contains("has changed since the user was asked")
    );
    world.harness.check().await;
}

#[tokio::test]
async fn stopping_withdraws_the_question() {
    let world = World::new().await;
    world.plays_call("this");
    world.harness.user("Act").await.unwrap();
    let (item, approval) = world.asked().await;
    world.harness.submit(Op::Interrupt).await.unwrap();
    world.ends().await;
    let late = answer(item, &approval, ApprovalAnswer::Once);
    assert!(world.harness.submit(late).await.is_err());
    assert_eq!(world.ran(), 0);
    assert_eq!(world.waiting().await, None);
    world.harness.check().await;
}

#[tokio::test]
async fn a_question_survives_a_restart_and_its_answer_goes_on_from_there() {
    let mut world = World::new().await;
    world.plays_call("this");
    world.harness.user("Act").await.unwrap();
    let (item, approval) = world.asked().await;
    world.harness.session.stop().await;
    // What a start does with what a crash leaves.
    world.harness.store.recover().await.unwrap();
    world.harness.restart().await;
    assert_eq!(world.waiting().await, Some((item, approval.clone())));
    assert_eq!(world.ran(), 0);
    world.harness.model.plays(vec![text("Done."), stop()]);
    let op = answer(item, &approval, ApprovalAnswer::Once);
    let ended = world.harness.events().len();
    world.harness.submit(op.clone()).await.unwrap();
    world
        .harness
        .wait(ended, |msg| matches!(msg, EventMsg::TurnCompleted { .. }))
        .await;
    assert_eq!(world.ran(), 1);
    assert!(world.harness.submit(op).await.is_err());
    assert_eq!(world.ran(), 1);
    let items = world.harness.snapshot().await.items;
    assert!(
        items
            .iter()
            .all(|item| item.status != ItemStatus::InProgress)
    );
    assert_eq!(items.last().unwrap().body.text(), "Done.");
    assert_eq!(world.harness.model.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn who_writes_on_after_a_restart_has_not_allowed_it() {
    let mut world = World::new().await;
    world.plays_call("this");
    world.harness.user("Act").await.unwrap();
    let (item, approval) = world.asked().await;
    world.harness.session.stop().await;
    world.harness.restart().await;
    world
        .harness
        .model
        .plays(vec![text("As you wish."), stop()]);
    let ended = world.harness.events().len();
    world.harness.user("Never mind").await.unwrap();
    world
        .harness
        .wait(ended, |msg| matches!(msg, EventMsg::TurnCompleted { .. }))
        .await;
    let late = answer(item, &approval, ApprovalAnswer::Once);
    assert!(world.harness.submit(late).await.is_err());
    assert_eq!(world.ran(), 0);
    assert!(world.output().await.contains("did not answer"));
}

#[tokio::test]
async fn in_plan_mode_it_is_not_even_asked() {
    let world = World::new().await;
    let id = world.harness.summary.id;
    let summary = world
        .harness
        .store
        .set_mode(id, Mode::Plan)
        .await
        .unwrap()
        .unwrap();
    world.harness.session.changed(summary).await;
    world.plays_call("this");
    world.harness.model.plays(vec![text("1. Act."), stop()]);
    world.harness.user("Act").await.unwrap();
    world.ends().await;
    assert_eq!((world.ran(), world.waiting().await), (0, None));
    assert!(world.output().await.contains("Plan mode"));
    world.harness.check().await;
}

#[tokio::test]
async fn a_rule_that_cannot_be_saved_is_said_and_the_call_runs() {
    let world = World::new().await;
    let harness = &world.harness;
    *harness.rules.broken.lock().unwrap() = Some(ErrorCard::new(
        ErrorCode::Settings,
        "The settings could not be saved",
        "The disk is full. Make room, then try again.",
        ErrorAction::None,
    ));
    let arguments = json!({ "path": "a.txt", "content": "a" }).to_string();
    let mut script = call(0, "a", "write_file", &arguments);
    script.push(tools());
    harness.model.plays(script);
    harness.model.plays(vec![text("Done."), stop()]);
    harness.user("Write").await.unwrap();
    let (item, approval) = world.asked().await;
    let rule = approval.rule.clone().unwrap();
    let op = answer(item, &approval, ApprovalAnswer::Always);
    harness.submit(op).await.unwrap();
    world.ends().await;
    let written = harness.folder.path().join("work/a.txt");
    assert_eq!(std::fs::read_to_string(written).unwrap(), "a");
    let items = harness.snapshot().await.items;
    let said: Vec<(NoticeLevel, &str)> = items
        .iter()
        .filter_map(|item| match &item.body {
            ItemBody::Notice { level, text, .. } => Some((*level, text.as_str())),
            _ => None,
        })
        .collect();
    let expected = format!(
        "“Always” could not be saved as the rule {rule}. The settings could not be saved: The disk is full. Make room, then try again. This call runs all the same; you will be asked again for the next one like it."
    );
    assert_eq!(said, [(NoticeLevel::Warning, expected.as_str())]);
    harness.check().await;
}

#[tokio::test]
async fn calls_behind_a_question_wait_their_turn_after_a_restart_too() {
    let mut world = World::new().await;
    let mut script = call(0, "a", "act", "{}");
    script.extend(call(1, "b", "act", r#"{"what":"more"}"#));
    script.push(tools());
    world.harness.model.plays(script);
    world.harness.user("Act").await.unwrap();
    world.asked().await;
    let stand = async |world: &World| -> Vec<ItemStatus> {
        let items = world.harness.snapshot().await.items.into_iter();
        items
            .filter(|item| matches!(item.body, ItemBody::ToolCall { .. }))
            .map(|item| item.status)
            .collect()
    };
    let expected = [ItemStatus::InProgress, ItemStatus::Queued];
    assert_eq!(stand(&world).await, expected);
    world.harness.session.stop().await;
    world.harness.store.recover().await.unwrap();
    world.harness.restart().await;
    assert_eq!(stand(&world).await, expected);
    // Who writes on ends them both.
    world.harness.model.plays(vec![text("Fine."), stop()]);
    let from = world.harness.events().len();
    world.harness.user("Never mind").await.unwrap();
    world.harness.ends(from).await;
    assert_eq!(stand(&world).await, [ItemStatus::Interrupted; 2]);
    assert_eq!(world.ran(), 0);
}
