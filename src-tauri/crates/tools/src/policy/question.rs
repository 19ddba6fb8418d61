//! What the user is asked, and what an answer may cover.
//!
//! Owns the words, the rule that *always* adds and the grants of a session. Refuses to decide: whether a rule or a grant would
//! make a difference is tried out by the decision itself.
//!
//! A grant is one of two texts. `rule …` is a rule that allows, for this session; it covers what a rule may cover. `call …` is one
//! call and all that it reaches, its network, sandbox, environment and files among it; only what the files hold may differ.

use nexus_protocol::{Action, Capability, FileAction};

use super::{
    Rule, ShellLine, Verdict, fingerprint,
    reach::{self, Beyond},
    rules::{RUN_CODE, SHELL, command_rule, line_of, path_rule},
};

/// What a session's user allowed.
pub(super) enum Grant<'a> {
    Rule(Box<Rule>),
    Call(&'a str),
}

impl<'a> Grant<'a> {
    /// `None` for what no question gave.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        if let Some(rule) = text.strip_prefix("rule ") {
            return Rule::for_verdict(Verdict::Allow, rule)
                .ok()
                .map(|rule| Self::Rule(Box::new(rule)));
        }
        text.starts_with("call ").then_some(Self::Call(text))
    }

    pub(super) fn covers(&self, action: &Action) -> bool {
        match self {
            Self::Rule(rule) => rule.allows(action),
            Self::Call(text) => may_be_granted(action) && same_call(action) == *text,
        }
    }
}

/// The grant for this very call again, whatever the files hold then.
pub(super) fn same_call(action: &Action) -> String {
    let mut same = action.clone();
    for file in &mut same.files {
        (file.before, file.after, file.diff) = (None, None, None);
    }
    format!("call {} {}", action.tool, fingerprint(&same))
}

/// Whether a session may be given this, call by call. Never what nothing confines, what programs trust, or what cannot be taken back.
pub(super) fn may_be_granted(action: &Action) -> bool {
    reach::beyond(action)
        .iter()
        .all(|beyond| matches!(beyond, Beyond::Network(_) | Beyond::ReadsOutside(_)))
}

/// Grants to offer, the most useful first.
pub(super) fn grants(action: &Action) -> Vec<String> {
    // For a program the command as it stands: what *always* offers may be wider than this one answer.
    let wide = if action.process.is_some() {
        plain_command(action).and_then(|argv| command_rule(&argv, false))
    } else {
        path_rule_for(action)
    };
    wide.map(|rule| format!("rule {rule}"))
        .into_iter()
        .chain([same_call(action)])
        .collect()
}

/// The narrowest rule that makes sense for what is like this action.
pub(super) fn rule(action: &Action) -> Option<String> {
    if action.process.is_none() {
        return path_rule_for(action);
    }
    let argv = plain_command(action)?;
    match subcommand_words(&argv) {
        Some(words) => command_rule(argv.get(..words)?, true),
        None => command_rule(&argv, false),
    }
}

/// The words of a line that is one command and nothing else.
fn plain_command(action: &Action) -> Option<Vec<String>> {
    let line = line_of(action)?;
    match line.commands.as_slice() {
        [command] if action.tool == SHELL && line.opaque.is_none() => Some(command.argv.clone()),
        _ => None,
    }
}

/// Subcommands whose further arguments may differ from call to call without the command becoming another: they look, build or test.
/// What deletes, publishes or sets is offered word for word.
const OPEN: &[(&str, &[&str])] = &[
    (
        "git",
        &[
            "add",
            "blame",
            "diff",
            "grep",
            "log",
            "ls-files",
            "rev-parse",
            "shortlog",
            "show",
            "status",
        ],
    ),
    (
        "cargo",
        &[
            "bench", "build", "check", "clippy", "doc", "fmt", "metadata", "nextest", "test",
            "tree",
        ],
    ),
    ("npm", &["ls", "outdated", "run", "test"]),
    ("pnpm", &["run", "test"]),
    ("yarn", &["run", "test"]),
    ("bun", &["run", "test"]),
    ("deno", &["check", "fmt", "lint", "test"]),
    ("go", &["build", "doc", "fmt", "list", "test", "vet"]),
    ("dotnet", &["build", "test"]),
    ("pip", &["list", "show"]),
    ("rustup", &["show"]),
    ("gradle", &["build", "check", "test"]),
    ("mvn", &["compile", "test", "verify"]),
];

