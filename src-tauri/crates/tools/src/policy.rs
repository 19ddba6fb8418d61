//! Whether a tool call may run.
//!
//! Owns the decision, as a pure function that fails closed. Refuses to act on it: the turn loop does.

mod carriers;
mod rules;
mod shell;

pub use rules::{Rule, RuleError, Rules, Verdict};
pub use shell::{PlainCommand, ShellLine};

use crate::{Effect, Registry};

/// What becomes of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It runs.
    Allow,
    /// The user decides.
    Ask,
    /// It does not run.
    Deny(String),
}

/// Decides on a call of `name`: harmless tools run, other known ones are asked for, unknown ones are denied.
/// The reason of a denial is for the model.
pub fn decide(name: &str, registry: &Registry) -> Decision {
    match registry.get(name).map(|tool| tool.effect()) {
        Some(Effect::Harmless) => Decision::Allow,
        Some(Effect::Unknown) => Decision::Ask,
        None => Decision::Deny(unknown(name, registry)),
    }
}

fn unknown(name: &str, registry: &Registry) -> String {
    // A model can write anything as a name; it need not read all of it again.
    let name: String = name.chars().take(64).collect();
    let known = registry
        .specs()
        .into_iter()
        .map(|spec| spec.name)
        .collect::<Vec<_>>();
    if known.is_empty() {
        format!("There is no tool “{name}”, and no other tool either. Answer without tools.")
    } else {
        format!(
            "There is no tool “{name}”. The tools are: {}.",
            known.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use nexus_protocol::ToolSpec;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Tool, ToolContext, ToolError, ToolOutput};

    struct Undeclared;

    #[async_trait]
    impl Tool for Undeclared {
        fn spec(&self) -> ToolSpec {
            ToolSpec {
                name: "undeclared".into(),
                description: String::new(),
                parameters: json!({"type": "object"}),
            }
        }

        async fn run(&self, _: Value, _: &ToolContext) -> Result<ToolOutput, ToolError> {
            Err(ToolError::Failed("never runs".into()))
        }
    }

    #[test]
    fn harmless_tools_run_and_everything_else_does_not() {
        let registry = Registry::builtin().with(Arc::new(Undeclared));
        let decisions = ["calculate", "current_time", "undeclared", "Calculate", ""]
            .map(|name| decide(name, &registry));
        assert_eq!(
            decisions,
            [
                Decision::Allow,
                Decision::Allow,
                Decision::Ask,
                Decision::Deny(
                    "There is no tool “Calculate”. The tools are: calculate, current_time, undeclared."
                        .into()
                ),
                Decision::Deny(
                    "There is no tool “”. The tools are: calculate, current_time, undeclared."
                        .into()
                ),
            ]
        );
    }

    #[test]
    fn without_tools_the_model_is_told_so() {
        assert_eq!(
            decide("calculate", &Registry::empty()),
            Decision::Deny(
                "There is no tool “calculate”, and no other tool either. Answer without tools."
                    .into()
            )
        );
    }
}
