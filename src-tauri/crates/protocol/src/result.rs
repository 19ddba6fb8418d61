//! What came of a tool call, for people: text, tables, images, diffs, charts.
//!
//! Owns shapes only. All of it is bounded by who makes it; nothing in it is ever parsed as HTML.

use serde::{Deserialize, Serialize};

use crate::ImageData;

/// One part of a result. At most 16 a result, and 4 MiB all together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResultPart {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// What a program printed, as a terminal would show it: colours as spans, no control characters left.
    Terminal {
        /// In order; together the whole text.
        spans: Vec<TerminalSpan>,
        /// How it ended: `exit 0`, `ended by the time limit`; empty while it runs.
        ending: String,
    },
    /// Rows and columns.
    Table {
        /// The table.
        table: Table,
    },
    /// An image.
    Image {
        /// For people; may be empty.
        name: String,
        /// The image.
        image: ImageData,
    },
    /// What changed in a file.
    Diff {
        /// The change.
        diff: FileDiff,
    },
    /// A chart.
    Chart {
        /// The chart.
        chart: Chart,
    },
    /// A file or folder.
    File {
        /// Relative to the working folder where it is inside.
        path: String,
        /// Its size; `None` for a folder.
        #[serde(default)]
        bytes: Option<u64>,
    },
    /// A link.
    Link {
        /// `https` or `http`.
        url: String,
        /// For people.
        title: String,
    },
    /// Files and folders below one folder.
    Tree {
        /// The folder.
        root: String,
        /// In order.
        entries: Vec<TreeEntry>,
    },
}

/// A piece of terminal text in one style.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSpan {
    /// The text: no control characters but newline and tab.
    pub text: String,
    /// 0 ..= 15, the sixteen colours of terminals; `None` for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreground: Option<u8>,
    /// Bold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bold: bool,
}

/// Rows and columns, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Heads.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`; at most 200.
    pub rows: Vec<Vec<String>>,
    /// How many rows there are in all.
    pub total_rows: u64,
}

/// A chart of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Bars or lines.
    pub kind: ChartKind,
    /// For people; may be empty.
    pub title: String,
    /// Names along the horizontal axis; at most 500.
    pub labels: Vec<String>,
    /// At most 8.
    pub series: Vec<Series>,
}

/// What a chart draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// A bar a value.
    Bar,
    /// A line through the values.
    Line,
}

/// Values of a chart, one for each label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// For people.
    pub name: String,
    /// `None` for a gap.
    pub values: Vec<Option<f64>>,
}

/// One entry below a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Relative to the root, with `/`.
    pub path: String,
    /// Whether it is a folder.
    pub folder: bool,
    /// Its size; `None` for a folder.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// What changed in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// Relative to the working folder where it is inside.
    pub path: String,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Changed lines with three lines around them, at most 2,000; empty where the file is no text.
    pub hunks: Vec<DiffHunk>,
    /// What the lines do not say: `new file`, `deleted`, `binary`, `12,000 more lines`; empty for nothing.
    pub note: String,
}

/// A run of lines of a diff.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffHunk {
    /// In order.
    pub lines: Vec<DiffLine>,
}

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// Its number in the old text, from 1; `None` for an added one.
    pub old: Option<u32>,
    /// Its number in the new text, from 1; `None` for a removed one.
    pub new: Option<u32>,
    /// Without its line end; at most 2,000 characters.
    pub text: String,
}
