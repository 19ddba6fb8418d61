//! Rows and columns: the head stays in sight, numbers stand under each other, long tables scroll inside.

use leptos::prelude::*;
use nexus_protocol::Table;

use crate::format;

/// The table and how much of it this is.
#[component]
pub fn TableView(table: Table) -> impl IntoView {
    let words = how_many(table.rows.len() as u64, table.total_rows);
    let numeric: Vec<bool> = (0..table.columns.len())
        .map(|column| is_numeric(&table, column))
        .collect();
    let class = move |column: usize| {
        numeric
            .get(column)
            .copied()
            .unwrap_or(false)
            .then_some("number")
    };
    view! {
        <figure class="data">
            <div class="data-scroll" tabindex="0" role="region" aria-label="Table">
                <table class="data-table">
                    <thead>
                        <tr>
                            {table
                                .columns
                                .iter()
                                .enumerate()
                                .map(|(at, name)| view! { <th scope="col" class=class(at)>{name.clone()}</th> })
                                .collect_view()}
                        </tr>
                    </thead>
                    <tbody>
                        {table
                            .rows
                            .iter()
                            .map(|row| view! {
                                <tr>
                                    {row
                                        .iter()
                                        .enumerate()
                                        .map(|(at, cell)| view! { <td class=class(at) dir="auto">{cell.clone()}</td> })
                                        .collect_view()}
                                </tr>
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </div>
            <figcaption class="data-note">{words}</figcaption>
        </figure>
    }
}

/// `200 of 18,204 rows`, `3 rows`.
fn how_many(shown: u64, total: u64) -> String {
    if total > shown {
        return format!(
            "{} of {} rows",
            format::grouped(shown),
            format::grouped(total)
        );
    }
    match shown {
        0 => "No rows".to_owned(),
        1 => "1 row".to_owned(),
        more => format!("{} rows", format::grouped(more)),
    }
}

/// Whether all that stands in a column are numbers, as people and programs write them; blanks do not count.
fn is_numeric(table: &Table, column: usize) -> bool {
    let mut any = false;
    for cell in table.rows.iter().filter_map(|row| row.get(column)) {
        let cell = cell.trim();
        if cell.is_empty() || cell == "–" || cell == "-" {
            continue;
        }
        let bare: String = cell
            .chars()
            .filter(|letter| !matches!(letter, ',' | ' ' | '%' | '$' | '€' | '£' | '\u{a0}'))
            .map(|letter| if letter == '−' { '-' } else { letter })
            .collect();
        if bare.parse::<f64>().is_err() {
            return false;
        }
        any = true;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_are_found() {
        let table = Table {
            columns: ["name", "revenue", "change", "empty"]
                .map(String::from)
                .to_vec(),
            rows: [
                ["Q1", "161,240", "–", ""],
                ["Q2", "217905.5", "+35.1 %", ""],
                ["Q3", "", "−3.0 %", ""],
            ]
            .map(|row| row.map(String::from).to_vec())
            .to_vec(),
            total_rows: 3,
        };
        let numeric: Vec<bool> = (0..5).map(|column| is_numeric(&table, column)).collect();
        assert_eq!(numeric, [false, true, true, false, false]);
    }

    #[test]
    fn a_part_of_a_table_says_so() {
        assert_eq!(how_many(200, 18_204), "200 of 18,204 rows");
        assert_eq!(how_many(1, 1), "1 row");
        assert_eq!(how_many(0, 0), "No rows");
    }
}
