//! What a rule says about a call's argument: the words of a command, paths, or hosts.
//!
//! Owns how a pattern is read, written and matched. Each matches in two ways: exactly, for rules that allow, and loosely, for rules
//! that forbid or ask. Loosely means as the most careless system would take it: `RM`, `/bin/rm` and `rm.exe` are `rm`.

mod path;

use std::fmt::{self, Display, Formatter};

use nexus_protocol::NetworkAction;

use super::base_name;
use crate::policy::{ShellLine, shell};

pub(super) use path::PathPattern;

/// The words of a command; where it is open, any may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandPattern {
    words: Vec<String>,
    open: bool,
}

impl CommandPattern {
    /// The pattern is itself read as a shell line, so that its words mean what they mean in a line.
    pub(super) fn read(pattern: &str) -> Result<Self, &'static str> {
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

    pub(super) fn new(words: &[String], open: bool) -> Self {
        Self {
            words: words.to_vec(),
            open,
        }
    }

    pub(super) fn matches(&self, argv: &[String]) -> bool {
        if self.open {
            argv.starts_with(&self.words)
        } else {
            argv == self.words
        }
    }

    pub(super) fn matches_loosely(&self, argv: &[String]) -> bool {
        let (Some((ours, words)), Some((theirs, arguments))) =
            (self.words.split_first(), argv.split_first())
        else {
            return false;
        };
        base_name(ours) == base_name(theirs)
            && if self.open {
                arguments.starts_with(words)
            } else {
                arguments == words
            }
    }
}

impl Display for CommandPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, word) in self.words.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let plain = |c: char| {
                c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c) || (index > 0 && c == '=')
            };
            if !word.is_empty() && word.chars().all(plain) && !shell::is_reserved(word) {
                write!(f, "{space}{word}")?;
            } else {
                write!(f, "{space}'{}'", word.replace('\'', r"'\''"))?;
            }
        }
        f.write_str(if self.open { " *" } else { "" })
    }
}

/// A host, or with `*.` before it all hosts below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPattern {
    name: String,
    below: bool,
}

impl HostPattern {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let letters =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':');
        let whole = !name.is_empty()
            && !name.starts_with('.')
            && !name.ends_with('.')
            && !name.contains("..");
        if !whole || !name.bytes().all(letters) {
            return Err("a host has small letters, digits, - and dots, and at most a *. before it");
        }
        Ok(Self {
            name: name.to_owned(),
            below,
        })
    }

    /// Whether the network of an action may be this host. Where the action may reach any, it may reach this one.
    pub(super) fn may_be(&self, network: &NetworkAction) -> bool {
        network.hosts.is_empty() || network.hosts.iter().any(|host| self.is(host))
    }

    fn is(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        // A port, but not the end of an address of version 6.
        let host = match host.rsplit_once(':') {
            Some((name, port))
                if !name.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) =>
            {
                name
            }
            _ => host.as_str(),
        };
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .trim_end_matches('.');
        if self.below {
            host.strip_suffix(&self.name)
                .is_some_and(|rest| rest.ends_with('.'))
        } else {
            host == self.name
        }
    }
}

impl Display for HostPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "host:{}{}",
            if self.below { "*." } else { "" },
            self.name
        )
    }
}
