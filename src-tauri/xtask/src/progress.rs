//! Steps: which run, in which order, what is printed about each, and what the whole came to.
//!
//! Owns the order and the words; refuses to know what any step does.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// One thing to do.
pub struct Step<C> {
    /// Short, unique: what `--only` takes.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Names of the steps whose results it uses; each comes before it.
    pub needs: &'static [&'static str],
    /// Does it.
    pub act: fn(&mut C) -> Result<Outcome>,
}

// Not derived: a derive would ask `C` to be `Copy` too.
impl<C> Clone for Step<C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for Step<C> {}

/// How a step ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was done, and this is worth knowing.
    DoneWith(String),
    /// All was there already.
    UpToDate,
    /// This system has no such thing; the reason. Never for something that is merely not installed.
    NotOnThisSystem(String),
    /// It could not be done and the user bears that; the reason.
    NotChecked(String),
}

/// What to do with the steps after one that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing more.
    Stop,
    /// Those that do not need it.
    GoOn,
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Well(Outcome),
    Failed(String),
    NotReached(String),
}

/// The steps of a plan that are named, with all that they need, in the plan's order. No names: all.
///
/// # Errors
/// When a name is not in the plan.
pub fn select<C>(plan: &[Step<C>], only: &[String]) -> Result<Vec<Step<C>>> {
    for name in only {
        if !plan.iter().any(|step| step.name == name) {
            let names: Vec<_> = plan.iter().map(|step| step.name).collect();
            bail!("no step is called {name}; there are {}", names.join(", "));
        }
    }
    let mut wanted: Vec<bool> = plan
        .iter()
        .map(|step| only.is_empty() || only.iter().any(|name| name == step.name))
        .collect();
    // Needs stand before what needs them, so one walk from the end finds all.
    for index in (0..plan.len()).rev() {
        if wanted[index] {
            for (earlier, want) in plan[..index].iter().zip(&mut wanted) {
                *want |= plan[index].needs.contains(&earlier.name);
            }
        }
    }
    Ok(plan
        .iter()
        .zip(wanted)
        .filter_map(|(step, want)| want.then_some(*step))
        .collect())
}

/// Runs steps, says what each does and how long it took, and prints a table at the end.
///
/// # Errors
/// When a step failed; all has been printed by then.
pub fn run_all<C>(steps: &[Step<C>], on_failure: OnFailure, context: &mut C) -> Result<()> {
    let mut endings: Vec<(&Step<C>, Ending, Duration)> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let place = format!("[{}/{}]", index + 1, steps.len());
        let missing = endings.iter().find_map(|(earlier, ending, _)| {
            let failed = !matches!(ending, Ending::Well(_));
            (failed && (on_failure == OnFailure::Stop || step.needs.contains(&earlier.name)))
                .then_some(earlier.name)
        });
        let started = Instant::now();
        let ending = if let Some(name) = missing {
            Ending::NotReached(format!("not reached: {name} failed"))
        } else {
            println!("{place} {}: {}", step.name, step.about);
            match (step.act)(context) {
                Ok(outcome) => Ending::Well(outcome),
                Err(error) => Ending::Failed(format!("{error:#}")),
            }
        };
        let took = started.elapsed();
        println!("{place} {} … {}", step.name, told(&ending, took));
        endings.push((step, ending, took));
    }
    print!("{}", table(&endings));
    let failed: Vec<_> = endings
        .iter()
        .filter(|(_, ending, _)| matches!(ending, Ending::Failed(_)))
        .map(|(step, ..)| step.name)
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("failed: {}", failed.join(", "))
    }
}

fn told(ending: &Ending, took: Duration) -> String {
    match ending {
        Ending::Well(Outcome::Done) => duration(took),
        Ending::Well(Outcome::DoneWith(note)) => format!("{} ({note})", duration(took)),
        Ending::Well(Outcome::UpToDate) => "up to date".to_owned(),
        Ending::Well(Outcome::NotOnThisSystem(why)) => format!("NOT ON THIS SYSTEM: {why}"),
        Ending::Well(Outcome::NotChecked(why)) => format!("NOT CHECKED: {why}"),
        Ending::Failed(why) => format!("FAILED after {}: {why}", duration(took)),
        Ending::NotReached(why) => why.clone(),
    }
}

fn table<C>(endings: &[(&Step<C>, Ending, Duration)]) -> String {
    let width = endings
        .iter()
        .map(|(step, ..)| step.name.len())
        .max()
        .unwrap_or(0);
    let total: Duration = endings.iter().map(|(.., took)| *took).sum();
    let mut text = String::from("\n");
    for (step, ending, took) in endings {
        let words = told(ending, *took);
        let first = words.lines().next().unwrap_or_default();
        text.push_str(&format!("  {:width$}  {first}\n", step.name));
    }
    text.push_str(&format!("  {:width$}  {}\n\n", "total", duration(total)));
    text
}

/// A duration for people: `0.4 s`, `12 s`, `9 m 31 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if time < Duration::from_secs(10) {
        format!("{:.1} s", time.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(
        name: &'static str,
        needs: &'static [&'static str],
        act: fn(&mut Vec<u8>) -> Result<Outcome>,
    ) -> Step<Vec<u8>> {
        Step {
            name,
            about: "",
            needs,
            act,
        }
    }

    fn plan() -> Vec<Step<Vec<u8>>> {
        vec![
            log("a", &[], |seen| {
                seen.push(b'a');
                Ok(Outcome::Done)
            }),
            log("b", &["a"], |seen| {
                seen.push(b'b');
                bail!("no b")
            }),
            log("c", &["b"], |seen| {
                seen.push(b'c');
                Ok(Outcome::UpToDate)
            }),
            log("d", &[], |seen| {
                seen.push(b'd');
                Ok(Outcome::Done)
            }),
        ]
    }

    fn names(steps: &[Step<Vec<u8>>]) -> Vec<&'static str> {
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_named_step_brings_what_it_needs() {
        let only = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|n| (*n).to_owned()).collect();
            select(&plan(), &wanted)
                .map(|steps| names(&steps))
                .map_err(|e| e.to_string())
        };
        assert_eq!(
            [only(&[]), only(&["c"]), only(&["d", "b"]), only(&["x"])],
            [
                Ok(vec!["a", "b", "c", "d"]),
                Ok(vec!["a", "b", "c"]),
                Ok(vec!["a", "b", "d"]),
                Err("no step is called x; there are a, b, c, d".to_owned()),
            ]
        );
    }

    #[test]
    fn a_failure_stops_what_needs_it_or_all() {
        let run = |on_failure| {
            let mut seen = Vec::new();
            let error = run_all(&plan(), on_failure, &mut seen).unwrap_err();
            (String::from_utf8(seen).unwrap(), error.to_string())
        };
        assert_eq!(
            [run(OnFailure::GoOn), run(OnFailure::Stop)],
            [
                ("abd".to_owned(), "failed: b".to_owned()),
                ("ab".to_owned(), "failed: b".to_owned())
            ]
        );
    }

    #[test]
    fn durations_read_well() {
        let told: Vec<_> = [400, 12_345, 571_000]
            .map(|ms| duration(Duration::from_millis(ms)))
            .into();
        assert_eq!(told, ["0.4 s", "12 s", "9 m 31 s"]);
    }
}
