//! What the rules say to shell lines: a reviewed corpus, random lines, and the shell itself as the judge of how lines are read.
#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

#[path = "policy/actions.rs"]
mod actions;
#[path = "policy/desk.rs"]
mod desk;
#[path = "policy/escapes.rs"]
mod escapes;
#[path = "policy/properties.rs"]
mod properties;

use nexus_tools::policy::{Rule, Rules, Said, ShellLine, Verdict};
use proptest::prelude::*;

/// Rules as a generous user may have gathered them, the careless among them on purpose.
const ALLOWED: &[&str] = &[
    "git status",
    "git status *",
    "git log *",
    "git diff *",
    "git show *",
    "git --no-pager log *",
    "git branch *",
    "git tag --list",
    "git remote -v",
    "git blame *",
    "git rev-parse *",
    "git ls-files *",
    "git stash list",
    "git grep *",
    "git fetch *",
    "git pull *",
    "git clone *",
    "git submodule *",
    "git rebase *",
    "git bisect *",
    "git config *",
    "git difftool *",
    "git ls-remote *",
    "git -c *",
    "git --git-dir=/tmp/x *",
    "ls *",
    "cat *",
    "rg *",
    "grep *",
    "find *",
    "fd *",
    "wc *",
    "head *",
    "tail *",
    "pwd",
    "echo *",
    "cargo test *",
    "cargo build *",
    "npm test",
    "npm run lint",
    "npm run build",
    "make *",
    "python3 *",
    "perl *",
    "ruby *",
    "node *",
    "php *",
    "awk *",
    "sed *",
    "sort *",
    "uniq *",
    "tar *",
    "tree *",
    "date *",
    "hostname *",
    "jq *",
    "diff *",
    "stat *",
    "file *",
    "du *",
    "df *",
    "which *",
    "uname *",
    "id",
    "printf *",
    "basename *",
    "dirname *",
    "realpath *",
    "sha256sum *",
    "md5sum *",
    "cut *",
    "tr *",
    "nl *",
    "seq *",
    "true",
    "false",
    "test *",
    "cmp *",
    "comm *",
    "paste *",
    "column *",
    "fold *",
    "env *",
    "xargs *",
    "sudo *",
    "timeout *",
    "nohup *",
    "sh *",
    "bash *",
    "eval *",
    "rsync *",
    "ssh *",
    "less *",
    "man *",
    "command *",
    "exec *",
];
const ASKED: &[&str] = &["git push *", "hostname x", "curl *"];
const DENIED: &[&str] = &["rm *", "git reset --hard *"];

fn rules() -> Rules {
    let lists = [
        (Verdict::Allow, ALLOWED),
        (Verdict::Ask, ASKED),
        (Verdict::Deny, DENIED),
    ];
    let mut rules = Rules::default();
    for (verdict, list) in lists {
        for rule in list {
            rules = rules.with(verdict, format!("shell({rule})").parse().unwrap());
        }
    }
    rules
}

/// The generous ones alone.
fn careless_rules() -> Rules {
    ALLOWED.iter().fold(Rules::default(), |rules, rule| {
        rules.with(Verdict::Allow, format!("shell({rule})").parse().unwrap())
    })
}

/// Silence is a question: the mode decides, and none of the modes allows what no rule does without the sandbox.
fn word(rules: &Rules, line: &str) -> &'static str {
    match rules.on_line(&ShellLine::read(line)) {
        Some(Said::Allow) => "allow",
        Some(Said::Deny(_)) => "deny",
        Some(Said::Ask) | None => "ask",
    }
}

fn corpus() -> Vec<(String, String)> {
    include_str!("policy/command_lines.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (verdict, line) = line.split_at(6);
            (verdict.trim().to_owned(), line.replace('⏎', "\n"))
        })
        .collect()
}

#[test]
fn lines_get_what_a_reviewer_gives_them() {
    let rules = rules();
    let corpus = corpus();
    let wrong: Vec<String> = corpus
        .iter()
        .filter(|(expected, line)| word(&rules, line) != expected)
        .map(|(expected, line)| format!("{line:?}: {} instead of {expected}", word(&rules, line)))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(corpus.len() >= 350);
    println!("{} command lines, all as reviewed", corpus.len());
}

#[test]
fn what_cannot_be_kept_to_is_no_rule() {
    let refused = [
        "",
        "shell(",
        "shell(ls",
        "shell()",
        "shell(*)",
        "shell(ls; rm x)",
        "shell(ls $x)",
        "shell(ls > x)",
        "shell(a* b)",
        "Shell(ls)",
        "run_code(x)",
    ];
    let taken: Vec<&str> = refused
        .into_iter()
        .filter(|rule| rule.parse::<Rule>().is_ok())
        .collect();
    assert_eq!(taken, Vec::<&str>::new());
}

