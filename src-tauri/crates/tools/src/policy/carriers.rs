//! Commands that run other commands or code, or write files, which stand in their arguments.
//!
//! Owns the list, in `carriers.txt`. A rule that allows `find *` means looking for files, not `find -exec`: what is on this list
//! never rides on a rule that allows. Refuses to be complete: it is the second lock, the sandbox is the first.

use std::{collections::HashMap, sync::LazyLock};

use super::rules::base_name;

/// The list. A line a program; see its head.
const LIST: &str = include_str!("carriers.txt");

/// What makes a program a carrier.
#[derive(Default)]
struct Carrier {
    /// Anything.
    always: bool,
    /// That it reads code from its input where no file is named.
    interprets: bool,
    /// Options. A long one counts where it is abbreviated, too; a short one where it stands in a cluster; one with a single
    /// dash and a long name must stand alone.
    options: Vec<&'static str>,
    subcommands: Vec<&'static str>,
    /// A second argument, which it writes to.
    writes_second: bool,
}

static CARRIERS: LazyLock<HashMap<&'static str, Carrier>> = LazyLock::new(|| {
    let mut carriers: HashMap<&'static str, Carrier> = HashMap::new();
    for line in LIST.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("*") => {
                for name in words {
                    carriers.entry(name).or_default().always = true;
                }
            }
            Some(name) => carriers.entry(name).or_default().read(words),
            None => {}
        }
    }
    carriers
});

/// Options of git itself, before the subcommand, that change nothing about what runs.
const GIT_FIRST: &[&str] = &["--no-pager", "--version", "--help"];

/// Whether the command runs others, or code, or writes files, from its arguments.
pub(super) fn carries(argv: &[String]) -> bool {
    let Some((name, arguments)) = argv.split_first() else {
        return true;
    };
    let name = base_name(name);
    if name.is_empty() {
        return true;
    }
    // `python3.11` is `python`; `7z` and `base64` are what they are.
    let versionless = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    // Without its end, too: `mkfs.ext4`.
    let kind = name.split('.').next().unwrap_or_default();
    let mut names = vec![name.as_str(), versionless, kind];
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| Some((name, CARRIERS.get(name)?)))
        .any(|(name, carrier)| carrier.carries(name, arguments))
}

impl Carrier {
    fn read(&mut self, words: impl Iterator<Item = &'static str>) {
        for word in words {
            match word {
                "<" => self.interprets = true,
                "+" => self.writes_second = true,
                option if option.starts_with(['-', '=']) => self.options.push(option),
                subcommand => self.subcommands.push(subcommand),
            }
        }
    }

    fn carries(&self, name: &str, arguments: &[String]) -> bool {
        let first = arguments.first().map(String::as_str);
        let operands = arguments
            .iter()
            .filter(|argument| !argument.starts_with('-'))
            .count();
        if self.always || (self.interprets && operands == 0) || (self.writes_second && operands > 1)
        {
            return true;
        }
        if name == "git"
            && first.is_some_and(|first| first.starts_with('-') && !GIT_FIRST.contains(&first))
        {
            return true;
        }
        // Old habits: `tar xIf`.
        if name == "tar"
            && first.is_some_and(|first| {
                !first.starts_with('-') && first.contains(['I', 'F', 'P', 'C', 'T', 'x'])
            })
        {
            return true;
        }
        arguments.iter().any(|argument| {
            self.options.iter().any(|option| is(option, argument))
                || self.subcommands.contains(&argument.as_str())
        })
    }
}

fn is(option: &str, argument: &str) -> bool {
    if let Some(alone) = option.strip_prefix('=') {
        return argument.split('=').next() == Some(alone);
    }
    if let Some(long) = option.strip_prefix("--") {
        let Some(given) = argument.strip_prefix("--") else {
            return false;
        };
        let given = given.split('=').next().unwrap_or_default();
        return !given.is_empty() && long.starts_with(given);
    }
    match option.strip_prefix('-') {
        // `-` alone: code from the input.
        Some("") => argument == "-",
        Some(short) if short.chars().count() == 1 => argument
            .strip_prefix('-')
            .is_some_and(|cluster| !cluster.starts_with('-') && cluster.contains(short)),
        _ => argument.split('=').next() == Some(option),
    }
}

#[cfg(test)]
mod tests;
