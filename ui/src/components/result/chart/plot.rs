//! The drawing. Horizontal places are per cent and vertical ones pixels, so that it fills any width without being measured
//! and its words keep their size.

use leptos::prelude::*;
use nexus_protocol::{Chart, ChartKind, Series};

use super::{
    in_words,
    scale::{LONGEST_LABEL, Scale, label_step, number, short_number},
};

const HEIGHT: f64 = 200.0;
/// Room above for the highest tick's word, below for the labels.
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;
/// Characters that fit below an axis in a narrow window.
const LABEL_ROOM: usize = 60;

#[component]
pub fn Plot(chart: Chart, scale: Scale) -> impl IntoView {
    let words = in_words(&chart);
    let y = move |place: f64| TOP + place * (HEIGHT - TOP - BOTTOM);
    let ticks: Vec<(String, f64)> = scale
        .ticks
        .iter()
        .map(|tick| (short_number(*tick), y(scale.place(*tick))))
        .collect();
    let widest = ticks.iter().map(|(word, _)| word.chars().count()).max();
    let axis = widest.unwrap_or(0) * 7 + 10;
    let count = chart.labels.len().max(1);
    let step = label_step(&chart.labels, LABEL_ROOM);
    let centre = move |at: usize| (at as f64 + 0.5) / count as f64 * 100.0;
    let marks = match chart.kind {
        ChartKind::Bar => bars(&chart, &scale, count, y),
        ChartKind::Line => lines(&chart.series, &chart.labels, &scale, centre, y),
    };
    view! {
        <div class="chart-frame" role="img" aria-label=words>
            <svg class="chart-axis" width=axis height=HEIGHT aria-hidden="true">
                {ticks
                    .iter()
                    .map(|(word, at)| view! {
                        <text x=axis - 8 y=at + 4.0 text-anchor="end" class="chart-word">{word.clone()}</text>
                    })
                    .collect_view()}
            </svg>
            <svg class="chart-plot" height=HEIGHT aria-hidden="true">
                {ticks
                    .iter()
                    .map(|(_, at)| view! { <line class="chart-grid" x1="0" x2="100%" y1=*at y2=*at></line> })
                    .collect_view()}
                {marks}
                {chart
                    .labels
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| at % step == 0)
                    .map(|(at, label)| view! {
                        <text
                            class="chart-word"
                            x=format!("{:.3}%", centre(at))
                            y=HEIGHT - 8.0
                            text-anchor="middle"
                        >
                            {shortened(label)}
                        </text>
                    })
                    .collect_view()}
            </svg>
        </div>
    }
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LONGEST_LABEL {
        return label.to_owned();
    }
    label.chars().take(LONGEST_LABEL - 1).chain(['…']).collect()
}

fn bars(chart: &Chart, scale: &Scale, count: usize, y: impl Fn(f64) -> f64) -> Vec<AnyView> {
    let group = 100.0 / count as f64;
    let bar = group * 0.64 / chart.series.len().max(1) as f64;
    let ground = y(scale.place(0.0));
    let mut views = Vec::new();
    for (nth, series) in chart.series.iter().enumerate() {
        for (at, value) in values(series) {
            let edge = y(scale.place(value));
            let left = group * (at as f64 + 0.18) + bar * nth as f64;
            let label = chart.labels.get(at).cloned().unwrap_or_default();
            views.push(
                view! {
                    <rect
                        class=format!("chart-bar series-{}", nth % 8)
                        x=format!("{left:.3}%")
                        width=format!("{:.3}%", bar * 0.94)
                        y=edge.min(ground)
                        height=(edge - ground).abs().max(1.0)
                        rx="3"
                    >
                        <title>{told(series, &label, value)}</title>
                    </rect>
                }
                .into_any(),
            );
        }
    }
    views
}

fn lines(
    series: &[Series],
    labels: &[String],
    scale: &Scale,
    centre: impl Fn(usize) -> f64,
    y: impl Fn(f64) -> f64,
) -> Vec<AnyView> {
    let mut views = Vec::new();
    for (nth, series) in series.iter().enumerate() {
        let class = format!("chart-line series-{}", nth % 8);
        let mut before: Option<(usize, f64)> = None;
        for (at, value) in values(series) {
            let height = y(scale.place(value));
            // A gap in the values is a gap in the line.
            if let Some((from, from_height)) = before.filter(|(from, _)| from + 1 == at) {
                views.push(
                    view! {
                        <line
                            class=class.clone()
                            x1=format!("{:.3}%", centre(from))
                            y1=from_height
                            x2=format!("{:.3}%", centre(at))
                            y2=height
                        ></line>
                    }
                    .into_any(),
                );
            }
            let label = labels.get(at).cloned().unwrap_or_default();
            let radius = if labels.len() > 60 { "1.5" } else { "3" };
            views.push(
                view! {
                    <circle
                        class=format!("chart-dot series-{}", nth % 8)
                        cx=format!("{:.3}%", centre(at))
                        cy=height
                        r=radius
                    >
                        <title>{told(series, &label, value)}</title>
                    </circle>
                }
                .into_any(),
            );
            before = Some((at, height));
        }
    }
    views
}

fn values(series: &Series) -> impl Iterator<Item = (usize, f64)> + '_ {
    let all = series.values.iter().copied().enumerate();
    all.filter_map(|(at, value)| Some((at, value.filter(|value| value.is_finite())?)))
}

fn told(series: &Series, label: &str, value: f64) -> String {
    if series.name.is_empty() {
        format!("{label}: {}", number(value))
    } else {
        format!("{label}, {}: {}", series.name, number(value))
    }
}
