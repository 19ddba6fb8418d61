//! What was measured of several programs side by side, with how much more or less than the first each has.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    inference::{Numbers, Runner},
    measure::median,
};

/// A line: the measure, what it is called, whether more is better, and what is promised of ours beside the peer's.
struct Line {
    name: &'static str,
    shown: &'static str,
    goal: Option<Goal>,
}

#[derive(Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {least}"),
            Self::AtMost(most) => format!("<= {most}"),
        }
    }
}

const fn line(name: &'static str, shown: &'static str, goal: Option<Goal>) -> Line {
    Line { name, shown, goal }
}

const LINES: [Line; 9] = [
    line("load_ms", "load, ms", None),
    line(
        "first_token_40_ms",
        "first token, 40 in, ms",
        Some(Goal::AtMost(1.1)),
    ),
    line(
        "first_token_600_ms",
        "first token, 600 in, ms",
        Some(Goal::AtMost(1.1)),
    ),
    line(
        "first_token_3000_ms",
        "first token, 3000 in, ms",
        Some(Goal::AtMost(1.1)),
    ),
    line(
        "follow_up_first_token_ms",
        "follow-up's first token, ms",
        None,
    ),
    line(
        "tokens_per_s_after_40",
        "tokens/s behind 40",
        Some(Goal::AtLeast(0.95)),
    ),
    line(
        "tokens_per_s_after_600",
        "tokens/s behind 600",
        Some(Goal::AtLeast(0.95)),
    ),
    line(
        "tokens_per_s_after_3000",
        "tokens/s behind 3000",
        Some(Goal::AtLeast(0.95)),
    ),
    line("peak_mb", "peak memory, MB", None),
];

/// The table of one model: median and spread of each, and the ratio to the peer's median.
pub fn table(model: &str, found: &BTreeMap<Runner, Numbers>) -> String {
    let mut text = format!("{model}\n  {:28}", "");
    for runner in found.keys() {
        write(&mut text, format_args!("{:>26}", runner.name()));
    }
    write(
        &mut text,
        format_args!("{:>9}  {:>9}\n", "ours/its", "mistral"),
    );
    let get = |runner, name: &str| found.get(&runner)?.get(name).and_then(|runs| median(runs));
    for Line { name, shown, goal } in LINES {
        write(&mut text, format_args!("  {shown:28}"));
        for numbers in found.values() {
            write(
                &mut text,
                format_args!(
                    "{:>26}",
                    numbers
                        .get(name)
                        .map_or_else(|| "–".to_owned(), |runs| spread(runs))
                ),
            );
        }
        let ratio = |runner| Some(get(runner, name)? / get(Runner::LlamaCpp, name)?);
        let shown = |ratio: Option<f64>| {
            ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        let ours = ratio(Runner::Llama);
        write(
            &mut text,
            format_args!("{:>9}  {:>9}", shown(ours), shown(ratio(Runner::Mistral))),
        );
        if let (Some(goal), Some(ours)) = (goal, ours) {
            let met = if goal.is_met(ours) { "met" } else { "MISSED" };
            write(&mut text, format_args!("  goal {} {met}", goal.words()));
        }
        text.push('\n');
    }
    for runner in found.keys() {
        if let (Some(next), Some(first)) = (
            get(*runner, "follow_up_first_token_ms"),
            get(*runner, "first_token_600_ms"),
        ) {
            write(
                &mut text,
                format_args!(
                    "  {}: a follow-up takes {:.2} of the first turn (goal <= 0.2)\n",
                    runner.name(),
                    next / first
                ),
            );
        }
    }
    text
}

fn spread(runs: &[f64]) -> String {
    let number = |value: f64| {
        if value >= 100.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.1}")
        }
    };
    let (least, most) = runs
        .iter()
        .fold((f64::MAX, f64::MIN), |(least, most), &run| {
            (least.min(run), most.max(run))
        });
    match (median(runs), runs.len()) {
        (Some(median), 1) => number(median),
        (Some(median), _) => format!("{} ({}–{})", number(median), number(least), number(most)),
        (None, _) => "–".to_owned(),
    }
}

/// Writing to a string does not fail.
fn write(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_to_the_peers_median_and_goals_are_judged() {
        let numbers = |first: &[f64], speed: f64| {
            Numbers::from([
                ("first_token_600_ms".to_owned(), first.to_vec()),
                ("follow_up_first_token_ms".to_owned(), vec![10.0]),
                ("tokens_per_s_after_40".to_owned(), vec![speed]),
            ])
        };
        let found = BTreeMap::from([
            (Runner::LlamaCpp, numbers(&[90.0, 100.0, 110.0], 50.0)),
            (Runner::Llama, numbers(&[120.0], 49.0)),
        ]);
        let table = table("m", &found);
        let line = |name: &str| {
            table
                .lines()
                .find(|line| line.contains(name))
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            line("600 in"),
            "first token, 600 in, ms 100 (90.0–110) 120 1.20 – goal <= 1.1 MISSED"
        );
        assert_eq!(
            line("behind 40"),
            "tokens/s behind 40 50.0 49.0 0.98 – goal >= 0.95 met"
        );
        assert_eq!(
            line("nexus_llama:"),
            "nexus_llama: a follow-up takes 0.08 of the first turn (goal <= 0.2)"
        );
    }
}
