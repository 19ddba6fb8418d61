//! What the engine knows besides the worker that runs: programs, records, pins and deaths. Shared by the actor, which acts on it,
//! and the handles, which tell it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_llm::LocalError;
use tokio::time::Instant;

use super::backend::{self, Backend, Choice, Grounds};
use super::breaker::Breaker;
use super::options::WorkerOptions;
use super::programs::{self, WorkerProgram};
use super::records::{Identity, Record, Records, Run};

/// See the module.
#[derive(Debug)]
pub(super) struct Chooser {
    mistral: PathBuf,
    llama: Option<PathBuf>,
    /// Asked once: builds do not come and go while the app runs.
    programs: tokio::sync::Mutex<Option<Programs>>,
    known: Mutex<Known>,
}

type Programs = Arc<HashMap<Backend, WorkerProgram>>;

#[derive(Debug)]
struct Known {
    records: Records,
    pins: HashMap<String, Backend>,
    deaths: Breaker,
}

/// The file that a choice is made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) path: &'a Path,
    pub(super) identity: &'a Identity,
    /// The model's name, `local/…`.
    pub(super) model: &'a str,
    pub(super) architecture: &'a str,
    /// Whether it is in several GGUF files.
    pub(super) split: bool,
}

/// An engine and its program.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) backend: Backend,
    pub(super) why: String,
    pub(super) program: WorkerProgram,
    /// Threads that it was measured with.
    pub(super) threads: Option<usize>,
}

impl Chooser {
    pub(super) fn new(options: &WorkerOptions) -> Self {
        Self {
            mistral: options.program.clone(),
            llama: options.llama_program.clone(),
            programs: tokio::sync::Mutex::new(None),
            known: Mutex::new(Known {
                records: Records::new(options.records_dir.clone()),
                pins: HashMap::new(),
                deaths: Breaker::new(options.limits.deaths, options.limits.death_window),
            }),
        }
    }

    /// The engines that are there, each with the build that runs here.
    pub(super) async fn programs(&self) -> Programs {
        let mut programs = self.programs.lock().await;
        if let Some(known) = &*programs {
            return Arc::clone(known);
        }
        let mut found = HashMap::new();
        for (backend, plain) in [
            (Backend::Mistral, Some(&self.mistral)),
            (Backend::Llama, self.llama.as_ref()),
        ] {
            if let Some(plain) = plain
                && let Some(program) = programs::find(plain).await
            {
                found.insert(backend, program);
            }
        }
        let found = Arc::new(found);
        // One that is being built or installed right now may be there the next time.
        if !found.is_empty() {
            *programs = Some(Arc::clone(&found));
        }
        found
    }

    /// Which engine runs the file, leaving out those that were tried.
    ///
    /// # Errors
    /// [`LocalError::WorkerMissing`] and [`LocalError::Incompatible`].
    pub(super) async fn choose(
        &self,
        subject: Subject<'_>,
        tried: &[Backend],
    ) -> Result<Chosen, LocalError> {
        let programs = self.programs().await;
        let there: Vec<Backend> = Backend::ALL
            .into_iter()
            .filter(|backend| programs.contains_key(backend))
            .collect();
        let gpu = programs
            .get(&Backend::Mistral)
            .is_some_and(WorkerProgram::uses_gpu);
        let (record, pin) = {
            let mut known = self.known();
            let record = known.records.of(subject.path, subject.identity).clone();
            (record, known.pins.get(subject.model).copied())
        };
        let record = programs.iter().fold(record, |record, (backend, program)| {
            record.with_program(*backend, &program.fingerprint)
        });
        let choice = backend::choose(Grounds {
            architecture: subject.architecture,
            split: subject.split,
            there: &there,
            gpu,
            pin,
            record: &record,
            tried,
        });
        match choice {
            Ok(Choice { backend, why }) => {
                let program = programs
                    .get(&backend)
                    .cloned()
                    .ok_or_else(|| self.missing())?;
                let threads = record.measured(backend).map(|measured| measured.threads);
                Ok(Chosen {
                    backend,
                    why,
                    program,
                    threads,
                })
            }
            Err(reason) if reason.is_empty() => Err(self.missing()),
            Err(reason) => Err(LocalError::Incompatible {
                path: subject.path.display().to_string(),
                reason,
            }),
        }
    }

    fn missing(&self) -> LocalError {
        LocalError::WorkerMissing {
            path: self.mistral.display().to_string(),
        }
    }

    /// The engine that the user wants for a model.
    pub(super) fn pin(&self, model: &str) -> Option<Backend> {
        self.known().pins.get(model).copied()
    }

    pub(super) fn set_pins(&self, pins: HashMap<String, Backend>) {
        self.known().pins = pins;
    }

    /// What is known of a file in its present state.
    pub(super) fn record(&self, path: &Path, identity: &Identity) -> Record {
        self.known().records.of(path, identity).clone()
    }

    /// An answer came to its end.
    pub(super) fn finished(&self, path: &Path, identity: &Identity, backend: Backend, run: Run) {
        let mut known = self.known();
        known.deaths.finished(path, backend);
        known.records.ran(path, identity, backend, run);
    }

    /// A worker died over a file. Whether the file is given up with that engine.
    pub(super) fn died(
        &self,
        path: &Path,
        identity: &Identity,
        chosen: &Chosen,
        reason: &str,
    ) -> bool {
        let mut known = self.known();
        let Some(verdict) = known
            .deaths
            .died(path, chosen.backend, reason, Instant::now())
        else {
            return false;
        };
        tracing::warn!(reason = %verdict, backend = %chosen.backend, "a model is given up with an engine");
        let program = &chosen.program.fingerprint;
        known
            .records
            .block(path, identity, chosen.backend, &verdict, program);
        true
    }

    /// An engine refused a file that another one runs.
    pub(super) fn refused(&self, path: &Path, identity: &Identity, chosen: &Chosen, reason: &str) {
        let program = &chosen.program.fingerprint;
        let reason = format!("it refused the file ({reason}).");
        self.known()
            .records
            .block(path, identity, chosen.backend, &reason, program);
    }

    /// The user says: try again.
    pub(super) fn try_again(&self, path: &Path, identity: &Identity) {
        let mut known = self.known();
        known.records.unblock(path, identity);
        for backend in Backend::ALL {
            known.deaths.finished(path, backend);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
