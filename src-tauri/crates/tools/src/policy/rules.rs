//! What a user allowed, wants to be asked about, or forbade: per tool and per argument.
//!
//! Owns the text of rules and what they match. A rule reads `tool` or `tool(pattern)`. For `shell` the pattern is the words of a
//! command, and a last `*` stands for any further ones: `shell(git status *)`. For other tools it is a path, `write_file(src/**)`, where
//! `*` does not cross a `/`. `tool(host:example.com)` and `tool(host:*.example.com)` speak of whom a call talks to. Refuses to match
//! what was not read whole.

mod pattern;

use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
    sync::Arc,
};

use nexus_protocol::Action;
use serde::{Deserialize, Serialize};

use self::pattern::{CommandPattern, HostPattern, PathPattern};
use super::{
    ShellLine, carriers,
    reach::{has_parent, is_absolute},
    shell::PlainCommand,
};

/// The tool whose rules speak of commands.
pub(super) const SHELL: &str = "shell";
/// The tool that runs code of any kind, which no pattern describes.
pub(super) const RUN_CODE: &str = "run_code";

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Runs without asking.
    Allow,
    /// The user is asked.
    Ask,
    /// Does not run.
    Deny,
}

/// What the rules say to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Runs without asking.
    Allow,
    /// The user is asked.
    Ask,
    /// Does not run: the reason, for the model.
    Deny(String),
}

/// A rule without its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rule {
    tool: String,
    pattern: Pattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// Any call of the tool.
    Whole,
    Command(CommandPattern),
    /// Shared: a question tries out all rules with one more, and a compiled path is dear to copy.
    Path(Arc<PathPattern>),
    Host(HostPattern),
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{rule}” is no rule: {why}. Write `tool`, `shell(git status *)`, `write_file(src/**)` or `tool(host:example.com)`."
)]
pub struct RuleError {
    rule: String,
    why: &'static str,
}

impl RuleError {
    fn new(rule: &str, why: &'static str) -> Self {
        Self {
            rule: rule.chars().take(200).collect(),
            why,
        }
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let error = |why| RuleError::new(text, why);
        let text = text.trim();
        let (tool, pattern) = match text.split_once('(') {
            None => (text, None),
            Some((tool, rest)) => {
                let pattern = rest
                    .strip_suffix(')')
                    .ok_or_else(|| error("the bracket is not closed at its end"))?;
                (tool, Some(pattern))
            }
        };
        if tool.is_empty()
            || !tool
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err(error("a tool's name has small letters, digits and _"));
        }
        let pattern = match pattern {
            None => Pattern::Whole,
            // A pattern that nothing looks at would be a lock that locks nothing.
            Some(_) if tool == RUN_CODE => {
                return Err(error(
                    "`run_code` takes no pattern: code can say the same in many ways",
                ));
            }
            Some(pattern) => match pattern.strip_prefix("host:") {
                Some(host) => Pattern::Host(HostPattern::read(host).map_err(error)?),
                None if tool == SHELL => {
                    Pattern::Command(CommandPattern::read(pattern).map_err(error)?)
                }
                None => Pattern::Path(Arc::new(PathPattern::read(pattern).map_err(error)?)),
            },
        };
        Ok(Self {
            tool: tool.to_owned(),
            pattern,
        })
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { tool, pattern } = self;
        match pattern {
            Pattern::Whole => f.write_str(tool),
            Pattern::Command(command) => write!(f, "{tool}({command})"),
            Pattern::Path(path) => write!(f, "{tool}({path})"),
            Pattern::Host(host) => write!(f, "{tool}({host})"),
        }
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for Rule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl Rule {
    /// Reads the text of a rule that is to have this verdict: not all that can be forbidden can be allowed.
    ///
    /// # Errors
    /// Says what is wrong with the text, for people.
    pub fn for_verdict(verdict: Verdict, text: &str) -> Result<Self, RuleError> {
        let rule: Self = text.parse()?;
        match rule.never_allows() {
            Some(why) if verdict == Verdict::Allow => Err(RuleError::new(text, why)),
            _ => Ok(rule),
        }
    }

    /// Why it can only forbid and ask.
    fn never_allows(&self) -> Option<&'static str> {
        match self.pattern {
            Pattern::Whole if self.tool == SHELL || self.tool == RUN_CODE => {
                Some("that would allow any code; only the sandbox of the Auto mode can do that")
            }
            Pattern::Host(_) => Some(
                "the network is asked for each time; a host can only be forbidden or asked about",
            ),
            _ => None,
        }
    }

