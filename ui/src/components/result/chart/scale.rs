//! From numbers to places in a chart. Pure.

use nexus_protocol::ChartKind;

use crate::format;

/// The vertical axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// The lowest value shown.
    pub low: f64,
    /// The highest value shown.
    pub high: f64,
    /// Where lines are drawn, from low to high.
    pub ticks: Vec<f64>,
}

impl Scale {
    /// An axis for these values; bars stand on zero. `None` where there is no number among them.
    pub fn of(values: impl Iterator<Item = Option<f64>>, kind: ChartKind) -> Option<Self> {
        // Beyond this a step between ticks is lost in rounding, or the span is infinite.
        const MOST: f64 = 1e300;
        let mut low = f64::INFINITY;
        let mut high = f64::NEG_INFINITY;
        for value in values.flatten().filter(|v| v.is_finite()) {
            let value = value.clamp(-MOST, MOST);
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            return None;
        }
        if kind == ChartKind::Bar {
            low = low.min(0.0);
            high = high.max(0.0);
        }
        if high - low <= f64::EPSILON * high.abs().max(low.abs()) {
            // One value only: some room around it.
            let room = (high.abs() * 0.5).max(1.0);
            (low, high) = (low - room, high + room);
        }
        let step = nice_step((high - low) / 4.0);
        let first = (low / step).floor();
        let last = (high / step).ceil();
        let ticks: Vec<f64> = (0..=(last - first).clamp(1.0, 12.0) as u32)
            .map(|at| (first + f64::from(at)) * step)
            .collect();
        Some(Self {
            low: first * step,
            high: last * step,
            ticks,
        })
    }

    /// Where a value is: 0 at the top, 1 at the bottom.
    pub fn place(&self, value: f64) -> f64 {
        let place = (self.high - value) / (self.high - self.low);
        if place.is_finite() {
            place.clamp(0.0, 1.0)
        } else {
            1.0
        }
    }
}

/// 1, 2 or 5 times a power of ten, at least as large as asked.
fn nice_step(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.log10().floor());
    let factor = raw / power;
    // The power itself rounds: a little above 1 is 1.
    let nice = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|nice| factor <= nice + 1e-9)
        .unwrap_or(10.0);
    nice * power
}

/// A number in full: `104,000.5`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if value != 0.0 && !(1e-4..1e15).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let text = format!("{:.4}", value.abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole
        .parse()
        .map_or_else(|_| whole.to_owned(), format::grouped);
    let sign = if value < 0.0 { "−" } else { "" };
    if rest.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest}")
    }
}

/// A number beside an axis: `50 k`, `1.5 M`.
pub fn short_number(value: f64) -> String {
    let (divisor, unit) = match value.abs() {
        size if size >= 1e15 => return number(value),
        size if size >= 1e9 => (1e9, " G"),
        size if size >= 1e6 => (1e6, " M"),
        size if size >= 10_000.0 => (1e3, " k"),
        _ => (1.0, ""),
    };
    format!("{}{unit}", number(value / divisor))
}

/// Every how many labels one is written, so that they do not run into each other.
pub fn label_step(labels: &[String], characters: usize) -> usize {
    let longest = labels
        .iter()
        .map(|label| label.chars().count().min(LONGEST_LABEL))
        .max()
        .unwrap_or(1);
    let room = (characters / (longest + 2)).max(1);
    labels.len().div_ceil(room).max(1)
}

/// Characters of a label that are written below an axis.
pub const LONGEST_LABEL: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scale(values: &[f64], kind: ChartKind) -> Scale {
        Scale::of(values.iter().copied().map(Some), kind).unwrap()
    }

    #[test]
    fn axes_have_round_numbers_and_bars_stand_on_zero() {
        let bars = scale(&[52_000.0, 104_000.0], ChartKind::Bar);
        assert_eq!((bars.low, bars.high), (0.0, 150_000.0));
        assert_eq!(bars.ticks, [0.0, 50_000.0, 100_000.0, 150_000.0]);
        let below = scale(&[-3.0, 4.0], ChartKind::Bar);
        assert_eq!(below.ticks, [-4.0, -2.0, 0.0, 2.0, 4.0]);
        let flat = scale(&[7.0, 7.0], ChartKind::Line);
        assert!(flat.low < 7.0 && flat.high > 7.0);
        assert_eq!(
            Scale::of([None, Some(f64::NAN)].into_iter(), ChartKind::Bar),
            None
        );
    }

    #[test]
    fn numbers_are_written_as_people_do() {
        assert_eq!(number(-1234.5), "−1,234.5");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(1.5e20), "1.500e20");
        assert_eq!(short_number(50_000.0), "50 k");
        assert_eq!(short_number(1_500_000.0), "1.5 M");
        assert_eq!(short_number(2_000.0), "2,000");
    }

    #[test]
    fn labels_leave_room_for_each_other() {
        let months = vec!["Jan".to_owned(); 12];
        assert_eq!(label_step(&months, 60), 1);
        let days = vec!["2026-01-01".to_owned(); 365];
        assert_eq!(label_step(&days, 60), 73);
        assert_eq!(label_step(&[], 60), 1);
    }

    proptest! {
        #[test]
        fn every_number_has_a_place(values in prop::collection::vec(prop::option::of(any::<f64>()), 0..20), bar in any::<bool>()) {
            let kind = if bar { ChartKind::Bar } else { ChartKind::Line };
            if let Some(scale) = Scale::of(values.iter().copied(), kind) {
                prop_assert!(scale.ticks.len() <= 13);
                for value in values.into_iter().flatten() {
                    let place = scale.place(value);
                    prop_assert!((0.0..=1.0).contains(&place), "{place}");
                }
            }
        }
    }
}
