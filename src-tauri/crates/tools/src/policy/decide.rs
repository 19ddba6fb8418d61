//! The decision: mode, rules and grants against one action.
//!
//! A pure function that fails closed. The order: what is never allowed, rules that deny, what the mode forbids, rules that ask,
//! rules and grants that allow, the mode. What an allow rule covers is still confined: no rule takes a program out of the
//! sandbox, opens the network, leaves the working folder or changes a protected file.

use nexus_protocol::{Action, Capability, Mode};

use super::{
    Rule, Rules, Said, Verdict, limits,
    question::{self, Grant},
    reach,
};

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
    match settle(action, permission) {
        Settled::Allow => Decision::Allow,
        Settled::Deny(reason) => Decision::Deny(reason),
        Settled::Ask { by_rule } => Decision::Ask(ask(action, permission, by_rule)),
    }
}

enum Settled {
    Allow,
    Ask { by_rule: bool },
    Deny(String),
}

fn settle(action: &Action, permission: &Permission<'_>) -> Settled {
    if let Some(reason) = limits::forbidden(action) {
        return Settled::Deny(reason);
    }
    let said = permission.rules.on_action(action);
    if let Some(Said::Deny(reason)) = said {
        return Settled::Deny(reason);
    }
    if permission.mode == Mode::Plan && changes(action) {
        return Settled::Deny(
            "This chat is in Plan mode: nothing is changed and nothing runs. Finish the plan and say what you would do."
                .to_owned(),
        );
    }
    let fault = reach::fault(action).is_some();
    if fault || said == Some(Said::Ask) {
        return Settled::Ask { by_rule: !fault };
    }
    let allowed = if reach::beyond(action).is_empty() {
        said == Some(Said::Allow)
            || is_free(permission.mode, action.capability)
            || permission
                .grants
                .iter()
                .any(|grant| Grant::read(grant).is_some_and(|grant| grant.covers(action)))
    } else {
        // Beyond what rules and modes give, only the very same call again.
        question::may_be_granted(action) && permission.grants.contains(&question::same_call(action))
    };
    if allowed {
        Settled::Allow
    } else {
        Settled::Ask { by_rule: false }
    }
}

/// Whether anything would be other than before.
fn changes(action: &Action) -> bool {
    action.process.is_some()
        || action.files.iter().any(|file| !file.access.is_read())
        || matches!(
            action.capability,
            Capability::Write | Capability::Execute | Capability::Settings
        )
}

/// What a mode gives of that which stays in the working folder and in the sandbox.
fn is_free(mode: Mode, capability: Capability) -> bool {
    match capability {
        Capability::Compute | Capability::Read => true,
        Capability::Write => matches!(mode, Mode::Edits | Mode::Auto),
        Capability::Execute => mode == Mode::Auto,
        Capability::Network | Capability::Settings => false,
    }
}

/// Only what would make a difference is offered: with the rule, or the grant, the same call would run.
fn ask(action: &Action, permission: &Permission<'_>, by_rule: bool) -> Question {
    let runs = |permission: &Permission<'_>| matches!(settle(action, permission), Settled::Allow);
    let rule = question::rule(action).filter(|text| {
        Rule::for_verdict(Verdict::Allow, text).is_ok_and(|rule| {
            let rules = permission.rules.clone().with(Verdict::Allow, rule);
            runs(&Permission {
                rules: &rules,
                grants: &[],
                ..*permission
            })
        })
    });
    let grant = question::grants(action).into_iter().find(|grant| {
        runs(&Permission {
            grants: std::slice::from_ref(grant),
            ..*permission
        })
    });
    Question {
        why: question::why(action, by_rule),
        rule,
        grant,
    }
}