/// What may be glued together: lines of the corpus, what joins them, and noise.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(corpus()).prop_map(|(_, line)| line),
        2 => prop::sample::select(vec![
            ";", "&&", "||", "|", "&", "\n", " ", "$(", ")", "`", "'", "\"", "\\", "{", "}", "<<EOF", "EOF", ">", "<", "#", "$", "|&",
            ";;", "!", "(", "=", "~", "*", "\t", "\r", "\0", "é",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z$`'\"\\\\;&|<>(){} \n#*=~-]{0,12}",
    ]
}

fn line() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 1..5).prop_map(|pieces| pieces.join(" "))
}

fn cases(ci: u32, full: u32) -> ProptestConfig {
    let cases = if std::env::var_os("NEXUS_TEST_FULL").is_some() {
        full
    } else {
        ci
    };
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(cases(5_000, 50_000))]

    #[test]
    fn more_commands_never_make_a_line_allowed(
        first in line(),
        joint in prop::sample::select(vec![";", "&&", "||", "|", "\n", " ; "]),
        second in line(),
    ) {
        let rules = rules();
        // An unfinished line takes in what follows: the whole is another line, and is judged as one.
        if ShellLine::read(&first).opaque.is_none() {
            let after = word(&rules, &format!("{first}{joint}{second}"));
            if word(&rules, &first) != "allow" {
                prop_assert_ne!(after, "allow");
            }
            let appended = word(&rules, &format!("{first}{joint}rm -rf x"));
            prop_assert_eq!(appended, "deny");
        }
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,200}") {
        let _read = ShellLine::read(&text);
    }
}

/// The words that bash gives a command are the words that were read.
// Linux only: macOS brings a bash of 2007, which cannot report commands that it does not find.
#[cfg(target_os = "linux")]
mod shell {
    use std::process::{Command, Stdio};

    use super::*;

    /// Letters only from `a` to `c`: should a line be misread, nothing of such a name runs.
    fn arguments() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop::sample::select(vec![
                "a", "b", "c", " ", "  ", "\t", "'", "\"", "\\", "$", "`", ";", "&", "|", "<", "(",
                ")", "{", "}", "*", "?", "[", "]", "#", "!", "~", "=", ",", "-", "\n", "é", "%",
                "@", "+", ":", "^", "\\\"", "'a b'", "\"a b\"", "\\ ", "''", "\"\"",
            ]),
            0..12,
        )
        .prop_map(|parts| parts.concat())
    }

    /// Runs a line in a bash that finds no command but its own and reports every other one, words parted by NUL, to stderr.
    fn reported(line: &str) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let handler = "command_not_found_handle() { printf '%s\\0' \"$@\" $'\\x01' >&2; }\n";
        let output = Command::new("/bin/bash")
            .args(["--norc", "--noprofile", "-c", &format!("{handler}{line}")])
            .env_clear()
            .env("PATH", "/nowhere")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr)
            .split_terminator("\u{1}\0")
            .map(|words| words.split_terminator('\0').map(str::to_owned).collect())
            .collect()
    }

    proptest! {
        #![proptest_config(cases(2_000, 20_000))]

        #[test]
        fn commands_are_parted_as_bash_parts_them(
            parts in prop::collection::vec((arguments(), prop::sample::select(vec![";", "&&", "\n", " ; ", "; "])), 1..4),
        ) {
            let line: String = parts.iter().map(|(part, joint)| format!("a {part}{joint}")).collect::<String>() + "b";
            let read = ShellLine::read(&line);
            let plain = read.opaque.is_none()
                && read.commands.iter().all(|command| {
                    command.reads.is_empty() && command.writes.is_empty()
                        // What bash has itself, or takes for a job, is not reported.
                        && !command.argv[0].starts_with(['%', ':']) && !command.argv[0].is_empty()
                });
            if plain && !line.contains('|') {
                let expected: Vec<Vec<String>> = read.commands.into_iter().map(|command| command.argv).collect();
                prop_assert_eq!(reported(&line), expected, "{}", line);
            }
        }

        #[test]
        fn words_are_as_bash_reads_them(text in arguments()) {
            let line = format!("printf '%s\\0' {text}");
            let read = ShellLine::read(&line);
            let plain = read.opaque.is_none()
                && read.commands.len() == 1
                && read.commands[0].reads.is_empty()
                && read.commands[0].writes.is_empty();
            if plain {
                let folder = tempfile::tempdir().unwrap();
                let output = Command::new("/bin/bash")
                    .args(["--norc", "--noprofile", "-c", &line])
                    .env_clear()
                    .current_dir(folder.path())
                    .stderr(Stdio::null())
                    .output()
                    .unwrap();
                let words = &read.commands[0].argv[2..];
                let mut expected: String = words.iter().map(|word| format!("{word}\0")).collect();
                if words.is_empty() {
                    // `printf` fills its format once even without arguments.
                    expected.push('\0');
                }
                prop_assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", line);
            }
        }
    }
}
