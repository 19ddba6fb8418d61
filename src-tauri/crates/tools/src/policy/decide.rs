//! The decision: mode, rules and grants against one action.
//!
//! A pure function that fails closed. The order: what is never allowed, rules that deny, rules that ask, rules and grants that
//! allow, the mode. What an allow rule covers is still confined: no rule takes a program out of the sandbox, opens the network or
//! changes a protected file.

use nexus_protocol::{Action, Capability, Confinement, Mode};

use super::{Rules, ShellLine};

/// What becomes of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It runs.
    Allow,
    /// The user decides.
    Ask(Question),
    /// It does not run. The reason is for the model.
    Deny(String),
}

/// What the user is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Why it is asked, for people: one line.
    pub why: String,
    /// The rule that *always* would add; `None` where no rule may cover this.
    pub rule: Option<String>,
    /// What *for this session* would add to the session's grants; `None` where it is asked for each time.
    pub grant: Option<String>,
}

/// What is allowed in a session.
#[derive(Clone, Copy, Debug)]
pub struct Permission<'a> {
    /// How free the agent is.
    pub mode: Mode,
    /// The user's rules.
    pub rules: &'a Rules,
    /// What the user allowed for this session alone: texts that [`Question::grant`] gave.
    pub grants: &'a [String],
}

/// Decides on an action.
pub fn decide(action: &Action, permission: &Permission<'_>) -> Decision {
    let reads_inside = action.process.is_none()
        && action.network.is_none()
        && action
            .files
            .iter()
            .all(|file| file.inside && file.access.is_read());
    if action.capability == Capability::Compute
        || (action.capability == Capability::Read && reads_inside)
    {
        return Decision::Allow;
    }
    if let Some(process) = &action.process
        && process.language == "shell"
        && process.sandbox == Confinement::Full
        && action.network.is_none()
    {
        match permission.rules.on_line(&ShellLine::read(&process.code)) {
            Some(super::rules::Said::Deny(reason)) => return Decision::Deny(reason),
            Some(super::rules::Said::Allow) if permission.mode != Mode::Plan => {
                return Decision::Allow;
            }
            _ => {}
        }
    }
    if permission.mode == Mode::Plan {
        return Decision::Deny(
            "This chat is in Plan mode: nothing is changed and nothing runs. Finish the plan and say what you would do."
                .to_owned(),
        );
    }
    let grant = exact(action);
    if let Some(grant) = &grant
        && permission.grants.contains(grant)
    {
        return Decision::Allow;
    }
    Decision::Ask(Question {
        why: "This needs your word.".to_owned(),
        rule: None,
        grant,
    })
}

/// The grant that covers this very action again, whatever the files hold then.
fn exact(action: &Action) -> Option<String> {
    Some(format!("call {} {}", action.tool, action.arguments_hash))
}
