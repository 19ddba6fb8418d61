//! Diffs for people: bounded in lines, characters and time, whatever the contents are.

use std::time::{Duration, Instant};

use nexus_protocol::{DiffHunk, DiffLine, FileDiff};
use similar::{Algorithm, DiffOp, TextDiff, group_diff_ops};

/// Lines around a change.
const CONTEXT: usize = 3;

/// Lines that are shown at most.
const LINES: usize = 2_000;

/// Characters of a line that are shown at most.
const CHARACTERS: usize = 2_000;

/// Bytes of both contents together that are compared at most.
const BYTES: usize = 8 << 20;

/// After that the rest is one block, removed and added: right, if not short.
const TIME: Duration = Duration::from_millis(500);

/// What changed from `old` to `new`; `None` is a file that is not there. Bounded as [`FileDiff`] says.
pub fn file_diff(shown: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> FileDiff {
    let mut notes = Vec::new();
    match (old, new) {
        (None, Some(_)) => notes.push("new file".to_owned()),
        (Some(_), None) => notes.push("deleted".to_owned()),
        _ => {}
    }
    let mut diff = FileDiff {
        path: shown.to_owned(),
        ..FileDiff::default()
    };
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    if old == new {
        // Nothing to show; a new empty file is noted.
    } else if old.len() + new.len() > BYTES {
        notes.push("too large to compare".to_owned());
    } else if let (Some(old), Some(new)) = (text(old), text(new)) {
        compare(&mut diff, &mut notes, old, new);
    } else {
        notes.push("binary".to_owned());
    }
    diff.note = notes.join("; ");
    diff
}

/// `None` where it is no text.
fn text(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    (!text.contains('\0')).then_some(text)
}

fn compare(diff: &mut FileDiff, notes: &mut Vec<String>, old: &str, new: &str) {
    // Line ends are compared by what they are, and told once, not line by line: else a file whose ends were changed is all red
    // and green for no reason that can be seen.
    let ends = (ends(old), ends(new));
    let unified = ends.0 != ends.1;
    let (plain_old, plain_new);
    let (old_text, new_text) = if unified {
        plain_old = old.replace("\r\n", "\n");
        plain_new = new.replace("\r\n", "\n");
        (plain_old.as_str(), plain_new.as_str())
    } else {
        (old, new)
    };
    if let (Some(old), Some(new)) = ends
        && unified
    {
        notes.push(format!("line ends {old} → {new}"));
    }
    let lines = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .deadline(Instant::now() + TIME)
        .diff_lines(old_text, new_text);
    let mut shown = 0_usize;
    let mut all = 0_usize;
    for group in group_diff_ops(lines.ops().to_vec(), CONTEXT) {
        let mut hunk = DiffHunk::default();
        for change in group.iter().flat_map(|op| lines.iter_changes(op)) {
            all += 1;
            if shown < LINES {
                shown += 1;
                hunk.lines.push(DiffLine {
                    old: change.old_index().map(number),
                    new: change.new_index().map(number),
                    text: shortened(change.value()),
                });
            }
        }
        if !hunk.lines.is_empty() {
            diff.hunks.push(hunk);
        }
    }
    let (removed, added) = counts(lines.ops());
    (diff.removed, diff.added) = (removed, added);
    if all > shown {
        notes.push(format!("{} more lines", grouped(all - shown)));
    }
    match (no_end(old), no_end(new)) {
        (false, true) => notes.push("no line end at the end of the file any more".to_owned()),
        (true, false) => notes.push("a line end at the end of the file now".to_owned()),
        _ => {}
    }
}

fn counts(ops: &[DiffOp]) -> (u32, u32) {
    let mut counts = (0_u32, 0_u32);
    for op in ops {
        if op.tag() != similar::DiffTag::Equal {
            let length = |range: std::ops::Range<usize>| u32::try_from(range.len());
            counts.0 = counts
                .0
                .saturating_add(length(op.old_range()).unwrap_or(u32::MAX));
            counts.1 = counts
                .1
                .saturating_add(length(op.new_range()).unwrap_or(u32::MAX));
        }
    }
    counts
}

/// How the lines of a text end; `None` where there is but one.
fn ends(text: &str) -> Option<&'static str> {
    let lines = text.matches('\n').count();
    let with_return = text.matches("\r\n").count();
    match (lines, with_return) {
        (0, _) => None,
        (lines, with_return) if lines == with_return => Some("CRLF"),
        (_, 0) => Some("LF"),
        _ => Some("mixed"),
    }
}

fn no_end(text: &str) -> bool {
    !text.is_empty() && !text.ends_with('\n')
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1)
}

fn shortened(line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line.char_indices().nth(CHARACTERS) {
        Some(_) => {
            let end = line.char_indices().nth(CHARACTERS - 1);
            let mut short = line[..end.map_or(0, |(end, _)| end)].to_owned();
            short.push('…');
            short
        }
        None => line.to_owned(),
    }
}

/// 12345 as `12,345`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests;
