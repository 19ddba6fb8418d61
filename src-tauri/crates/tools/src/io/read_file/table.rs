//! CSV and TSV as a table, for people. The model reads the text itself.

use std::{ffi::OsStr, path::Path};

use csv::{ReaderBuilder, StringRecord};
use nexus_protocol::{ResultPart, Table};

/// Rows of the preview.
const MOST_ROWS: usize = 200;
/// Columns of the preview.
const MOST_COLUMNS: usize = 50;
/// Characters of a cell.
const MOST_OF_CELL: usize = 200;

/// The first rows; `None` where it is no table.
pub(super) fn preview(name: &OsStr, text: &str) -> Option<ResultPart> {
    let extension = Path::new(name).extension()?.to_str()?.to_lowercase();
    let delimiter = match extension.as_str() {
        "tsv" | "tab" => b'\t',
        "csv" => delimiter(text.lines().next()?),
        _ => return None,
    };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let columns = cells(reader.headers().ok()?);
    let mut rows = Vec::new();
    let mut total_rows = 0;
    for record in reader.records() {
        let Ok(record) = record else { break };
        total_rows += 1;
        if rows.len() < MOST_ROWS {
            let mut row = cells(&record);
            row.resize(columns.len(), String::new());
            rows.push(row);
        }
    }
    Some(ResultPart::Table {
        table: Table {
            columns,
            rows,
            total_rows,
        },
    })
}

fn cells(record: &StringRecord) -> Vec<String> {
    record
        .iter()
        .take(MOST_COLUMNS)
        .map(|cell| cell.chars().take(MOST_OF_CELL).collect())
        .collect()
}

/// Spreadsheets of half the world write `;` since their decimals take the comma.
fn delimiter(head: &str) -> u8 {
    [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|delimiter| {
            let count = head.bytes().filter(|byte| byte == delimiter).count();
            (count, *delimiter == b',')
        })
        .unwrap_or(b',')
}
