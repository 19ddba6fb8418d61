//! What an engine is told once: where its program is, and how patient to be.

use std::path::PathBuf;
use std::time::Duration;

use super::confinement::Confinement;
use super::pressure::MemoryGauge;
use crate::gguf::Weights;

/// How to run workers.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The program `nexus-worker`.
    pub program: PathBuf,
    /// The program `nexus-worker-llama`, where it is there. Beside each may lie builds for other hardware, such as
    /// `nexus-worker-cuda`, which are preferred where they run.
    pub llama_program: Option<PathBuf>,
    /// A folder in which each worker gets one of its own, the only place that it may write to. Made where it is missing.
    pub scratch_dir: PathBuf,
    /// How workers are kept from everything else.
    pub confinement: Confinement,
    /// Where it is written down how each model did; `None` to know it for this run only.
    pub records_dir: Option<PathBuf>,
    /// Where free memory is read.
    pub memory: MemoryGauge,
    /// After how long without a request the worker ends; `None` for never.
    pub idle_unload: Option<Duration>,
    /// Threads to compute with; `None` for what the model was measured with, else one a physical core, less one for the window.
    pub threads: Option<usize>,
    /// How weights are held in memory.
    pub weights: WeightsPolicy,
    /// The worker's log filter, as `tracing` writes filters.
    pub log: String,
    /// Patience and budgets.
    pub limits: Limits,
}

impl WorkerOptions {
    /// Everything but the two paths at its default: one worker program, not confined, and idle workers end after 15 minutes.
    pub fn new(program: PathBuf, scratch_dir: PathBuf) -> Self {
        Self {
            program,
            llama_program: None,
            scratch_dir,
            confinement: Confinement::None("Nobody asked for it.".to_owned()),
            records_dir: None,
            memory: MemoryGauge::default(),
            idle_unload: Some(Duration::from_secs(15 * 60)),
            threads: None,
            weights: WeightsPolicy::Auto,
            log: "warn,nexus_worker=info".to_owned(),
            limits: Limits::default(),
        }
    }
}

/// How weights are held in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightsPolicy {
    /// Small models are unpacked where memory allows.
    #[default]
    Auto,
    /// One way for all. What does not fit unpacked is still held packed.
    Always(Weights),
}

impl WeightsPolicy {
    pub(super) fn wish(self) -> Option<Weights> {
        match self {
            Self::Auto => None,
            Self::Always(weights) => Some(weights),
        }
    }
}

/// Patience and budgets. Tests shrink them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To load a model, besides one second for each 20 MB of it.
    pub load: Duration,
    /// Without a sign from the model: before the prompt was counted, and between two pieces of an answer. The first
    /// piece has half a second more for each token of the prompt.
    pub stall: Duration,
    /// For a cancelled generation to end before its process is.
    pub cancel_grace: Duration,
    /// Between two pings while something is asked of the worker.
    pub ping: Duration,
    /// Without an answer to a ping.
    pub ping_patience: Duration,
    /// For a worker to exit when asked to.
    pub exit: Duration,
    /// Deaths on one file, with no answer finished between, after which it is given up with that engine.
    pub deaths: usize,
    /// Within how long the deaths are counted.
    pub death_window: Duration,
    /// Models in memory at once, where they fit. The one that was used last stays longest.
    pub models: usize,
    /// How often free memory is looked at while a model is in memory.
    pub memory_look: Duration,
    /// How long a model must have been idle before it leaves for want of memory: between two steps of a turn it stays.
    pub memory_grace: Duration,
    /// Memory for finished conversations, bytes. The worker cannot free them, so past this it is started anew.
    pub prefix_bytes: u64,
    /// Text of one answer, bytes; a worker that sends more is mad.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            load: Duration::from_secs(120),
            stall: Duration::from_secs(120),
            cancel_grace: Duration::from_secs(2),
            ping: Duration::from_secs(2),
            ping_patience: Duration::from_secs(20),
            exit: Duration::from_secs(3),
            deaths: 3,
            death_window: Duration::from_secs(300),
            models: 3,
            memory_look: Duration::from_secs(5),
            memory_grace: Duration::from_secs(20),
            prefix_bytes: 1 << 30,
            answer_bytes: 32 << 20,
        }
    }
}
