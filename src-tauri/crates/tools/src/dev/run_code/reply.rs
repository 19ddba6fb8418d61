//! What a driver answers, cut to what a result may hold: whatever code made of it, it is bounded and plain.

use nexus_protocol::{Chart, ChartKind, ImageData, ResultPart, Series, Table};
use serde::Deserialize;

use crate::terminal;

/// Characters of a value or of an error.
const MAX_TEXT: usize = 20_000;
/// Characters of a cell, a name or a label.
const MAX_CELL: usize = 300;
const MAX_ROWS: usize = 200;
const MAX_COLUMNS: usize = 50;
/// Rows that the model reads; people see [`MAX_ROWS`].
const MODEL_ROWS: usize = 30;
const MAX_LABELS: usize = 500;
const MAX_SERIES: usize = 8;
/// Tables, charts and images of a call, of each.
const MAX_EACH: usize = 4;
/// Bytes of all images, in base64: a result is at most 4 MiB.
const MAX_IMAGES: usize = 3 << 20;
/// How each PNG begins, in base64.
const PNG: &str = "iVBORw0KGgo";

/// An answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    /// The last expression's value, as text.
    value: Option<String>,
    /// What went wrong, with the lines of the user's code.
    error: Option<String>,
    #[serde(default)]
    tables: Vec<RawTable>,
    #[serde(default)]
    charts: Vec<RawChart>,
    /// PNG files in base64.
    #[serde(default)]
    images: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    total_rows: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChart {
    kind: ChartKind,
    title: String,
    labels: Vec<String>,
    series: Vec<Series>,
}

/// An answer, for the model and for people.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) lines: Vec<String>,
    pub(super) parts: Vec<ResultPart>,
    pub(super) images: Vec<ImageData>,
    pub(super) failed: bool,
}

impl Reply {
    pub(super) fn show(self) -> Shown {
        let mut shown = Shown::default();
        if let Some(value) = self.value {
            let text = cut(&value, MAX_TEXT);
            shown.lines.push(format!("=> {text}"));
            // A table is its own picture.
            if self.tables.is_empty() {
                shown.parts.push(ResultPart::Text { text });
            }
        }
        for table in self
            .tables
            .into_iter()
            .take(MAX_EACH)
            .map(RawTable::bounded)
        {
            shown.lines.push(as_text(&table));
            shown.parts.push(ResultPart::Table { table });
        }
        for chart in self
            .charts
            .into_iter()
            .take(MAX_EACH)
            .map(RawChart::bounded)
        {
            shown
                .lines
                .push(format!("[a chart was shown to the user: {}]", chart.title));
            shown.parts.push(ResultPart::Chart { chart });
        }
        let mut room = MAX_IMAGES;
        for base64 in self.images.into_iter().take(MAX_EACH) {
            if !is_png(&base64) || base64.len() > room {
                shown
                    .lines
                    .push("[an image was left out: it is no PNG or too big]".to_owned());
                continue;
            }
            room -= base64.len();
            let image = ImageData {
                media_type: "image/png".to_owned(),
                base64,
            };
            shown
                .lines
                .push("[an image was shown to the user]".to_owned());
            shown.parts.push(ResultPart::Image {
                name: String::new(),
                image: image.clone(),
            });
            shown.images.push(image);
        }
        if let Some(error) = self.error {
            let text = cut(&error, MAX_TEXT);
            shown.lines.push(text.clone());
            shown.parts.push(ResultPart::Text { text });
            shown.failed = true;
        }
        shown
    }
}

impl RawTable {
    fn bounded(self) -> Table {
        let columns: Vec<String> = self
            .columns
            .iter()
            .take(MAX_COLUMNS)
            .map(|it| cut(it, MAX_CELL))
            .collect();
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .take(MAX_ROWS)
            .map(|row| {
                let mut row: Vec<String> = row
                    .iter()
                    .take(columns.len())
                    .map(|it| cut(it, MAX_CELL))
                    .collect();
                row.resize(columns.len(), String::new());
                row
            })
            .collect();
        Table {
            total_rows: self.total_rows.max(rows.len() as u64),
            columns,
            rows,
        }
    }
}

impl RawChart {
    fn bounded(self) -> Chart {
        let labels: Vec<String> = self
            .labels
            .iter()
            .take(MAX_LABELS)
            .map(|it| cut(it, MAX_CELL))
            .collect();
        let series = self
            .series
            .into_iter()
            .take(MAX_SERIES)
            .map(|mut series| {
                // A chart that has a value for each label draws no two things over each other.
                series.values.resize(labels.len(), None);
                Series {
                    name: cut(&series.name, MAX_CELL),
                    values: series.values,
                }
            })
            .collect();
        Chart {
            kind: self.kind,
            title: cut(&self.title, MAX_CELL),
            labels,
            series,
        }
    }
}

fn as_text(table: &Table) -> String {
    let mut lines = vec![table.columns.join(" | ")];
    lines.extend(
        table
            .rows
            .iter()
            .take(MODEL_ROWS)
            .map(|row| row.join(" | ")),
    );
    let shown = lines.len() as u64 - 1;
    if table.total_rows > shown {
        lines.push(format!("[{shown} of {} rows]", table.total_rows));
    }
    lines.join("\n")
}

fn is_png(base64: &str) -> bool {
    base64.starts_with(PNG)
        && base64
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

fn cut(text: &str, limit: usize) -> String {
    let text = terminal::plain(text.as_bytes());
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