    /// Whether it allows the whole action. The caller sees to what no rule gives.
    pub(super) fn allows(&self, action: &Action) -> bool {
        Rules::default()
            .with(Verdict::Allow, self.clone())
            .on_action(action)
            == Some(Said::Allow)
    }
}

/// All rules of a session. Which list a rule came in by does not matter: the strictest that matches counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<(Verdict, Rule)>,
}

impl Rules {
    /// The same and another rule.
    #[must_use]
    pub fn with(mut self, verdict: Verdict, rule: Rule) -> Self {
        self.rules.push((verdict, rule));
        self
    }

    /// What the rules say to a call; none where they are silent about a part of it.
    pub(super) fn on_action(&self, action: &Action) -> Option<Said> {
        // `deny shell(rm *)` means the command, whichever tool runs it.
        let on_line = line_of(action).and_then(|line| self.on_line(&line));
        if let Some(Said::Deny(reason)) = on_line {
            return Some(Said::Deny(reason));
        }
        let own = || {
            self.rules
                .iter()
                .filter(|(_, rule)| rule.tool == action.tool)
        };
        let strictest = own()
            .filter_map(|(verdict, rule)| strictness(*verdict, &rule.pattern, action))
            .max();
        match strictest {
            Some(Verdict::Deny) => Some(Said::Deny(format!(
                "A rule of the user forbids this call of `{}`. Go on without it.",
                action.tool
            ))),
            Some(Verdict::Ask) => Some(Said::Ask),
            // For a program only the words of its line can allow; a rule of another tool about its line allows nothing.
            _ if action.process.is_some() => {
                on_line.filter(|said| *said == Said::Ask || action.tool == SHELL)
            }
            Some(Verdict::Allow) => Some(Said::Allow),
            None => self.every_file_allowed(action).then_some(Said::Allow),
        }
    }

    fn every_file_allowed(&self, action: &Action) -> bool {
        let allowed = |file| {
            self.rules.iter().any(|(verdict, rule)| {
                *verdict == Verdict::Allow
                    && rule.tool == action.tool
                    && matches!(&rule.pattern, Pattern::Path(path) if path.matches(file))
            })
        };
        !action.files.is_empty() && action.files.iter().all(allowed)
    }

    /// What the rules say to a line for `shell`; none where they are silent about a part of it. What is opaque is never
    /// allowed, and what is forbidden is looked for even there.
    pub fn on_line(&self, line: &ShellLine) -> Option<Said> {
        let verdicts: Vec<Option<Verdict>> = line
            .commands
            .iter()
            .map(|command| self.on_command(command))
            .collect();
        let denied = line
            .commands
            .iter()
            .zip(&verdicts)
            .find(|(_, verdict)| **verdict == Some(Verdict::Deny));
        if let Some((command, _)) = denied {
            let words = command.argv.join(" ");
            let words: String = words.chars().take(80).collect();
            return Some(Said::Deny(format!(
                "A rule of the user forbids “{words}”. Go on without it."
            )));
        }
        // What a rule forbids may be in what cannot be read: then no mode lets it pass, either.
        let hides = line.opaque.is_some()
            || line
                .commands
                .iter()
                .any(|command| carriers::carries(&command.argv));
        if verdicts.contains(&Some(Verdict::Ask)) || (hides && self.guards_commands()) {
            return Some(Said::Ask);
        }
        let allowed = line.opaque.is_none()
            && verdicts
                .iter()
                .all(|verdict| *verdict == Some(Verdict::Allow));
        (allowed && !verdicts.is_empty()).then_some(Said::Allow)
    }

    /// Whether some command is forbidden or asked about.
    fn guards_commands(&self) -> bool {
        self.rules.iter().any(|(verdict, rule)| {
            *verdict > Verdict::Allow && matches!(rule.pattern, Pattern::Command(_))
        })
    }

    fn on_command(&self, command: &PlainCommand) -> Option<Verdict> {
        let matches = |(verdict, rule): &&(Verdict, Rule)| match (&rule.pattern, verdict) {
            (Pattern::Command(pattern), Verdict::Allow) => {
                pattern.matches(&command.argv) && may_ride(command)
            }
            (Pattern::Command(pattern), _) => pattern.matches_loosely(&command.argv),
            (Pattern::Whole, verdict) => *verdict > Verdict::Allow && rule.tool == SHELL,
            _ => false,
        };
        self.rules
            .iter()
            .filter(matches)
            .map(|(verdict, _)| *verdict)
            .max()
    }
}

