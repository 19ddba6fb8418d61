//! Which of the engines runs a model, and why. Pure: what there is and what was measured is given.

use serde::{Deserialize, Serialize};

use super::records::{Measured, Record};
use crate::folder;
use crate::gguf::ARCHITECTURES;

/// A worker program, by the engine in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// llama.cpp: `nexus-worker-llama`. On a processor it reads prompts several times faster and computes of a
    /// conversation only what is new, in memory that does not grow.
    Llama,
    /// mistral.rs: `nexus-worker`. The one that is always there, and that graphics processors are used by.
    Mistral,
}

impl Backend {
    /// Each.
    pub const ALL: [Self; 2] = [Self::Llama, Self::Mistral];

    /// Whether it is known to run models of this architecture. Of GGUF files today both know what the check lets through; those
    /// in folders are mistral.rs's alone.
    fn supports(self, architecture: &str) -> bool {
        match self {
            Self::Llama => ARCHITECTURES.contains(&architecture),
            Self::Mistral => ARCHITECTURES.contains(&architecture) || folder::knows(architecture),
        }
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Llama => "llama.cpp",
            Self::Mistral => "mistral.rs",
        })
    }
}

/// A choice, and its reason in a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) backend: Backend,
    pub(super) why: String,
}

/// What a choice rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grounds<'a> {
    pub(super) architecture: &'a str,
    /// Whether it is in several GGUF files.
    pub(super) split: bool,
    /// Engines whose programs are there.
    pub(super) there: &'a [Backend],
    /// Whether mistral.rs has a graphics processor here.
    pub(super) gpu: bool,
    /// What the user wants for this model.
    pub(super) pin: Option<Backend>,
    /// What is known of this file.
    pub(super) record: &'a Record,
    /// What was tried already for the request at hand.
    pub(super) tried: &'a [Backend],
}

/// By support, then as the user pinned it, then by what was measured here, then by what is usual. An engine that the file is
/// incompatible with is passed over.
///
/// # Errors
/// Why none is left, in sentences; empty where none was there to begin with.
pub(super) fn choose(grounds: Grounds<'_>) -> Result<Choice, String> {
    if grounds.split && !grounds.there.contains(&Backend::Llama) {
        return Err(format!(
            "It is split into several files, which only {} puts together, and that engine is not here.",
            Backend::Llama
        ));
    }
    let mut order: Vec<(Backend, String)> = usual(grounds.gpu)
        .into_iter()
        .filter(|(backend, _)| {
            grounds.there.contains(backend)
                && backend.supports(grounds.architecture)
                && (!grounds.split || *backend == Backend::Llama)
                && !grounds.tried.contains(backend)
        })
        .collect();
    if let [(first, _), (second, _)] = order[..]
        && let (Some(one), Some(other)) = (
            grounds.record.measured(first).and_then(turn_seconds),
            grounds.record.measured(second).and_then(turn_seconds),
        )
    {
        let (quick, slow, backend) = if other < one {
            order.swap(0, 1);
            (other, one, second)
        } else {
            (one, other, first)
        };
        order[0].1 = format!(
            "{backend} was measured as the quicker one for it here: {quick:.1} s for a usual turn, {slow:.1} s with the other."
        );
    }
    if let Some(pin) = grounds.pin
        && let Some(at) = order.iter().position(|(backend, _)| *backend == pin)
    {
        order.remove(at);
        order.insert(0, (pin, format!("{pin} is pinned for it in the settings.")));
    }
    let mut passed_over = Vec::new();
    for (backend, why) in order {
        match grounds.record.incompatible(backend) {
            Some(reason) => passed_over.push(format!("{backend} is not used: {reason}")),
            None if passed_over.is_empty() => return Ok(Choice { backend, why }),
            None => {
                let why = format!("{} So it runs on {backend}.", passed_over.join(" "));
                return Ok(Choice { backend, why });
            }
        }
    }
    Err(passed_over.join(" "))
}

/// The order in which engines are preferred where nothing was measured.
fn usual(gpu: bool) -> [(Backend, String); 2] {
    let (llama, mistral) = (Backend::Llama, Backend::Mistral);
    if gpu {
        [
            (
                mistral,
                format!("{mistral} computes on the graphics processor here."),
            ),
            (llama, format!("{llama} computes on the processor.")),
        ]
    } else {
        [
            (llama, format!("{llama} is the quicker one on processors.")),
            (
                mistral,
                format!("{mistral} is the engine that is there for it."),
            ),
        ]
    }
}

