//! A chart, drawn as SVG in nodes: bars or lines, axis, legend, a table of the same numbers, and a text that says it all.

mod plot;
mod scale;

use leptos::prelude::*;
use nexus_protocol::{Chart, Table};

use self::{plot::Plot, scale::Scale};
use super::table::TableView;

/// The chart, and the same numbers as a table.
#[component]
pub fn ChartView(chart: Chart) -> impl IntoView {
    let as_table = RwSignal::new(false);
    let names: Vec<String> = chart.series.iter().map(|s| s.name.clone()).collect();
    let title = chart.title.clone();
    let chart = StoredValue::new(chart);
    view! {
        <figure class="chart" data-testid="chart">
            <figcaption class="chart-head">
                <span class="chart-title" dir="auto">{title}</span>
                <span class="grow"></span>
                <button
                    type="button"
                    class="link-button"
                    data-testid="chart-table"
                    aria-pressed=move || as_table.get().to_string()
                    on:click=move |_| as_table.update(|on| *on = !*on)
                >
                    {move || if as_table.get() { "Chart" } else { "Table" }}
                </button>
            </figcaption>
            {move || chart.with_value(|chart| if as_table.get() {
                view! { <TableView table=table_of(chart) /> }.into_any()
            } else {
                let values = chart.series.iter().flat_map(|series| series.values.iter().copied());
                match Scale::of(values, chart.kind) {
                    Some(scale) => view! { <Plot chart=chart.clone() scale /> }.into_any(),
                    None => view! { <p class="hint">"There are no numbers to draw."</p> }.into_any(),
                }
            })}
            {(names.len() > 1).then(|| view! {
                <ul class="chart-legend">
                    {names
                        .into_iter()
                        .enumerate()
                        .map(|(at, name)| view! {
                            <li><span class=format!("chart-mark series-{}", at % 8)></span><span dir="auto">{name}</span></li>
                        })
                        .collect_view()}
                </ul>
            })}
        </figure>
    }
}

/// A row a label, a column a series.
fn table_of(chart: &Chart) -> Table {
    let columns = std::iter::once(String::new())
        .chain(chart.series.iter().map(|series| series.name.clone()))
        .collect();
    let rows: Vec<Vec<String>> = chart
        .labels
        .iter()
        .enumerate()
        .map(|(at, label)| {
            let values = chart.series.iter().map(|series| {
                let value = series.values.get(at).copied().flatten();
                value.map_or_else(|| "–".to_owned(), scale::number)
            });
            std::iter::once(label.clone()).chain(values).collect()
        })
        .collect();
    Table {
        columns,
        total_rows: rows.len() as u64,
        rows,
    }
}

/// What a chart says, for those who do not see it.
fn in_words(chart: &Chart) -> String {
    let kind = match chart.kind {
        nexus_protocol::ChartKind::Bar => "Bar chart",
        nexus_protocol::ChartKind::Line => "Line chart",
    };
    let mut words = if chart.title.is_empty() {
        format!("{kind}.")
    } else {
        format!("{kind}: {}.", chart.title)
    };
    for series in &chart.series {
        let known = || {
            let values = series.values.iter().copied().enumerate();
            values.filter_map(|(at, value)| Some((at, value.filter(|value| value.is_finite())?)))
        };
        let place = |at: usize| chart.labels.get(at).cloned().unwrap_or_default();
        let least = known().min_by(|a, b| a.1.total_cmp(&b.1));
        let most = known().max_by(|a, b| a.1.total_cmp(&b.1));
        if let (Some((low_at, low)), Some((high_at, high))) = (least, most) {
            words.push_str(&format!(
                " {}: {} values, from {} at {} to {} at {}.",
                series.name,
                known().count(),
                scale::number(low),
                place(low_at),
                scale::number(high),
                place(high_at),
            ));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_protocol::{ChartKind, Series};

    fn chart() -> Chart {
        Chart {
            kind: ChartKind::Bar,
            title: "Revenue".into(),
            labels: ["Jan", "Feb", "Mar"].map(String::from).to_vec(),
            series: vec![Series {
                name: "EUR".into(),
                values: vec![Some(52_000.0), None, Some(104_000.5)],
            }],
        }
    }

    #[test]
    fn a_chart_in_words_and_as_a_table() {
        assert_eq!(
            in_words(&chart()),
            "Bar chart: Revenue. EUR: 2 values, from 52,000 at Jan to 104,000.5 at Mar."
        );
        let table = table_of(&chart());
        assert_eq!(table.columns, ["", "EUR"]);
        assert_eq!(
            table.rows,
            [["Jan", "52,000"], ["Feb", "–"], ["Mar", "104,000.5"]]
        );
    }
}
