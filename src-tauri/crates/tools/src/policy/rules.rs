//! What a user allowed, wants to be asked about, or forbade: per tool and per argument.
//!
//! Owns the text of rules and what they match. A rule reads `tool` or `tool(pattern)`; for `shell` the pattern is the words
//! of a command, and a last `*` stands for any further ones: `shell(git status *)`. Refuses to match what was not read whole.

use std::str::FromStr;

use super::{ShellLine, carriers, shell::PlainCommand};

/// The tool whose rules may have a pattern.
const SHELL: &str = "shell";

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    tool: String,
    command: Option<CommandPattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct CommandPattern {
    words: Vec<String>,
    open: bool,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{rule}” is no rule: {why}. Write `tool` or `shell(git status *)`.")]
pub struct RuleError {
    rule: String,
    why: &'static str,
}

impl Rule {
    /// Reads a rule that says `verdict`.
    ///
    /// # Errors
    /// Where the text is no rule, or none that may say so.
    pub fn for_verdict(_verdict: Verdict, text: &str) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let error = |why| RuleError {
            rule: text.chars().take(200).collect(),
            why,
        };
        let (tool, pattern) = match text.trim().split_once('(') {
            None => (text.trim(), None),
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
        // A pattern that nothing looks at would be a lock that locks nothing.
        if pattern.is_some() && tool != SHELL {
            return Err(error("only `shell` takes a pattern"));
        }
        let command = pattern
            .map(|pattern| CommandPattern::read(pattern).map_err(error))
            .transpose()?;
        Ok(Self {
            tool: tool.to_owned(),
            command,
        })
    }
}

impl CommandPattern {
    /// The pattern is itself read as a shell line, so that its words mean what they mean in a line.
    fn read(pattern: &str) -> Result<Self, &'static str> {
        let pattern = pattern.trim();
        let (fixed, open) = match pattern.strip_suffix('*') {
            Some(fixed) => (fixed, true),
            None => (pattern, false),
        };
        let line = ShellLine::read(fixed.trim_end());
        let [command] = line.commands.as_slice() else {
            return Err("the pattern is not one command");
        };
        let redirects = !command.reads.is_empty() || !command.writes.is_empty();
        if line.opaque.is_some() || redirects || command.argv.iter().any(|w| w.contains('*')) {
            return Err("the pattern holds more than plain words and a last *");
        }
        Ok(Self {
            words: command.argv.clone(),
            open,
        })
    }

    fn matches(&self, argv: &[String]) -> bool {
        if self.open {
            argv.starts_with(&self.words)
        } else {
            argv == self.words
        }
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
        if line.opaque.is_some() || verdicts.contains(&Some(Verdict::Ask)) {
            return Some(Said::Ask);
        }
        let allowed = verdicts
            .iter()
            .all(|verdict| *verdict == Some(Verdict::Allow));
        (allowed && !verdicts.is_empty()).then_some(Said::Allow)
    }

    fn on_command(&self, command: &PlainCommand) -> Option<Verdict> {
        let strictest = self
            .rules
            .iter()
            .filter(|(_, rule)| rule.tool == SHELL)
            .filter(|(_, rule)| {
                rule.command
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(&command.argv))
            })
            .map(|(verdict, _)| *verdict)
            .max()?;
        if strictest == Verdict::Allow && !may_ride(command) {
            return Some(Verdict::Ask);
        }
        Some(strictest)
    }
}

/// Whether a rule that allows may count for the command.
fn may_ride(command: &PlainCommand) -> bool {
    !carriers::carries(&command.argv)
        && command
            .writes
            .iter()
            .all(|path| is_plainly_inside(path, true))
        && command
            .reads
            .iter()
            .all(|path| is_plainly_inside(path, false))
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
