//! A reviewed table: action, mode, rules and earlier answers, and what becomes of it; and what people read.

use nexus_protocol::Mode;
use nexus_tools::policy::{Decision, Permission, Question, Rule, Rules, Verdict, decide};

use super::desk::action;

pub const MODES: [Mode; 4] = [Mode::Ask, Mode::Edits, Mode::Plan, Mode::Auto];

/// What is asked about an action where nothing is said about it yet.
fn question(text: &str) -> Question {
    let permission = Permission {
        mode: Mode::Ask,
        rules: &Rules::default(),
        grants: &[],
    };
    match decide(&action(text), &permission) {
        Decision::Ask(question) => question,
        other => panic!("{text}: {other:?}"),
    }
}

fn settings(words: &[&str]) -> (Rules, Vec<String>) {
    let mut rules = Rules::default();
    let mut grants = Vec::new();
    for word in words {
        let (kind, text) = word.split_once(' ').unwrap();
        let (verdict, rule) = match kind {
            "allow" => (Verdict::Allow, Some(text.to_owned())),
            "ask" => (Verdict::Ask, Some(text.to_owned())),
            "deny" => (Verdict::Deny, Some(text.to_owned())),
            "always" => (Verdict::Allow, question(text).rule),
            "session" => {
                grants.extend(question(text).grant);
                continue;
            }
            other => panic!("no such word: {other}"),
        };
        if let Some(rule) = rule {
            rules = rules.with(verdict, Rule::for_verdict(verdict, &rule).unwrap());
        }
    }
    (rules, grants)
}

#[test]
fn actions_get_what_a_reviewer_gives_them() {
    let table = include_str!("actions.txt");
    let mut cases = 0;
    let mut wrong = Vec::new();
    for line in table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (letters, rest) = line.split_once(' ').unwrap();
        let parts: Vec<&str> = rest.split('¦').map(str::trim).collect();
        let (rules, grants) = settings(&parts[1..]);
        for (expected, mode) in letters.chars().zip(MODES) {
            let permission = Permission {
                mode,
                rules: &rules,
                grants: &grants,
            };
            let decision = decide(&action(parts[0]), &permission);
            let got = match decision {
                Decision::Allow => 'a',
                Decision::Ask(_) => '?',
                Decision::Deny(_) => 'x',
            };
            if got != expected {
                wrong.push(format!("{mode:?} {rest}: {got} instead of {expected}"));
            }
            cases += 1;
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(cases >= 800, "only {cases} cases");
    println!("{cases} decisions on actions, all as reviewed");
}

/// The words of questions: a person reads nothing else before an answer.
#[test]
fn questions_as_people_read_them() {
    let texts = [
        "write src/main.rs",
        "write README.md",
        "write src/a/1.rs + src/b/2.rs",
        "write a.txt + b.txt",
        "write a[b]/{c}/x",
        "write /tmp/x",
        "write a (copy)/x",
        "@protected write .git/hooks/pre-commit",
        "@protected write .bashrc",
        "@protected write .vscode/tasks.json",
        "@protected write Makefile",
        "@final write src/big.iso",
        "read /etc/hosts",
        "run cargo test -p x",
        "run npm run lint --fix",
        "run git commit -m 'a message'",
        "run ls -la 'my folder'",
        "run git reset --hard",
        "run cargo test && cargo build",
        "run ls $HOME",
        "run env ls",
        "run cat x > ../y",
        "run ls src/*.rs",
        "@net run cargo build",
        "@unconfined run ls",
        "@net=example.com @unconfined run ls",
        "@reads=/etc/hosts run cat x",
        "@foreign run ls",
        "@tool=start_job run cargo test",
        "code print(1)",
        "fetch example.com",
        "settings",
        "@broken=process run ls",
        "@broken=other write src/main.rs",
    ];
    let lines: Vec<String> = texts
        .into_iter()
        .map(|text| {
            let Question { why, rule, grant } = question(text);
            // The hash of a call says nothing to a reader.
            let grant = grant.map(|grant| match grant.strip_prefix("call ") {
                Some(rest) => format!("call {} …", rest.split(' ').next().unwrap()),
                None => grant,
            });
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            format!(
                "{text}\n    {why}\n    always: {}\n    session: {}",
                or_none(rule),
                or_none(grant)
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_may_not_be_allowed_says_why() {
    let refused = |text: &str| {
        Rule::for_verdict(Verdict::Allow, text)
            .map(|rule| rule.to_string())
            .unwrap_err()
            .to_string()
    };
    let texts = [
        "shell",
        "run_code",
        "run_code(print)",
        "web_fetch(host:example.com)",
        "write_file(../x)",
        "write_file(a/../../x)",
        "write_file(./x)",
        "write_file(src/)",
        "write_file(~/x)",
        r"write_file(src\x)",
        "write_file( src)",
        "write_file(src/[a)",
        "write_file(src/**",
        "web_fetch(host:Example.com)",
        "web_fetch(host:*)",
        "web_fetch(host:a.*.com)",
        "Write_file",
        "shell(ls | wc)",
    ];
    insta::assert_snapshot!(texts.map(refused).join("\n"));
    for rule in ["shell", "run_code", "web_fetch(host:*.example.com)"] {
        assert!(Rule::for_verdict(Verdict::Deny, rule).is_ok(), "{rule}");
        // By another way in, it allows nothing, either.
        let rules = Rules::default().with(Verdict::Allow, rule.parse().unwrap());
        for text in ["run ls", "code print(1)", "fetch a.example.com"] {
            let permission = Permission {
                mode: Mode::Ask,
                rules: &rules,
                grants: &[],
            };
            assert_ne!(
                decide(&action(text), &permission),
                Decision::Allow,
                "{rule}: {text}"
            );
        }
    }
}
