//! Where the text is that a model means.
//!
//! Owns the search: word for word first; then by whole lines without regard to indentation, spaces and typographic quotes, where
//! that finds one place alone. Never a guess between two.

use std::ops::Range;

use crate::plain;

/// A place and what comes there.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    pub(super) range: Range<usize>,
    pub(super) new: String,
}

/// How like a line must be to be named as near, 0.0 ..= 1.0.
const NEAR: f64 = 0.6;

/// Where `old` is in `text`, and what comes there. The error is a sentence for the model.
pub(super) fn find(text: &str, old: &str, new: &str, all: bool) -> Result<Vec<Place>, String> {
    let exact = exact(text, old, new);
    if !exact.is_empty() {
        return one_or_all(text, exact, all);
    }
    let mut loose = loose(text, old, new);
    if loose.is_empty()
        && let (Some(old), new) = (without_numbers(old), without_numbers(new))
    {
        let new = new.as_deref().unwrap_or_default();
        loose = self::exact(text, &old, new);
        if loose.is_empty() {
            loose = self::loose(text, &old, new);
        }
    }
    if loose.is_empty() {
        return Err(absent(text, old));
    }
    one_or_all(text, loose, all)
}

fn exact(text: &str, old: &str, new: &str) -> Vec<Place> {
    text.match_indices(old)
        .map(|(at, found)| Place {
            range: at..at + found.len(),
            new: new.to_owned(),
        })
        .collect()
}

fn one_or_all(text: &str, found: Vec<Place>, all: bool) -> Result<Vec<Place>, String> {
    if all || found.len() == 1 {
        return Ok(found);
    }
    let mut at: Vec<String> = found
        .iter()
        .take(5)
        .map(|place| line_of(text, place.range.start).to_string())
        .collect();
    if found.len() > 5 {
        at.push("…".to_owned());
    }
    Err(format!(
        "old_text is there {} times, in lines {}. Add lines around it until only one fits, or set replace_all.",
        found.len(),
        at.join(", ")
    ))
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Matches by whole lines.
fn loose(text: &str, old: &str, new: &str) -> Vec<Place> {
    let lines = Lines::of(text);
    let wanted: Vec<&str> = old.trim_matches('\n').split('\n').collect();
    let folded: Vec<String> = wanted.iter().map(|line| fold(line)).collect();
    // Lines of nothing but space fit anywhere.
    if folded.iter().all(String::is_empty) {
        return Vec::new();
    }
    let present: Vec<String> = lines.0.iter().map(|(_, line)| fold(line)).collect();
    // The line ends around `old` are not part of the lines that are compared: those around `new` go likewise.
    let new_lines = if old.starts_with('\n') {
        new.trim_start_matches('\n')
    } else {
        new
    };
    let new_lines = if old.ends_with('\n') {
        new_lines.trim_end_matches('\n')
    } else {
        new_lines
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at + folded.len() <= present.len() {
        if present.get(at..at + folded.len()) == Some(folded.as_slice())
            && let Some(range) = lines.range(at, folded.len())
        {
            let present: Vec<&str> = (at..at + folded.len())
                .filter_map(|at| lines.0.get(at).map(|(_, line)| *line))
                .collect();
            let new = indented(new_lines, &wanted, &present);
            let mut range = range;
            if new.is_empty() && text.as_bytes().get(range.end) == Some(&b'\n') {
                // Lines that go, go with their line end.
                range.end += 1;
            }
            found.push(Place { range, new });
            at += folded.len();
        } else {
            at += 1;
        }
    }
    found
}

/// Lines and where they begin.
struct Lines<'a>(Vec<(usize, &'a str)>);

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut at = 0;
        let lines = text.split('\n').map(|line| {
            let start = at;
            at += line.len() + 1;
            (start, line)
        });
        Self(lines.collect())
    }

    /// Where some lines are, without the last one's end.
    fn range(&self, first: usize, count: usize) -> Option<Range<usize>> {
        let (start, _) = self.0.get(first)?;
        let (last, line) = self.0.get(first + count - 1)?;
        Some(*start..last + line.len())
    }
}

/// A line without what models get wrong: spaces, and quotes and dashes as typographers write them.
fn fold(line: &str) -> String {
    let line: String = line
        .chars()
        .map(|character| match character {
            '‘' | '’' | '‚' | '‛' => '\'',
            '“' | '”' | '„' | '‟' => '"',
            '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
            character => character,
        })
        .collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `new` with the indentation that the place has, where what the model wrote differs from it in the same way at every line.
fn indented(new: &str, wanted: &[&str], present: &[&str]) -> String {
    let mut pairs = wanted
        .iter()
        .zip(present)
        .filter(|(wanted, _)| !wanted.trim().is_empty())
        .map(|(wanted, present)| (margin(wanted), margin(present)));
    let Some((written, real)) = pairs.next() else {
        return new.to_owned();
    };
    if written == real {
        return new.to_owned();
    }
    new.split('\n')
        .map(|line| match line.strip_prefix(written) {
            Some(rest) if !line.trim().is_empty() => format!("{real}{rest}"),
            _ => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn margin(line: &str) -> &str {
    let text = line.trim_start();
    line.get(..line.len() - text.len()).unwrap_or_default()
}

/// The text without the line numbers that `read_file` puts before lines; `None` unless every line has one.
fn without_numbers(text: &str) -> Option<String> {
    let lines: Option<Vec<&str>> = text
        .trim_end_matches('\n')
        .split('\n')
        .map(|line| {
            let (number, rest) = line.split_once('\t')?;
            let number = number.trim();
            (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
        })
        .collect();
    Some(lines?.join("\n"))
}

/// Says that the text is not there, and what comes near.
fn absent(text: &str, old: &str) -> String {
    let first = old.lines().map(fold).find(|line| !line.is_empty());
    let Some(first) = first else {
        return "old_text is nothing but space. Name a line with something in it.".to_owned();
    };
    let mut near: Vec<(f64, usize, &str)> = text
        .split('\n')
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| (strsim::sorensen_dice(&first, &fold(line)), at + 1, line))
        .filter(|(likeness, ..)| *likeness >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    if near.is_empty() {
        return "old_text is not in the file, nor anything like its first line. Read the file again.".to_owned();
    }
    let near: Vec<String> = near
        .iter()
        .take(3)
        .map(|(_, number, line)| {
            let line: String = line.chars().take(200).collect();
            format!("{number}\t{}", plain::for_model(&line))
        })
        .collect();
    format!(
        "old_text is not in the file. Lines near its first:\n{}\nCopy the present text exactly.",
        near.join("\n")
    )
}
