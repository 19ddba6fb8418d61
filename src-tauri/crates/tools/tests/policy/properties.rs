//! What holds for any action, any rules and any answers.

use std::sync::LazyLock;

use nexus_protocol::{Action, Capability, FileAccess, Mode};
use nexus_tools::policy::{
    Decision, Permission, Rule, Rules, ShellLine, Verdict, decide, fingerprint,
};
use proptest::prelude::*;
use serde_json::Value;

use super::{
    actions::MODES,
    cases,
    desk::{action, file, network, unconfined},
    line,
};

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(MODES.to_vec())
}

fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "README.md",
        "src/main.rs",
        "src/a/b.rs",
        ".git/config",
        ".",
        "src",
        "/etc/hosts",
        "/w2/x",
        "Src/Main.rs",
        "a b/c",
        "a[b]/c",
        "a)b/c(d",
        "host:x/y",
    ])
    .prop_map(str::to_owned)
}

/// Actions of all kinds, whole and broken.
fn any_action() -> impl Strategy<Value = Action> {
    let verb = prop::sample::select(vec!["read", "write", "create", "delete"]);
    let plain = prop_oneof![
        3 => (verb, prop::collection::vec(path(), 1..3)).prop_map(|(verb, paths)| format!("{verb} {}", paths.join(" + "))),
        4 => line().prop_map(|line| format!("run {line}")),
        1 => prop::sample::select(vec![
            "move src/a.rs src/b.rs", "move src/a.rs /tmp/x", "code print(1)", "fetch example.com", "fetch *", "settings", "compute",
            "@tool=start_job run rm x", "@foreign run ls",
        ]).prop_map(str::to_owned),
    ]
    .prop_map(|text| action(&text));
    (plain, prop::collection::vec(0..14_u8, 0..2)).prop_map(|(mut action, changes)| {
        for change in changes {
            alter(&mut action, change);
        }
        action
    })
}

fn alter(action: &mut Action, change: u8) {
    match change {
        0 => action.network = Some(network("example.com")),
        1 => action.network = Some(network("*")),
        2 => action.process = None,
        3 => action.files.clear(),
        4 => action.files.push(file("/etc/hosts", FileAccess::Read)),
        5 => action.files.push(file("src/x", FileAccess::Modify)),
        6 => action.capability = Capability::Read,
        7 => action.capability = Capability::Execute,
        8 => action.capability = Capability::Compute,
        9 => action.tool = "shell".to_owned(),
        _ => {
            if let Some(process) = &mut action.process
                && change == 10
            {
                process.sandbox = unconfined();
            }
            if let Some(file) = action.files.first_mut() {
                match change {
                    10 => file.protected = true,
                    11 => file.undoable = false,
                    12 => file.inside = !file.inside,
                    _ => file.before = None,
                }
            }
        }
    }
}

const TOOLS: [&str; 9] = [
    "shell",
    "read_file",
    "write_file",
    "delete_file",
    "move_file",
    "web_fetch",
    "run_code",
    "calculate",
    "start_job",
];

const PATTERNS: [&str; 18] = [
    "",
    "(**)",
    "(src/**)",
    "(src/*)",
    "(*.md)",
    "(/etc/*)",
    "(/**)",
    "(**/.git/**)",
    "(host:example.com)",
    "(host:*.com)",
    "(git status *)",
    "(ls *)",
    "(rm *)",
    "(cat *)",
    "(cargo test)",
    "(git *)",
    "(echo *)",
    "(sort *)",
];

/// Read once: to compile their paths is most of the work.
static POOL: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    TOOLS
        .iter()
        .flat_map(|tool| PATTERNS.map(|pattern| format!("{tool}{pattern}")))
        .filter_map(|text| text.parse().ok())
        .collect()
});

fn any_rule() -> impl Strategy<Value = Rule> {
    prop::sample::select(POOL.as_slice())
}

fn rule_text() -> impl Strategy<Value = String> {
    let tool = prop::sample::select(TOOLS.as_slice());
    let pattern = prop_oneof![
        prop::sample::select(PATTERNS.as_slice()).prop_map(str::to_owned),
        "\\([a-zA-Z0-9 '\"\\\\*./()=~é#-]{1,16}\\)",
    ];
    (tool, pattern).prop_map(|(tool, pattern)| format!("{tool}{pattern}"))
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![Verdict::Allow, Verdict::Ask, Verdict::Deny])
}