/// What a rule of the action's tool comes to, but for commands and for paths that allow, where all parts of an action count together.
fn strictness(verdict: Verdict, pattern: &Pattern, action: &Action) -> Option<Verdict> {
    match (pattern, verdict) {
        (Pattern::Whole, Verdict::Allow) => action.process.is_none().then_some(Verdict::Allow),
        (Pattern::Whole, verdict) => Some(verdict),
        (Pattern::Host(host), Verdict::Ask | Verdict::Deny) => action
            .network
            .as_ref()
            .is_some_and(|network| host.may_be(network))
            .then_some(verdict),
        (Pattern::Path(path), Verdict::Ask | Verdict::Deny) => {
            if action.files.iter().any(|file| path.matches_loosely(file)) {
                return Some(verdict);
            }
            let below = action.files.iter().any(|file| path.may_be_below(file));
            below.then_some(Verdict::Ask)
        }
        (Pattern::Host(_) | Pattern::Path(_) | Pattern::Command(_), _) => None,
    }
}

/// The shell line that an action runs; none where it runs something else. What is for another shell than Bourne's is opaque.
pub(super) fn line_of(action: &Action) -> Option<ShellLine> {
    let process = action.process.as_ref()?;
    if process.language != "shell" && action.tool != SHELL {
        return None;
    }
    let mut line = ShellLine::read(&process.code);
    let program = process.argv.first().map(|program| base_name(program));
    let foreign = matches!(program.as_deref(), Some("powershell" | "pwsh" | "cmd"));
    if foreign || process.language != "shell" {
        line.opaque = Some("it is written for another shell");
    }
    Some(line)
}

/// A rule for a command, as text; none where it would not be read as the same.
pub(super) fn command_rule(words: &[String], open: bool) -> Option<String> {
    let rule = Rule {
        tool: SHELL.to_owned(),
        pattern: Pattern::Command(CommandPattern::new(words, open)),
    };
    let text = rule.to_string();
    (text.parse() == Ok(rule)).then_some(text)
}

/// A rule for a file, or for all in a folder, as text; none where none can be written.
pub(super) fn path_rule(tool: &str, path: &str, folder: bool) -> Option<String> {
    let below = if folder { "/**" } else { "" };
    let text = format!("{tool}({}{below})", globset::escape(path));
    text.parse::<Rule>().is_ok().then_some(text)
}

/// A program's name without its folder, the letters' case, which some file systems do not know, and what Windows adds.
pub(super) fn base_name(command: &str) -> String {
    let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.to_lowercase();
    let bare = [".exe", ".cmd", ".bat", ".com"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    bare.unwrap_or(&name).to_owned()
}

/// Whether a rule that allows may count for the command.
fn may_ride(command: &PlainCommand) -> bool {
    !carriers::carries(&command.argv)
        && !command
            .argv
            .iter()
            .skip(1)
            .any(|argument| names_outside(argument))
        && command
            .writes
            .iter()
            .all(|path| is_plainly_inside(path, true))
        && command
            .reads
            .iter()
            .all(|path| is_plainly_inside(path, false))
}

/// Whether an argument may name a file outside the folder, or a place in the network: `/etc/shadow`, `--file=../x`, `-I/usr`,
/// `@/etc/passwd`, `https://…`. Files outside are asked for, whatever the rules.
fn names_outside(argument: &str) -> bool {
    if argument == "/dev/null" {
        return false;
    }
    let attached = argument
        .strip_prefix('-')
        .filter(|rest| !rest.starts_with('-'))
        .and_then(|rest| rest.get(1..));
    argument
        .split(['=', ',', ':', '@'])
        .chain(attached)
        .any(|part| is_absolute(part) || has_parent(part))
        || is_absolute(argument)
}

/// Whether a redirection's file lies in the folder by its text alone, and is none that something runs later.
fn is_plainly_inside(path: &str, written: bool) -> bool {
    if path == "/dev/null" {
        return true;
    }
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let absolute = path.starts_with(['/', '\\']) || path.contains(':');
    let up = parts.contains(&"..");
    let hidden = parts
        .iter()
        .any(|part| part.starts_with('.') && *part != ".");
    let pattern = path.contains(['*', '?', '[']);
    let outside = path.is_empty() || absolute || up || pattern;
    !(outside || written && hidden)
}
