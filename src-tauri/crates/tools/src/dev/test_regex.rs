//! `test_regex`: tries a regular expression on a text.
//!
//! Owns the limits that make any pattern harmless: its length and compiled size, backtracking, matches.

use async_trait::async_trait;
use fancy_regex::{Captures, Regex, RegexBuilder};
use nexus_protocol::{Capability, ResultPart, Table, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput, terminal,
    tool::{action, arguments, spec_of},
};

/// Tries a regular expression on a text and shows each match with its position and groups, and the text after replacement. The
/// syntax is that of Rust's `fancy-regex`: Perl-like, Unicode, with look-around and backreferences.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The pattern, without delimiters.
    pattern: String,
    /// The text to search.
    text: String,
    /// Any of `i` ignore case, `m` ^ and $ match at line ends, `s` the dot matches line ends too, `x` ignore blanks and comments.
    #[serde(default)]
    flags: String,
    /// Replace every match with this; $1, ${name} and $0 stand for groups. Only the result is shown then.
    #[serde(default)]
    #[schemars(with = "String")]
    replace: Option<String>,
}

/// Bytes of a pattern.
const MAX_PATTERN: usize = 4000;
/// Bytes of a text.
const MAX_TEXT: usize = 1 << 20;
/// Steps of backtracking in one search.
const MAX_BACKTRACKING: usize = 200_000;
/// Bytes of a compiled pattern.
const MAX_COMPILED: usize = 4 << 20;
/// Matches that are shown.
const MAX_MATCHES: usize = 100;
/// Matches that are counted. Each may cost [`MAX_BACKTRACKING`] steps.
const MAX_COUNTED: usize = 1000;
/// Bytes of a replaced text.
const MAX_REPLACED: usize = 1 << 20;
/// Characters of a match or group that are shown.
const MAX_SHOWN: usize = 200;

/// The tool.
pub(super) struct TestRegex;

#[async_trait]
impl Tool for TestRegex {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("test_regex")
    }

    fn capability(&self) -> Capability {
        Capability::Compute
    }

    fn needs_folder(&self) -> bool {
        super::ONLY_WITH_A_FOLDER
    }

    async fn prepare(&self, value: Value, _: &ToolContext) -> Result<Prepared, ToolError> {
        let seen = value.clone();
        let input: Input = arguments(value)?;
        let regex = compile(&input.pattern, &input.flags).map_err(ToolError::BadArguments)?;
        if input.text.len() > MAX_TEXT {
            return Err(ToolError::BadArguments(format!(
                "The text has {} bytes, at most {MAX_TEXT} are searched.",
                input.text.len()
            )));
        }
        let action = action(
            "test_regex",
            Capability::Compute,
            "Match",
            &input.pattern,
            &seen,
        );
        Ok(Prepared::new(action, move |_| async move {
            // Up to a second of work: not on the thread that serves everyone.
            let done = tokio::task::spawn_blocking(move || match &input.replace {
                Some(replacement) => replace(&regex, &input.text, replacement),
                None => search(&regex, &input.text),
            });
            match done.await {
                Ok(result) => result.map_err(ToolError::Failed),
                Err(_) => Err(ToolError::Failed(
                    "The search failed on this pattern. Try a simpler one.".to_owned(),
                )),
            }
        }))
    }
}

fn compile(pattern: &str, flags: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!(
            "The pattern has {} bytes, at most {MAX_PATTERN} are allowed.",
            pattern.len()
        ));
    }
    if let Some(flag) = flags.chars().find(|flag| !"imsxgu".contains(*flag)) {
        return Err(format!("There is no flag {flag:?}: i, m, s and x are."));
    }
    RegexBuilder::new(pattern)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .ignore_whitespace(flags.contains('x'))
        .backtrack_limit(MAX_BACKTRACKING)
        .delegate_size_limit(MAX_COMPILED)
        .delegate_dfa_size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| format!("The pattern is not valid: {error}"))
}

