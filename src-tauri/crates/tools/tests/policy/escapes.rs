//! What programs do besides what they are known for: no careless rule lets it pass.

use nexus_protocol::Mode;
use nexus_tools::policy::{Decision, Permission, Rules, ShellLine, Verdict, decide};

use super::{
    actions::MODES,
    careless_rules,
    desk::{action, network, unconfined},
};

/// A user who allowed each program that is in the line, whatever its arguments.
fn careless(line: &str) -> Rules {
    ShellLine::read(line)
        .commands
        .iter()
        .filter_map(|command| format!("shell({} *)", command.argv[0]).parse().ok())
        .fold(careless_rules(), |rules, rule| {
            rules.with(Verdict::Allow, rule)
        })
}

#[test]
fn no_escape_of_a_program_rides_on_a_careless_rule() {
    let lines: Vec<&str> = include_str!("escapes.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let mut passed = Vec::new();
    for line in &lines {
        let rules = careless(line);
        for mode in MODES {
            let permission = Permission {
                mode,
                rules: &rules,
                grants: &[],
            };
            let confined = action(&format!("run {line}"));
            let mut unconfined_too = confined.clone();
            unconfined_too.process.as_mut().unwrap().sandbox = unconfined();
            let mut online = confined.clone();
            online.network = Some(network("*"));
            // In Auto what the sandbox holds is free, whatever it is: there it is the sandbox that keeps a shell in the folder
            // and off the network, not the reading of lines.
            let held = mode == Mode::Auto;
            for (free, action) in [(held, confined), (false, unconfined_too), (false, online)] {
                if !free && decide(&action, &permission) == Decision::Allow {
                    passed.push(format!("{mode:?}: {line}"));
                }
            }
        }
    }
    assert_eq!(passed, Vec::<String>::new());
    assert!(lines.len() >= 500, "only {} lines", lines.len());
    println!("{} escapes, none allowed", lines.len());
}

/// The rules are awake: what they were meant for passes.
#[test]
fn careless_rules_allow_what_they_were_meant_for() {
    let lines = [
        "cat README.md",
        "find . -name x",
        "grep -rn x src",
        "sort names.txt",
        "tar tf x.tar",
        "python3 build.py",
        "git log -3",
        "make -j4 test",
        "base64 x",
        "cut -d, -f1 x",
        "diff a b",
        "uniq -c x",
        "node build.js",
        "cargo test",
        "go test -count=1",
        "npm test",
        "shuf x",
        "file x",
        "nm x",
        "cd src && cargo test",
        "printf %s x",
        "test -f x",
        "pytest -x tests",
        "mvn test",
        "gradle build",
    ];
    let asked: Vec<&str> = lines
        .into_iter()
        .filter(|line| {
            let permission = Permission {
                mode: Mode::Ask,
                rules: &careless(line),
                grants: &[],
            };
            decide(&action(&format!("run {line}")), &permission) != Decision::Allow
        })
        .collect();
    assert_eq!(asked, Vec::<&str>::new());
}
