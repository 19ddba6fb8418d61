//! What is known of a model's file on this machine: how it did with each engine, and which engines it does not run with.
//!
//! Owns the files in the folder `measured/`, one a model. A record is about one content of the file: it ends when the file
//! changes. What it says of an engine that does not run ends when that engine's program changes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::backend::Backend;

/// How a model did on this machine, as a moving figure over its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// With this engine.
    pub backend: Backend,
    /// From the start of the worker to the moment when it could answer, milliseconds.
    pub load_ms: u64,
    /// How fast it reads.
    #[serde(default)]
    pub prompt_tokens_per_second: Option<f64>,
    /// How fast it writes.
    #[serde(default)]
    pub answer_tokens_per_second: Option<f64>,
    /// The most memory that the worker had, bytes.
    #[serde(default)]
    pub peak_bytes: Option<u64>,
    /// Threads that it computed with.
    pub threads: usize,
}

/// One run, in the parts that were long enough to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) load_ms: u64,
    pub(super) prompt_tokens_per_second: Option<f64>,
    pub(super) answer_tokens_per_second: Option<f64>,
    pub(super) peak_bytes: Option<u64>,
    pub(super) threads: usize,
}

/// What tells one content of a file from another without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    path: PathBuf,
    identity: Identity,
    backends: BTreeMap<Backend, Past>,
}

/// With one engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    #[serde(default)]
    pub(super) measured: Option<Measured>,
    #[serde(default)]
    incompatible: Option<Incompatible>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Incompatible {
    /// For people, in sentences.
    reason: String,
    /// The state of the worker's program that it was found with.
    program: String,
}

impl Record {
    /// How it did with an engine.
    pub fn measured(&self, backend: Backend) -> Option<&Measured> {
        self.backends.get(&backend)?.measured.as_ref()
    }

    /// Why it is not run with an engine.
    pub fn incompatible(&self, backend: Backend) -> Option<&str> {
        let past = self.backends.get(&backend)?;
        past.incompatible
            .as_ref()
            .map(|found| found.reason.as_str())
    }

    pub(super) fn past(&mut self, backend: Backend) -> &mut Past {
        self.backends.entry(backend).or_default()
    }

    pub(super) fn block(&mut self, backend: Backend, reason: &str, program: &str) {
        self.past(backend).incompatible = Some(Incompatible {
            reason: reason.to_owned(),
            program: program.to_owned(),
        });
    }

    /// Forgets what was found with another state of the engine's program.
    pub(super) fn with_program(mut self, backend: Backend, program: &str) -> Self {
        let past = self.past(backend);
        past.incompatible.take_if(|found| found.program != program);
        self
    }

    fn add(&mut self, backend: Backend, run: Run) {
        let past = self.past(backend);
        let old = past.measured.take();
        let old_of = |of: fn(&Measured) -> Option<f64>| old.as_ref().and_then(of);
        past.measured = Some(Measured {
            backend,
            load_ms: run.load_ms,
            prompt_tokens_per_second: moved(
                old_of(|old| old.prompt_tokens_per_second),
                run.prompt_tokens_per_second,
            ),
            answer_tokens_per_second: moved(
                old_of(|old| old.answer_tokens_per_second),
                run.answer_tokens_per_second,
            ),
            peak_bytes: run
                .peak_bytes
                .max(old.as_ref().and_then(|old| old.peak_bytes)),
            threads: run.threads,
        });
    }
}

/// A slow run among quick ones (something else computed) must not turn a choice over, nor an old one hold it for ever.
fn moved(old: Option<f64>, new: Option<f64>) -> Option<f64> {
    const WEIGHT: f64 = 0.3;
    match (old, new) {
        (Some(old), Some(new)) => Some(old + (new - old) * WEIGHT),
        (old, new) => new.or(old),
    }
}

/// All records, read when they are first asked for. Without a folder they live as long as the engine.
#[derive(Debug)]
pub(super) struct Records {
    folder: Option<PathBuf>,
    known: HashMap<PathBuf, Record>,
}

