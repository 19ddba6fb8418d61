//! From arguments to git's command line.
//!
//! Owns which commands there are and that no argument becomes an option: revisions that begin with a dash are refused, paths stand
//! after `--` and mean themselves.

use std::path::{Component, Path};

use nexus_protocol::FileDiff;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Input;

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Command {
    Status,
    Diff,
    Log,
    Blame,
    Show,
}

/// A patch in a form that does not depend on settings, and made by git alone.
const PATCH: [&str; 9] = [
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--ignore-submodules=dirty",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--unified=3",
];
/// Without asking a signature's program, which `log.showSignature` or a format of the repository's own would.
const COMMITS: [&str; 3] = ["--no-show-signature", "--no-mailmap", "--date=iso-strict"];
const MAX_ARGUMENT: usize = 1000;

impl Command {
    pub(super) fn has_patch(self) -> bool {
        matches!(self, Self::Diff | Self::Show)
    }

    /// Said where git says nothing.
    pub(super) fn nothing(self) -> &'static str {
        match self {
            Self::Diff => "No differences",
            Self::Log => "No commits",
            Self::Status | Self::Blame | Self::Show => "Nothing to show",
        }
    }

    pub(super) fn summary(self, text: &str, diffs: &[FileDiff]) -> String {
        let lines = text.lines().count();
        match self {
            Self::Status => match text.lines().filter(|it| !it.starts_with("##")).count() {
                0 => "clean".to_owned(),
                1 => "1 changed".to_owned(),
                changed => format!("{changed} changed"),
            },
            Self::Diff | Self::Show => {
                let added: u32 = diffs.iter().map(|it| it.added).sum();
                let removed: u32 = diffs.iter().map(|it| it.removed).sum();
                match diffs.len() {
                    0 if self == Self::Diff => "no differences".to_owned(),
                    0 => format!("{lines} lines"),
                    1 => format!("1 file, +{added} −{removed}"),
                    files => format!("{files} files, +{added} −{removed}"),
                }
            }
            Self::Log if lines == 1 => "1 commit".to_owned(),
            Self::Log => format!("{lines} commits"),
            Self::Blame => format!("{lines} lines"),
        }
    }
}

/// Whether people are told of an argument in a line's title: not of those that are always the same.
pub(super) fn is_told(argument: &str) -> bool {
    !PATCH.contains(&argument)
        && !COMMITS.contains(&argument)
        && !argument.starts_with("--format=")
        && argument != "--"
}

/// The line, without git itself.
pub(super) fn of(input: &Input) -> Result<Vec<String>, String> {
    let revision = input.revision.as_deref().map(revision).transpose()?;
    let path = input.path.as_deref().map(path).transpose()?;
    let lines = input.lines.as_deref().map(lines).transpose()?;
    if input.staged && input.command != Command::Diff {
        return Err("`staged` is for `diff` alone.".to_owned());
    }
    if lines.is_some() && !matches!(input.command, Command::Blame | Command::Log) {
        return Err("`lines` is for `blame` and `log` alone.".to_owned());
    }
    if !(1..=200).contains(&input.max_count) {
        return Err("`max_count` must be 1 to 200.".to_owned());
    }
    let mut line: Vec<String> = Vec::new();
    let mut add = |arguments: &[&str]| line.extend(arguments.iter().map(|it| (*it).to_owned()));
    match input.command {
        Command::Status => {
            if revision.is_some() {
                return Err("`status` takes no revision: `diff` does.".to_owned());
            }
            add(&["status", "--porcelain=v1", "--branch"]);
            add(&["--untracked-files=normal", "--ignore-submodules=dirty"]);
        }
        Command::Diff => {
            add(&["diff"]);
            add(&PATCH);
            if input.staged {
                add(&["--cached"]);
            }
        }
        Command::Log => {
            add(&["log", "--no-color"]);
            add(&COMMITS);
            add(&["--no-ext-diff", "--no-textconv", "--format=%h %ad %an: %s"]);
            add(&[&format!("--max-count={}", input.max_count)]);
        }
        Command::Blame => add(&["blame", "--no-textconv", "--date=short"]),
        Command::Show => {
            add(&["show"]);
            add(&PATCH);
            add(&COMMITS);
            add(&["--format=%H%n%an, %ad%n%n%B"]);
        }
    }
    match (input.command, lines, &path) {
        (_, None, _) => {}
        (Command::Log, Some(lines), Some(path)) => {
            add(&["--no-patch", &format!("-L{lines}:{path}")]);
            add(revision.as_slice());
            return Ok(line);
        }
        (Command::Log, Some(_), None) => return Err("`lines` needs a `path`.".to_owned()),
        (_, Some(lines), _) => add(&[&format!("-L{lines}")]),
    }
    add(revision.as_slice());
    match path {
        Some(path) => add(&["--", path]),
        None if input.command == Command::Blame => {
            return Err("`blame` needs the `path` of a file.".to_owned());
        }
        None => add(&["--"]),
    }
    Ok(line)
}

fn revision(revision: &str) -> Result<&str, String> {
    if revision.is_empty() || revision.len() > MAX_ARGUMENT {
        return Err(format!("`revision` must have 1 to {MAX_ARGUMENT} bytes."));
    }
    if revision.starts_with('-') || revision.chars().any(char::is_control) {
        return Err(format!(
            "{revision:?} is no revision: no options are taken."
        ));
    }
    Ok(revision)
}

fn path(path: &str) -> Result<&str, String> {
    let inside = Path::new(path)
        .components()
        .all(|it| matches!(it, Component::Normal(_) | Component::CurDir));
    if !inside || path.is_empty() || path.len() > MAX_ARGUMENT || path.contains('\0') {
        return Err(format!(
            "{path:?} is no path here: give one relative to the working folder, without `..`."
        ));
    }
    Ok(path)
}

/// `10,20`, or `10-20`, or `10`.
fn lines(lines: &str) -> Result<String, String> {
    let mut numbers = lines
        .split([',', '-'])
        .map(|it| it.trim().parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next(), numbers.next()) {
        (Some(first @ 1..), None, None) => Ok(format!("{first},{first}")),
        (Some(first @ 1..), Some(Some(last)), None) if last >= first => {
            Ok(format!("{first},{last}"))
        }
        _ => Err(format!("{lines:?} is no range of lines, such as `10,20`.")),
    }
}
