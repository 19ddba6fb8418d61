//! A unified patch as git writes it, read for people.
//!
//! Hostile content cannot leave its line: a line is part of a hunk as long as the hunk's counts say so, whatever it looks like.

use nexus_protocol::{DiffHunk, DiffLine, FileDiff};

use crate::terminal;

/// Files that are shown; a result has at most 16 parts.
pub(super) const MAX_FILES: usize = 14;
/// Lines of a file that are shown.
const MAX_LINES: usize = 2000;
/// Characters of a line that are shown.
const MAX_CHARACTERS: usize = 2000;

/// The files of a patch, with what is before it left out.
pub(super) fn read(text: &str) -> Vec<FileDiff> {
    let mut files: Vec<Reading> = Vec::new();
    for line in text.split_terminator('\n') {
        match files.last_mut() {
            Some(file) if file.old_left > 0 || file.new_left > 0 => file.line(line),
            _ if line.starts_with("diff --git ") => files.push(Reading::of(line)),
            // For a merge: of more than two texts. Shown as it is, in the model's text alone.
            _ if line.starts_with("diff --cc ") => files.push(Reading::default()),
            Some(file) => file.head(line),
            None => {}
        }
    }
    files
        .into_iter()
        .map(Reading::finish)
        .filter(|file| !file.path.is_empty())
        .collect()
}

#[derive(Default)]
struct Reading {
    file: FileDiff,
    old: u32,
    new: u32,
    /// Lines of the hunk that are still to come.
    old_left: u32,
    new_left: u32,
    shown: usize,
    left_out: u32,
}

impl Reading {
    fn of(line: &str) -> Self {
        // `a/x b/x`: the same name twice, unless it is renamed, which is said below.
        let names = line.strip_prefix("diff --git ").unwrap_or_default();
        let half = names.len() / 2;
        let name = names.get(half + 1..).unwrap_or_default();
        let mut reading = Self::default();
        reading.file.path = path(name).unwrap_or_default();
        reading
    }

    fn head(&mut self, line: &str) {
        if let Some(range) = line.strip_prefix("@@ -") {
            self.hunk(range);
        } else if let Some(name) = line.strip_prefix("+++ ").and_then(path) {
            self.file.path = name;
        } else if let Some(name) = line.strip_prefix("--- ").and_then(path) {
            self.file.path = name;
        } else if let Some(name) = line.strip_prefix("rename to ") {
            self.file.path = unquoted(name);
            self.file.note = "renamed".to_owned();
        } else if line.starts_with("new file mode") {
            self.file.note = "new file".to_owned();
        } else if line.starts_with("deleted file mode") {
            self.file.note = "deleted".to_owned();
        } else if line.starts_with("Binary files ") {
            self.file.note = "binary".to_owned();
        }
    }

    /// `1,2 +3,4 @@ …`
    fn hunk(&mut self, range: &str) {
        let mut parts = range.split(' ');
        let old = parts.next().and_then(numbers);
        let new = parts
            .next()
            .and_then(|it| it.strip_prefix('+'))
            .and_then(numbers);
        if let (Some((old, old_left)), Some((new, new_left))) = (old, new) {
            (self.old, self.old_left, self.new, self.new_left) = (old, old_left, new, new_left);
            self.file.hunks.push(DiffHunk::default());
        }
    }

    fn line(&mut self, line: &str) {
        let (mark, text) = match line.split_at_checked(1) {
            Some((mark, text)) => (mark, text),
            // Some tools write an empty line for an empty line that stays.
            None => (" ", ""),
        };
        let (is_old, is_new) = match mark {
            "-" => (true, false),
            "+" => (false, true),
            " " => (true, true),
            // “No newline at end of file”.
            _ => return,
        };
        self.file.removed += u32::from(is_old && !is_new);
        self.file.added += u32::from(is_new && !is_old);
        let shown = DiffLine {
            old: is_old.then_some(self.old),
            new: is_new.then_some(self.new),
            text: terminal::visible(text)
                .chars()
                .take(MAX_CHARACTERS)
                .collect(),
        };
        self.old = self.old.saturating_add(u32::from(is_old));
        self.new = self.new.saturating_add(u32::from(is_new));
        self.old_left = self.old_left.saturating_sub(u32::from(is_old));
        self.new_left = self.new_left.saturating_sub(u32::from(is_new));
        match self.file.hunks.last_mut() {
            Some(hunk) if self.shown < MAX_LINES => {
                hunk.lines.push(shown);
                self.shown += 1;
            }
            _ => self.left_out += 1,
        }
    }

    fn finish(mut self) -> FileDiff {
        self.file.hunks.retain(|hunk| !hunk.lines.is_empty());
        if self.left_out > 0 {
            self.file.note = format!("{} more lines", self.left_out);
        }
        self.file
    }
}

/// `3,4`, or `3` for one line.
fn numbers(range: &str) -> Option<(u32, u32)> {
    let (first, count) = range.split_once(',').unwrap_or((range, "1"));
    Some((first.parse().ok()?, count.parse().ok()?))
}

/// `a/x` or `b/x`; not `/dev/null`.
fn path(name: &str) -> Option<String> {
    // A tab ends a name that holds a space.
    let name = unquoted(name.trim_end_matches('\t'));
    ["a/", "b/"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .map(str::to_owned)
}

/// A name with special characters stands in quotes, with escapes: they are left as they are, without the quotes.
fn unquoted(name: &str) -> String {
    let inner = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'));
    terminal::visible(inner.unwrap_or(name)).into_owned()
}