/// What a turn of usual size would take, seconds: an agent's prompt is longer than its answers.
fn turn_seconds(measured: &Measured) -> Option<f64> {
    let (prompt, answer) = (600.0, 200.0);
    let seconds =
        |tokens: f64, rate: Option<f64>| rate.filter(|rate| *rate > 0.0).map(|rate| tokens / rate);
    Some(
        seconds(prompt, measured.prompt_tokens_per_second)?
            + seconds(answer, measured.answer_tokens_per_second)?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(record: &mut Record, backend: Backend, prompt: f64, answer: f64) {
        record.past(backend).measured = Some(Measured {
            backend,
            load_ms: 100,
            prompt_tokens_per_second: Some(prompt),
            answer_tokens_per_second: Some(answer),
            peak_bytes: None,
            threads: 1,
        });
    }

    fn grounds(record: &Record) -> Grounds<'_> {
        Grounds {
            architecture: "llama",
            split: false,
            there: &Backend::ALL,
            gpu: false,
            pin: None,
            record,
            tried: &[],
        }
    }

    fn backend(grounds: Grounds<'_>) -> Option<Backend> {
        choose(grounds).ok().map(|choice| choice.backend)
    }

    #[test]
    fn support_comes_first_and_then_what_is_usual() {
        let record = Record::default();
        let usual = grounds(&record);
        assert_eq!(backend(usual), Some(Backend::Llama));
        let gpu = Grounds { gpu: true, ..usual };
        assert_eq!(backend(gpu), Some(Backend::Mistral));
        let alone = Grounds {
            there: &[Backend::Mistral],
            ..usual
        };
        assert_eq!(backend(alone), Some(Backend::Mistral));
        let tried = Grounds {
            tried: &[Backend::Llama],
            ..usual
        };
        assert_eq!(backend(tried), Some(Backend::Mistral));
        let strange = Grounds {
            architecture: "something-new",
            ..usual
        };
        assert_eq!(choose(strange), Err(String::new()));
    }

    #[test]
    fn a_model_in_several_files_is_llamas_alone() {
        let mut record = Record::default();
        measured(&mut record, Backend::Llama, 1.0, 1.0);
        measured(&mut record, Backend::Mistral, 200.0, 20.0);
        let split = Grounds {
            split: true,
            gpu: true,
            pin: Some(Backend::Mistral),
            ..grounds(&record)
        };
        assert_eq!(backend(split), Some(Backend::Llama));
        let alone = Grounds {
            there: &[Backend::Mistral],
            ..split
        };
        assert_eq!(
            choose(alone),
            Err("It is split into several files, which only llama.cpp puts together, and that engine is not here.".to_owned())
        );
    }

    #[test]
    fn what_was_measured_here_decides_and_a_pin_above_it() {
        let mut record = Record::default();
        measured(&mut record, Backend::Llama, 100.0, 10.0);
        assert_eq!(
            backend(grounds(&record)),
            Some(Backend::Llama),
            "one alone says nothing"
        );
        measured(&mut record, Backend::Mistral, 200.0, 20.0);
        let choice = choose(grounds(&record)).unwrap();
        assert_eq!(choice.backend, Backend::Mistral);
        assert_eq!(
            choice.why,
            "mistral.rs was measured as the quicker one for it here: 13.0 s for a usual turn, 26.0 s with the other."
        );
        let pinned = Grounds {
            pin: Some(Backend::Llama),
            ..grounds(&record)
        };
        assert_eq!(
            choose(pinned),
            Ok(Choice {
                backend: Backend::Llama,
                why: "llama.cpp is pinned for it in the settings.".to_owned()
            })
        );
    }

    #[test]
    fn an_engine_that_dies_of_the_file_is_passed_over_and_the_reason_is_told() {
        let mut record = Record::default();
        record.block(Backend::Llama, "It crashed three times.", "1");
        let pinned = Grounds {
            pin: Some(Backend::Llama),
            ..grounds(&record)
        };
        let choice = choose(pinned).unwrap();
        assert_eq!(choice.backend, Backend::Mistral);
        assert_eq!(
            choice.why,
            "llama.cpp is not used: It crashed three times. So it runs on mistral.rs."
        );
        record.block(Backend::Mistral, "It aborted.", "1");
        assert_eq!(
            choose(grounds(&record)),
            Err("llama.cpp is not used: It crashed three times. mistral.rs is not used: It aborted.".to_owned())
        );
    }
}
