//! How fast actions are decided on. Prints one line of JSON: name, with its unit, to number.
//!
//! `cargo run --release -p nexus-tools --example policy_bench [SECONDS]`
#![expect(clippy::print_stdout, reason = "the result goes to standard output")]

use std::{
    collections::BTreeMap,
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use nexus_protocol::{
    Action, Capability, Confinement, FileAccess, FileAction, Mode, ProcessAction, ToolLabel,
};
use nexus_tools::policy::{Permission, Rules, Verdict, decide, fingerprint};

/// As many rules as someone may have gathered in a year.
const RULES: usize = 200;
/// Between two looks at the clock.
const BATCH: u32 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(1.0), |text| text.parse())?;
    let span = Duration::try_from_secs_f64(seconds)?;
    let rules = rules()?;
    let permission = Permission {
        mode: Mode::Ask,
        rules: &rules,
        grants: &[],
    };
    let line = shell("cargo test -p nexus-tools policy && git status --short | head -n 20");
    let opaque = shell("for file in src/*.rs; do wc -l \"$file\"; done");
    let file = write("src/policy/decide.rs");
    let results = BTreeMap::from([
        (
            "policy_plain_line_per_s",
            rate(span, || drop(black_box(decide(&line, &permission)))),
        ),
        (
            "policy_opaque_line_per_s",
            rate(span, || drop(black_box(decide(&opaque, &permission)))),
        ),
        (
            "policy_file_per_s",
            rate(span, || drop(black_box(decide(&file, &permission)))),
        ),
        (
            "policy_fingerprint_per_s",
            rate(span, || drop(black_box(fingerprint(&line)))),
        ),
    ]);
    println!("{}", serde_json::to_string(&results)?);
    Ok(())
}

fn rules() -> Result<Rules, Box<dyn Error>> {
    let mut rules = Rules::default();
    for index in 0..RULES / 2 {
        rules = rules
            .with(
                Verdict::Allow,
                format!("shell(program{index} test *)").parse()?,
            )
            .with(
                Verdict::Deny,
                format!("write_file(folder{index}/**)").parse()?,
            );
    }
    for rule in [
        "shell(cargo test *)",
        "shell(git status *)",
        "shell(head *)",
    ] {
        rules = rules.with(Verdict::Allow, rule.parse()?);
    }
    Ok(rules)
}

/// How often a second.
fn rate(span: Duration, mut run: impl FnMut()) -> f64 {
    let began = Instant::now();
    let mut runs = 0_u32;
    while began.elapsed() < span {
        for _ in 0..BATCH {
            run();
        }
        runs = runs.saturating_add(BATCH);
    }
    (f64::from(runs) / began.elapsed().as_secs_f64()).round()
}

fn shell(line: &str) -> Action {
    Action {
        process: Some(ProcessAction {
            language: "shell".to_owned(),
            code: line.to_owned(),
            argv: vec!["/bin/bash".to_owned(), "-c".to_owned(), line.to_owned()],
            cwd: "/home/ada/project".to_owned(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            sandbox: Confinement::Full,
            runs: Vec::new(),
            time_limit_s: 120,
        }),
        ..action("shell", Capability::Execute)
    }
}

fn write(shown: &str) -> Action {
    Action {
        files: vec![FileAction {
            path: format!("/home/ada/project/{shown}"),
            shown: shown.to_owned(),
            access: FileAccess::Modify,
            inside: true,
            protected: false,
            before: None,
            after: None,
            diff: None,
            undoable: true,
        }],
        ..action("write_file", Capability::Write)
    }
}

fn action(tool: &str, capability: Capability) -> Action {
    Action {
        tool: tool.to_owned(),
        capability,
        label: ToolLabel::default(),
        process: None,
        files: Vec::new(),
        network: None,
        arguments_hash: "0".repeat(64),
    }
}
