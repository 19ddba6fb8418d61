//! Turns with tool calls.

use std::sync::Arc;

use async_trait::async_trait;
use nexus_protocol::{Capability, FinishReason, Op, ToolSpec};
use nexus_tools::{Prepared, Registry, Tool, ToolContext, ToolError, ToolOutput};
use serde_json::{Value, json};

use crate::{
    harness::{Harness, action},
    model::{arguments_of, call, finish, stop, text, tools},
};

/// A tool of a test.
pub struct Custom {
    pub name: &'static str,
    pub capability: Capability,
    pub act: fn() -> Act,
}

pub enum Act {
    Says(String),
    Panics,
    Hangs,
}

#[async_trait]
impl Tool for Custom {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.name.into(),
            description: "A test.".into(),
            parameters: json!({ "type": "object", "additionalProperties": false }),
        }
    }

    fn capability(&self) -> Capability {
        self.capability
    }

    async fn prepare(&self, arguments: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let action = action(self.name, self.capability, self.name, &arguments);
        let act = self.act;
        Ok(Prepared::new(action, move |_| async move {
            match act() {
                Act::Says(text) => Ok(ToolOutput::text(text, "said")),
                Act::Panics => panic!("a scripted panic"),
                Act::Hangs => std::future::pending().await,
            }
        }))
    }
}

#[tokio::test]
async fn two_calls_in_one_step_and_one_in_the_next() {
    let harness = Harness::new().await;
    let mut first = vec![text("Let me see.")];
    first.extend(call(0, "a", "calculate", r#"{"expression""#));
    first.extend(call(1, "b", "current_time", ""));
    first.push(arguments_of(0, r#":"6*7"}"#));
    first.push(tools());
    harness.model.plays(first);
    let mut second = call(0, "a", "calculate", r#"{"expression":"42 to hex"}"#);
    // Some providers say "stop" with calls.
    second.push(stop());
    harness.model.plays(second);
    harness.model.plays(vec![text("It is 42."), stop()]);
    harness.user_turn("What is six times seven?").await;
    let mut ends: Vec<String> = harness
        .story()
        .lines()
        .filter(|line| !line.contains("~ "))
        .map(|line| line[4..].to_owned())
        .collect();
    // The two calls of the first step run side by side: either may end first.
    let ended =
        |line: &String| line.starts_with("= ") && line.contains("step 0") && line.contains("call");
    let first = ends.iter().position(ended).unwrap();
    ends[first..first + 2].sort();
    insta::assert_snapshot!(ends.join("\n"));
    insta::assert_json_snapshot!(harness.model.requests().pop().unwrap().messages);
    harness.check().await;
}

#[tokio::test]
async fn every_wrong_call_gets_an_answer() {
    let panics = Custom {
        name: "panics",
        capability: Capability::Compute,
        act: || Act::Panics,
    };
    let registry = Registry::builtin().with(Arc::new(panics));
    let harness = Harness::with(registry, None).await;
    let wrong = [
        ("rm", "{}"),
        ("panics", "{}"),
        ("calculate", r#"{"expression": "#),
        ("calculate", "[1]"),
        ("calculate", r#"{"expression":1}"#),
        ("calculate", ""),
        ("current_time", r#"{"timezone":"Berlin"}"#),
    ];
    let mut script = Vec::new();
    for (index, (name, arguments)) in wrong.iter().enumerate() {
        script.extend(call(index as u32, &format!("c{index}"), name, arguments));
    }
    script.push(tools());
    harness.model.plays(script);
    harness.model.plays(vec![text("I give up."), stop()]);
    harness.user_turn("Do it").await;
    let mut results: Vec<String> = harness
        .story()
        .lines()
        .filter(|line| line.contains("= ") && line.contains("call "))
        .map(|line| line.split_once("Complete ").unwrap().1.to_owned())
        .collect();
    // They run side by side.
    results.sort();
    insta::assert_snapshot!(results.join("\n"));
    harness.check().await;
}

#[tokio::test]
async fn long_output_is_bounded_for_model_and_store() {
    let says = Custom {
        name: "talks",
        capability: Capability::Compute,
        act: || Act::Says(format!("begin{}end", "x".repeat(1_000_000))),
    };
    let harness = Harness::with(Registry::empty().with(Arc::new(says)), None).await;
    let mut script = call(0, "a", "talks", "{}");
    script.push(tools());
    harness.model.plays(script);
    harness.model.plays(vec![text("Long."), stop()]);
    harness.user_turn("Talk").await;
    let items = harness.snapshot().await.items;
    let output = items[1].body.text();
    assert!(output.len() <= 64 * 1024, "{}", output.len());
    assert!(output.starts_with("begin") && output.ends_with("end"));
    harness.check().await;
}

#[tokio::test]
async fn going_in_circles_is_stopped_and_can_be_continued() {
    let harness = Harness::new().await;
    for id in ["a", "b", "c"] {
        let mut script = call(0, id, "calculate", r#"{"expression":"1"}"#);
        script.push(tools());
        harness.model.plays(script);
    }
    harness.user_turn("Loop").await;
    let last: Vec<String> = harness
        .story()
        .lines()
        .rev()
        .take(5)
        .map(str::to_owned)
        .collect();
    insta::assert_snapshot!(last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    harness.check().await;
    harness.model.plays(vec![text("Enough."), stop()]);
    harness.turn(Op::Continue).await;
    harness.check().await;
}

#[tokio::test]
async fn the_limit_of_calls_holds() {
    let harness = Harness::new().await;
    harness.settings.lock().unwrap().max_tool_calls = 3;
    for number in 0..4 {
        let mut script = call(
            0,
            &format!("c{number}"),
            "calculate",
            &format!(r#"{{"expression":"{number}"}}"#),
        );
        script.push(finish(FinishReason::ToolCalls, None));
        harness.model.plays(script);
    }
    harness.user_turn("Work").await;
    let last = harness.story().lines().last().unwrap().to_owned();
    insta::assert_snapshot!(last);
    harness.check().await;
}
