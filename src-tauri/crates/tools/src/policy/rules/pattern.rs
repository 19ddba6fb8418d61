//! What a rule says about a call's argument: the words of a command, paths, or hosts.
//!
//! Owns how a pattern is read, written and matched. Each matches in two ways: exactly, for rules that allow, and loosely, for rules
//! that forbid or ask. Loosely means as the most careless system would take it: `RM`, `/bin/rm` and `rm.exe` are `rm`.

use std::fmt::{self, Display, Formatter};

use globset::{GlobBuilder, GlobMatcher};
use nexus_protocol::{FileAccess, FileAction, NetworkAction};

use super::base_name;
use crate::policy::{
    ShellLine,
    reach::{has_parent, is_absolute, slashed},
    shell,
};

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

/// Paths of files: `src/**`, `*.md`, `/etc/*`. A relative one means files in the working folder, as they are shown; an absolute one
/// means files wherever they are.
#[derive(Clone, Debug)]
pub(super) struct PathPattern {
    text: String,
    exact: GlobMatcher,
    loose: GlobMatcher,
    absolute: bool,
    /// The folders before the first that is a pattern, in small letters.
    fixed: String,
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PathPattern {}

impl PathPattern {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.trim() != text {
            return Err("the path is empty or has blanks around it");
        }
        if text.contains('\\') {
            return Err("a path is written with /");
        }
        if text
            .chars()
            .any(|c| c == '\n' || c == '\t' || shell::is_trick(c))
        {
            return Err("the path holds invisible or control characters");
        }
        if text.starts_with('~') {
            return Err("a home folder is written out");
        }
        if has_parent(text) {
            return Err("a path with .. says where it is only after it is followed");
        }
        let parts: Vec<&str> = text.split('/').collect();
        let first = usize::from(text.starts_with('/'));
        if parts
            .iter()
            .skip(first)
            .any(|part| matches!(*part, "" | "."))
        {
            return Err("a path has no empty part and no . in it; all of a folder is `folder/**`");
        }
        let glob = |case_insensitive| {
            GlobBuilder::new(text)
                .literal_separator(true)
                .backslash_escape(false)
                .case_insensitive(case_insensitive)
                .build()
                .map(|glob| glob.compile_matcher())
                .map_err(|_| "the path is no pattern: a bracket is not closed, or a range is empty")
        };
        let fixed: Vec<&str> = parts
            .into_iter()
            .take_while(|part| !part.contains(['*', '?', '[', '{']))
            .collect();
        Ok(Self {
            exact: glob(false)?,
            loose: glob(true)?,
            absolute: is_absolute(text),
            fixed: fixed.join("/").to_lowercase(),
            text: text.to_owned(),
        })
    }

    /// The text of a file's path that the pattern speaks of.
    fn seen(&self, file: &FileAction) -> Option<String> {
        if self.absolute {
            Some(slashed(&file.path))
        } else {
            file.inside.then(|| file.shown.clone())
        }
    }

    pub(super) fn matches(&self, file: &FileAction) -> bool {
        self.seen(file)
            .is_some_and(|path| self.exact.is_match(path))
    }

    pub(super) fn matches_loosely(&self, file: &FileAction) -> bool {
        self.seen(file)
            .is_some_and(|path| self.loose.is_match(path))
    }

    /// Whether what the action touches may be a folder with files in it that match: to delete `src` is to delete `src/keep`.
    pub(super) fn may_be_below(&self, file: &FileAction) -> bool {
        let Some(path) = self.seen(file) else {
            return false;
        };
        let path = path.to_lowercase();
        let path = match path.trim_end_matches('/') {
            "." => "",
            path => path,
        };
        let is_in = |inner: &str, outer: &str| {
            outer.is_empty()
                || inner == outer
                || inner
                    .strip_prefix(outer)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        // A file has content; what goes without any is a folder.
        let folder_goes = matches!(file.access, FileAccess::Delete | FileAccess::MoveFrom)
            && file.before.is_none();
        is_in(&self.fixed, path)
            || (folder_goes && self.text.contains("**") && is_in(path, &self.fixed))
    }
}

impl Display for PathPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