fn any_rules() -> impl Strategy<Value = Rules> {
    prop::collection::vec((verdict(), any_rule()), 0..6).prop_map(|rules| {
        rules
            .into_iter()
            .fold(Rules::default(), |rules, (verdict, rule)| {
                rules.with(verdict, rule)
            })
    })
}

/// The higher, the freer.
fn freedom(action: &Action, mode: Mode, rules: &Rules, grants: &[String]) -> u8 {
    match decide(
        action,
        &Permission {
            mode,
            rules,
            grants,
        },
    ) {
        Decision::Deny(_) => 0,
        Decision::Ask(_) => 1,
        Decision::Allow => 2,
    }
}

/// What asking about an action would give, at its most.
fn answers(action: &Action, mode: Mode) -> (Rules, Vec<String>) {
    let none = Rules::default();
    let permission = Permission {
        mode,
        rules: &none,
        grants: &[],
    };
    match decide(action, &permission) {
        Decision::Ask(question) => {
            let rule: Option<Rule> = question.rule.map(|rule| rule.parse().unwrap());
            let rules = rule.map_or_else(Rules::default, |rule| none.with(Verdict::Allow, rule));
            (rules, question.grant.into_iter().collect())
        }
        _ => (none, Vec::new()),
    }
}

proptest! {
    #![proptest_config(cases(5_000, 50_000))]

    #[test]
    fn an_appended_command_never_frees_a_line(
        first in line(), joint in prop::sample::select(vec![";", "&&", "||", "|", "\n"]), second in line(),
        mode in mode(), rules in any_rules(),
    ) {
        // An unfinished line takes in what follows: the whole is another line, and is judged as one.
        if ShellLine::read(&first).opaque.is_none() {
            let before = freedom(&action(&format!("run {first}")), mode, &rules, &[]);
            let after = freedom(&action(&format!("run {first}{joint}{second}")), mode, &rules, &[]);
            prop_assert!(after <= before, "{} became freer", first);
        }
    }

    #[test]
    fn a_rule_that_forbids_or_asks_never_frees(action in any_action(), mode in mode(), rules in any_rules(), rule in any_rule(), deny: bool) {
        let (_, grants) = answers(&action, Mode::Ask);
        let before = freedom(&action, mode, &rules, &grants);
        let verdict = if deny { Verdict::Deny } else { Verdict::Ask };
        prop_assert!(freedom(&action, mode, &rules.with(verdict, rule), &grants) <= before);
    }

    #[test]
    fn a_plan_changes_nothing(action in any_action(), rules in any_rules()) {
        let (always, grants) = answers(&action, Mode::Ask);
        let changes = action.process.is_some() || action.files.iter().any(|file| !file.access.is_read())
            || matches!(action.capability, Capability::Write | Capability::Execute | Capability::Settings);
        for rules in [rules, always] {
            let freedom = freedom(&action, Mode::Plan, &rules, &grants);
            prop_assert!(!changes || freedom == 0);
        }
    }

    #[test]
    fn nothing_takes_a_program_out_of_the_sandbox(mut action in any_action(), mode in mode(), rules in any_rules()) {
        let (always, grants) = answers(&action, Mode::Ask);
        if let Some(process) = &mut action.process {
            process.sandbox = unconfined();
            let (own, own_grants) = answers(&action, Mode::Ask);
            prop_assert_eq!(own_grants, Vec::<String>::new());
            for rules in [rules, always, own] {
                prop_assert!(freedom(&action, mode, &rules, &grants) < 2);
            }
        }
    }

    /// What is offered works, and covers no more of what a rule may not give.
    #[test]
    fn an_answer_does_what_it_says_and_no_more(action in any_action(), mode in mode(), rules in any_rules()) {
        let Decision::Ask(question) = decide(&action, &Permission { mode, rules: &rules, grants: &[] }) else { return Ok(()) };
        prop_assert!(!question.why.is_empty() && !question.why.contains('\n'));
        let mut with = rules.clone();
        if let Some(rule) = &question.rule {
            with = with.with(Verdict::Allow, Rule::for_verdict(Verdict::Allow, rule).unwrap());
            prop_assert_eq!(freedom(&action, mode, &with, &[]), 2, "{}", rule);
        }
        let grants: Vec<String> = question.grant.into_iter().collect();
        if !grants.is_empty() {
            prop_assert_eq!(freedom(&action, mode, &rules, &grants), 2, "{:?}", grants);
        }
        let mut online = action.clone();
        online.network = Some(network("evil.example"));
        let mut outside = action.clone();
        outside.files.push(file("/etc/passwd", FileAccess::Modify));
        let mut protected = action.clone();
        for file in protected.files.iter_mut().filter(|file| !file.access.is_read()) {
            file.protected = true;
        }
        for more in [online, outside, protected] {
            if more != action {
                prop_assert!(freedom(&more, mode, &with, &grants) < 2, "{:?} {:?}", more, grants);
            }
        }
    }

    #[test]
    fn a_rule_is_its_text(text in rule_text()) {
        if let Ok(rule) = text.parse::<Rule>() {
            prop_assert_eq!(&rule.to_string().parse::<Rule>().unwrap(), &rule);
            let json = serde_json::to_string(&rule).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        }
    }

    #[test]
    fn reading_a_rule_never_panics(text in "\\PC{0,40}", tool in prop::sample::select(vec!["", "shell(", "write_file(", "x(host:"])) {
        if let Ok(rule) = format!("{tool}{text})").parse::<Rule>() {
            prop_assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
        }
    }
}