fn search(regex: &Regex, text: &str) -> Result<ToolOutput, String> {
    let names: Vec<String> = regex
        .capture_names()
        .enumerate()
        .skip(1)
        .map(|(index, name)| name.map_or_else(|| index.to_string(), str::to_owned))
        .collect();
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    let mut total = 0;
    let mut place = Place::default();
    for captures in regex.captures_iter(text).take(MAX_COUNTED) {
        let captures = captures.map_err(too_hard)?;
        total += 1;
        if total <= MAX_MATCHES {
            let row = row(&captures, names.len(), text, &mut place);
            lines.push(line(&row, &names));
            rows.push(row);
        }
    }
    if total == 0 {
        return Ok(ToolOutput::text("No match.", "no match"));
    }
    let summary = match total {
        1 => "1 match".to_owned(),
        MAX_COUNTED => format!("{total} matches or more"),
        _ => format!("{total} matches"),
    };
    if total > MAX_MATCHES {
        lines.push(format!("… and {} more.", total - MAX_MATCHES));
    }
    let columns = ["line:column", "bytes", "match"].map(str::to_owned);
    let table = Table {
        columns: columns.into_iter().chain(names).collect(),
        rows,
        total_rows: u64::try_from(total).unwrap_or(u64::MAX),
    };
    Ok(ToolOutput {
        text: format!("{summary}.\n{}", lines.join("\n")),
        summary,
        parts: vec![ResultPart::Table { table }],
        ..ToolOutput::default()
    })
}

/// Where, what, and each group.
fn row(captures: &Captures<'_, str>, groups: usize, text: &str, place: &mut Place) -> Vec<String> {
    let whole = captures.get(0);
    let (start, end) = whole.map_or((0, 0), |it| (it.start(), it.end()));
    let (line, column) = place.of(text, start);
    let mut row = vec![
        format!("{line}:{column}"),
        format!("{start}..{end}"),
        whole.map_or_else(String::new, |it| shown(it.as_str())),
    ];
    row.extend((1..=groups).map(|group| {
        captures
            .get(group)
            .map_or_else(|| "—".to_owned(), |it| shown(it.as_str()))
    }));
    row
}

fn line(row: &[String], names: &[String]) -> String {
    let (place, groups) = row.split_at(row.len().min(3));
    let mut line = format!("{} {}: {:?}", place[0], place[1], place[2]);
    for (name, group) in names.iter().zip(groups) {
        line.push_str(&format!(" {name}={group:?}"));
    }
    line
}

/// Counts lines and characters as matches go forward, each byte once.
#[derive(Default)]
struct Place {
    seen: usize,
    line: usize,
    column: usize,
}

impl Place {
    /// Both from 1.
    fn of(&mut self, text: &str, at: usize) -> (usize, usize) {
        for character in text.get(self.seen..at).unwrap_or_default().chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 0;
            } else {
                self.column += 1;
            }
        }
        self.seen = at;
        (self.line + 1, self.column + 1)
    }
}

fn replace(regex: &Regex, text: &str, replacement: &str) -> Result<ToolOutput, String> {
    let mut replaced = String::new();
    let mut copied = 0;
    let mut count = 0;
    for captures in regex.captures_iter(text) {
        let captures = captures.map_err(too_hard)?;
        let Some(whole) = captures.get(0) else {
            continue;
        };
        replaced.push_str(text.get(copied..whole.start()).unwrap_or_default());
        captures.expand(replacement, &mut replaced);
        copied = whole.end();
        count += 1;
        if count > MAX_COUNTED || replaced.len() > MAX_REPLACED {
            return Err(format!(
                "More than {MAX_COUNTED} matches or {MAX_REPLACED} bytes. Try a shorter text."
            ));
        }
    }
    replaced.push_str(text.get(copied..).unwrap_or_default());
    let summary = format!("{count} replaced");
    let replaced = terminal::visible(&replaced);
    Ok(ToolOutput::text(format!("{summary}:\n{replaced}"), summary))
}

fn too_hard(error: fancy_regex::Error) -> String {
    format!(
        "The search was given up: {error}. Make the pattern less ambiguous, or the text shorter."
    )
}

fn shown(text: &str) -> String {
    let text = terminal::visible(text);
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
