//! One measured number, and how a list of them is shown.

use serde::{Deserialize, Serialize};

/// The median of several runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What, with its unit at the end: `window_interactive_ms`.
    pub name: String,
    /// In that unit; `None` where it could not be measured.
    pub median: Option<f64>,
    /// Each run.
    pub runs: Vec<f64>,
    /// What to know about it; why it is missing.
    pub note: Option<String>,
    /// Whether a run without it has failed.
    pub required: bool,
}

impl Measure {
    /// Of these runs.
    pub fn new(name: impl Into<String>, runs: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            median: median(&runs),
            runs,
            note: None,
            required: true,
        }
    }

    /// Could not be measured.
    pub fn missing(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            note: Some(why.into()),
            ..Self::new(name, Vec::new())
        }
    }

    /// With a remark.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Fine to be missing.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }
}

/// The middle one, or the mean of the two in the middle; `None` of nothing or of what is no number.
pub fn median(runs: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = runs.iter().copied().filter(|run| run.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// A table for people.
pub fn table(measures: &[Measure]) -> String {
    let width = measures
        .iter()
        .map(|measure| measure.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for measure in measures {
        let value = measure
            .median
            .map_or_else(|| "not measured".to_owned(), number);
        let spread = match (
            measure.runs.iter().copied().reduce(f64::min),
            measure.runs.iter().copied().reduce(f64::max),
        ) {
            (Some(least), Some(most)) if measure.runs.len() > 1 => {
                format!(
                    "{} to {}, {} runs",
                    number(least),
                    number(most),
                    measure.runs.len()
                )
            }
            _ => String::new(),
        };
        let note = measure.note.as_deref().unwrap_or_default();
        let line = format!(
            "  {:width$}  {value:>12}  {spread:<32}  {note}",
            measure.name
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(
            [
                median(&[3.0, 1.0, 2.0]),
                median(&[4.0, 1.0]),
                median(&[]),
                median(&[f64::NAN])
            ],
            [Some(2.0), Some(2.5), None, None]
        );
    }

    #[test]
    fn the_table_shows_value_spread_and_reason() {
        let measures = [
            Measure::new("load_ms", vec![312.0, 300.25, 1500.0]),
            Measure::missing("bridge", "no such program"),
        ];
        assert_eq!(
            table(&measures),
            "  load_ms         312.0  300.2 to 1500, 3 runs\n  bridge   not measured                                    no such program\n"
        );
    }
}