/// How many words of a command a rule keeps; `None` for all.
fn subcommand_words(argv: &[String]) -> Option<usize> {
    let [program, subcommand, ..] = argv else {
        return None;
    };
    let (_, open) = OPEN.iter().find(|(name, _)| name == program)?;
    if !open.contains(&subcommand.as_str()) {
        return None;
    }
    // `npm run` is any script of the project: its name belongs to the rule.
    let words = if subcommand == "run" { 3 } else { 2 };
    (argv.len() >= words).then_some(words)
}

/// The folder that all files of an action are in, as a rule for its tool.
fn path_rule_for(action: &Action) -> Option<String> {
    let (first, others) = action.files.split_first()?;
    if action.tool == SHELL
        || action.tool == RUN_CODE
        || action.files.iter().any(|file| !file.inside)
    {
        return None;
    }
    let folder = |file: &FileAction| -> Vec<String> {
        let parts: Vec<&str> = file.shown.split('/').collect();
        let folders = parts.len().saturating_sub(1);
        parts
            .iter()
            .take(folders)
            .map(|part| (*part).to_owned())
            .collect()
    };
    let common = others.iter().fold(folder(first), |common, file| {
        common
            .into_iter()
            .zip(folder(file))
            .take_while(|(ours, theirs)| ours == theirs)
            .map(|(ours, _)| ours)
            .collect()
    });
    // All of the working folder would be a mode, not a rule.
    match (common.is_empty(), others.is_empty()) {
        (true, true) => path_rule(&action.tool, &first.shown, false),
        (true, false) => None,
        (false, _) => path_rule(&action.tool, &common.join("/"), true),
    }
}

/// Why it is asked, for people: one line.
pub(super) fn why(action: &Action, by_rule: bool) -> String {
    if let Some(fault) = reach::fault(action) {
        return format!("Cannot be checked: {fault}");
    }
    let mut reasons: Vec<String> = reach::beyond(action).iter().map(in_words).collect();
    if by_rule {
        reasons.push("A rule of yours asks for this".to_owned());
    }
    if reasons.is_empty() {
        reasons.push(plain_reason(action));
    }
    reasons.join("; ")
}

fn in_words(beyond: &Beyond<'_>) -> String {
    match beyond {
        Beyond::Unconfined(why) => {
            format!(
                "Runs without a sandbox: {}",
                short(why).trim_end_matches('.')
            )
        }
        Beyond::Settings => "Changes the app's own settings".to_owned(),
        Beyond::Protected(file) => format!(
            "Changes a file that {}: {}",
            trusted_by(&file.shown),
            short(&file.shown)
        ),
        Beyond::WritesOutside(file) => {
            format!("Writes outside the working folder: {}", short(&file.shown))
        }
        Beyond::ReadsOutside(file) => {
            format!("Reads outside the working folder: {}", short(&file.shown))
        }
        Beyond::Network([]) => "May reach the network".to_owned(),
        Beyond::Network(hosts) => format!("May reach the network: {}", short(&hosts.join(", "))),
        Beyond::Final(file) => format!("Cannot be undone: {}", short(&file.shown)),
    }
}

/// Who runs or trusts a protected file, as far as its name tells.
fn trusted_by(shown: &str) -> &'static str {
    let lower = shown.to_lowercase();
    let has = |names: &[&str]| lower.split(['/', '\\']).any(|part| names.contains(&part));
    if has(&[
        ".git",
        ".githooks",
        ".gitmodules",
        ".gitattributes",
        ".gitconfig",
        ".husky",
        ".lefthook",
    ]) {
        "git runs or trusts"
    } else if has(&[
        ".bashrc",
        ".bash_profile",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".zprofile",
        ".envrc",
    ]) {
        "a shell runs when it starts"
    } else if has(&[".vscode", ".idea", ".zed", ".cursor", ".fleet"]) {
        "an editor trusts"
    } else if has(&[".ssh"]) {
        "ssh trusts"
    } else {
        "programs run or trust later"
    }
}

fn plain_reason(action: &Action) -> String {
    let opaque = line_of(action).and_then(|line: ShellLine| line.opaque);
    match (action.capability, opaque) {
        (Capability::Execute, Some(why)) => {
            format!("Runs a command line that cannot be checked: {why}")
        }
        (Capability::Execute, None) => "Runs a program in the sandbox".to_owned(),
        (Capability::Write, _) => "Changes files in the working folder".to_owned(),
        _ => "Is asked for in this mode".to_owned(),
    }
}

/// One line of bounded length: names and reasons come from outside.
fn short(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(120) {
        line.truncate(end);
        line.push('…');
    }
    line.chars()
        .filter(|c| !super::shell::is_trick(*c))
        .collect()
}