impl Records {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            known: HashMap::new(),
        }
    }

    /// Of a file in its present state.
    pub(super) fn of(&mut self, path: &Path, identity: &Identity) -> &mut Record {
        let folder = self.folder.as_deref();
        let record = self.known.entry(path.to_owned()).or_insert_with(|| {
            let text = folder.and_then(|folder| std::fs::read(file(folder, path)).ok());
            // What cannot be read is not known; the next run measures it again.
            text.and_then(|text| serde_json::from_slice(&text).ok())
                .unwrap_or_default()
        });
        if record.path != path || record.identity != *identity {
            *record = Record {
                path: path.to_owned(),
                identity: identity.clone(),
                backends: BTreeMap::new(),
            };
        }
        record
    }

    pub(super) fn ran(&mut self, path: &Path, identity: &Identity, backend: Backend, run: Run) {
        self.of(path, identity).add(backend, run);
        self.save(path);
    }

    pub(super) fn block(
        &mut self,
        path: &Path,
        identity: &Identity,
        backend: Backend,
        reason: &str,
        program: &str,
    ) {
        self.of(path, identity).block(backend, reason, program);
        self.save(path);
    }

    /// The user says: try again.
    pub(super) fn unblock(&mut self, path: &Path, identity: &Identity) {
        for past in self.of(path, identity).backends.values_mut() {
            past.incompatible = None;
        }
        self.save(path);
    }

    fn save(&self, path: &Path) {
        let (Some(folder), Some(record)) = (&self.folder, self.known.get(path)) else {
            return;
        };
        let target = file(folder, path);
        let written = serde_json::to_vec_pretty(record)
            .map_err(std::io::Error::other)
            .and_then(|text| {
                std::fs::create_dir_all(folder)?;
                // Two apps on one data folder may write at once: each its own file, and the last one stays whole.
                let part = target.with_extension(format!("{}.part", std::process::id()));
                std::fs::write(&part, text)?;
                std::fs::rename(&part, &target)
            });
        if let Err(error) = written {
            tracing::warn!(%error, file = %target.display(), "what was measured is kept for this run only");
        }
    }
}

/// The name says which model it is, the number tells two of one name apart.
fn file(folder: &Path, path: &Path) -> PathBuf {
    let name: String = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(80)
        .collect();
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    folder.join(format!("{name}-{number:016x}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Run = Run {
        load_ms: 300,
        prompt_tokens_per_second: Some(100.0),
        answer_tokens_per_second: Some(50.0),
        peak_bytes: Some(1000),
        threads: 2,
    };

    fn identity(bytes: u64) -> Identity {
        Identity {
            bytes,
            modified: Some(SystemTime::UNIX_EPOCH),
        }
    }

    #[test]
    fn what_was_found_is_there_after_a_restart_and_gone_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::new("/models/a b/x.gguf");
        let fresh = || Records::new(Some(folder.path().join("measured")));
        let mut records = fresh();
        records.ran(path, &identity(5), Backend::Llama, RUN);
        records.block(path, &identity(5), Backend::Mistral, "It crashed.", "1.0");
        let record = records.of(path, &identity(5)).clone();

        let again = fresh().of(path, &identity(5)).clone();
        assert_eq!(again, record);
        assert_eq!(again.incompatible(Backend::Mistral), Some("It crashed."));
        assert_eq!(again.measured(Backend::Llama).map(|m| m.load_ms), Some(300));
        let newer = again.with_program(Backend::Mistral, "1.1");
        assert_eq!(newer.incompatible(Backend::Mistral), None);

        let mut records = fresh();
        assert_eq!(records.of(path, &identity(6)).backends, BTreeMap::new());
        let mut records = fresh();
        records.unblock(path, &identity(5));
        let again = fresh().of(path, &identity(5)).clone();
        assert_eq!(again.incompatible(Backend::Mistral), None);
        assert!(again.measured(Backend::Llama).is_some());
    }

    #[test]
    fn figures_move_towards_the_last_run_and_the_peak_stays() {
        let mut record = Record::default();
        record.add(Backend::Llama, RUN);
        record.add(
            Backend::Llama,
            Run {
                load_ms: 200,
                prompt_tokens_per_second: Some(200.0),
                answer_tokens_per_second: None,
                peak_bytes: Some(900),
                threads: 3,
            },
        );
        assert_eq!(
            record.measured(Backend::Llama),
            Some(&Measured {
                backend: Backend::Llama,
                load_ms: 200,
                prompt_tokens_per_second: Some(130.0),
                answer_tokens_per_second: Some(50.0),
                peak_bytes: Some(1000),
                threads: 3,
            })
        );
    }

    #[test]
    fn a_broken_file_is_nothing_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = Path::new("x.gguf");
        std::fs::write(file(folder.path(), path), "{").unwrap();
        let mut records = Records::new(Some(folder.path().to_owned()));
        records.ran(path, &identity(1), Backend::Llama, RUN);
        let mut again = Records::new(Some(folder.path().to_owned()));
        assert!(
            again
                .of(path, &identity(1))
                .measured(Backend::Llama)
                .is_some()
        );
    }
}