/// All strings and numbers in a JSON value.
fn leaves<'a>(value: &'a mut Value, into: &mut Vec<&'a mut Value>) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| leaves(value, into)),
        Value::Object(map) => map.values_mut().for_each(|value| leaves(value, into)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) => into.push(value),
        Value::Null => {}
    }
}

/// One bit of one byte of a leaf; none where that is no text any more.
fn flip(leaf: &mut Value, at: prop::sample::Index, bit: u8) -> Option<()> {
    match leaf {
        Value::String(text) if text.is_empty() => text.push('x'),
        Value::String(text) => {
            let mut bytes = text.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            *text = String::from_utf8(bytes).ok()?;
        }
        Value::Number(number) => *leaf = (number.as_u64()? ^ (1 << bit)).into(),
        Value::Bool(it) => *it = !*it,
        _ => return None,
    }
    Some(())
}

#[test]
fn a_changed_byte_is_another_fingerprint() {
    use std::cell::Cell;
    let (tried, same_type) = (Cell::new(0_u32), Cell::new(0_u32));
    let mut runner = proptest::test_runner::TestRunner::new(cases(2_000, 20_000));
    let bytes = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..7_u8,
    );
    runner
        .run(&(any_action(), bytes), |(action, (leaf, at, bit))| {
            let mut value = serde_json::to_value(&action).unwrap();
            let mut found = Vec::new();
            leaves(&mut value, &mut found);
            let chosen = leaf.index(found.len());
            tried.set(tried.get() + 1);
            if flip(found.swap_remove(chosen), at, bit).is_none() {
                return Ok(());
            }
            // A changed name of a capability is no action at all.
            if let Ok(changed) = serde_json::from_value::<Action>(value) {
                same_type.set(same_type.get() + 1);
                prop_assert_ne!(fingerprint(&changed), fingerprint(&action));
            }
            Ok(())
        })
        .unwrap();
    assert!(
        same_type.get() > tried.get() / 2,
        "{} of {}",
        same_type.get(),
        tried.get()
    );
}

#[test]
fn the_same_action_has_the_same_fingerprint() {
    for text in [
        "run ls",
        "write src/main.rs",
        "fetch example.com",
        "compute",
    ] {
        let action = action(text);
        let again: Action = serde_json::from_str(&serde_json::to_string(&action).unwrap()).unwrap();
        assert_eq!(fingerprint(&action), fingerprint(&again));
        assert_eq!(fingerprint(&action).len(), 64);
    }
}

/// What a full run of the property above once found.
#[test]
fn what_is_forbidden_does_not_hide_behind_an_odd_character_or_length() {
    let deny = Rule::for_verdict(Verdict::Deny, "shell(git *)").unwrap();
    let rules = Rules::default().with(Verdict::Deny, deny);
    for odd in ["\r", "\u{202e}", &" x".repeat(40_000)] {
        let line = ShellLine::read(&format!("git status; echo {odd}"));
        assert!(line.opaque.is_some());
        let said = rules.on_line(&line);
        assert!(
            matches!(said, Some(nexus_tools::policy::Said::Deny(_))),
            "{said:?}"
        );
    }
}
