//! Lines of a diff as rows: what stands where. Pure.

use nexus_protocol::DiffLine;

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It stays.
    Same,
}

/// One line on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What happened to it.
    pub kind: Kind,
    /// Its number in the old text.
    pub old: Option<u32>,
    /// Its number in the new text.
    pub new: Option<u32>,
    /// The line.
    pub text: String,
}

impl Cell {
    fn of(line: &DiffLine) -> Self {
        Self {
            kind: match (line.old, line.new) {
                (Some(_), None) => Kind::Removed,
                (None, Some(_)) => Kind::Added,
                _ => Kind::Same,
            },
            old: line.old,
            new: line.new,
            text: line.text.clone(),
        }
    }
}

/// One row a line.
pub fn unified(lines: &[DiffLine]) -> Vec<Cell> {
    lines.iter().map(Cell::of).collect()
}

/// Old beside new: a run of removed lines meets the run of added lines that follows it.
pub fn pair(lines: &[DiffLine]) -> Vec<(Option<Cell>, Option<Cell>)> {
    let mut rows = Vec::new();
    let mut removed: Vec<Cell> = Vec::new();
    let mut added: Vec<Cell> = Vec::new();
    let flush = |removed: &mut Vec<Cell>, added: &mut Vec<Cell>, rows: &mut Vec<_>| {
        let (mut old, mut new) = (removed.drain(..), added.drain(..));
        loop {
            match (old.next(), new.next()) {
                (None, None) => break,
                row => rows.push(row),
            }
        }
    };
    for cell in lines.iter().map(Cell::of) {
        match cell.kind {
            Kind::Removed => {
                if !added.is_empty() {
                    flush(&mut removed, &mut added, &mut rows);
                }
                removed.push(cell);
            }
            Kind::Added => added.push(cell),
            Kind::Same => {
                flush(&mut removed, &mut added, &mut rows);
                // Each side says its own number.
                let old = Cell {
                    new: None,
                    ..cell.clone()
                };
                let new = Cell { old: None, ..cell };
                rows.push((Some(old), Some(new)));
            }
        }
    }
    flush(&mut removed, &mut added, &mut rows);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(old: Option<u32>, new: Option<u32>, text: &str) -> DiffLine {
        DiffLine {
            old,
            new,
            text: text.into(),
        }
    }

    #[test]
    fn removed_lines_meet_the_added_ones() {
        let lines = [
            line(Some(1), Some(1), "a"),
            line(Some(2), None, "b"),
            line(Some(3), None, "c"),
            line(None, Some(2), "B"),
            line(Some(4), None, "d"),
            line(None, Some(3), "D"),
            line(None, Some(4), "E"),
        ];
        let shown: Vec<(String, String)> = pair(&lines)
            .into_iter()
            .map(|(old, new)| {
                let text = |cell: Option<Cell>| cell.map_or("-".to_owned(), |cell| cell.text);
                (text(old), text(new))
            })
            .collect();
        let expected = [("a", "a"), ("b", "B"), ("c", "-"), ("d", "D"), ("-", "E")];
        assert_eq!(
            shown,
            expected.map(|(old, new)| (old.to_owned(), new.to_owned()))
        );
        let kinds: Vec<Kind> = unified(&lines).into_iter().map(|cell| cell.kind).collect();
        assert_eq!(kinds.first(), Some(&Kind::Same));
        assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Added).count(), 3);
    }
}
