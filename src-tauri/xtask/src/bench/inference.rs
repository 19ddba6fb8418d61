//! Our two workers beside llama.cpp's own Python server: the same files, threads, context and words, in turns.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{comparison, measure::Measure, probes::last_object};
use crate::{command, starter, work::Work};

/// Tokens of the context: room for the longest prompt and its answer.
const CONTEXT: &str = "4096";
const PEER: &str = include_str!("inference/peer.py");

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runner {
    /// The peer.
    LlamaCpp,
    /// What the app picks.
    Llama,
    /// Beside it.
    Mistral,
}

impl Runner {
    /// In names of measures and heads of columns.
    pub fn name(self) -> &'static str {
        match self {
            Self::LlamaCpp => "llama_cpp",
            Self::Llama => "nexus_llama",
            Self::Mistral => "nexus_mistral",
        }
    }
}

/// Runs of one runner with one model: name to the number of each run.
pub type Numbers = BTreeMap<String, Vec<f64>>;

/// Measures all, prints the comparison, and gives every number.
pub fn measure(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    let bench = Inference::new(work)?;
    let mut measures = Vec::new();
    for (model, path) in bench.models()? {
        let mut found = BTreeMap::<Runner, Numbers>::new();
        for run in 0..runs {
            // The machine drifts: each is as often first as last.
            let mut order = [Runner::LlamaCpp, Runner::Llama];
            if run % 2 == 1 {
                order.reverse();
            }
            for runner in order {
                bench.once(runner, &path, &mut found)?;
            }
        }
        // It is no competitor on a processor, and takes minutes.
        bench.once(Runner::Mistral, &path, &mut found)?;
        println!("\n{}", comparison::table(model, &found));
        for (runner, numbers) in found {
            measures.extend(numbers.into_iter().map(|(name, runs)| {
                let measure = Measure::new(format!("{model}_{}_{name}", runner.name()), runs);
                if runner == Runner::Llama {
                    measure
                } else {
                    measure.optional()
                }
            }));
        }
    }
    Ok(measures)
}

struct Inference<'a> {
    work: &'a Work,
    folder: PathBuf,
    script: PathBuf,
    python: PathBuf,
    python_arguments: Vec<std::ffi::OsString>,
    ours: PathBuf,
    writer: PathBuf,
    threads: String,
}

impl<'a> Inference<'a> {
    fn new(work: &'a Work) -> Result<Self> {
        let python = starter::python().context("there is no Python 3")?;
        let python_arguments: Vec<_> = python.get_args().map(ToOwned::to_owned).collect();
        let python = PathBuf::from(python.get_program());
        let has_peer = command::succeeds(
            Command::new(&python)
                .args(&python_arguments)
                .args(["-c", "import llama_cpp.server.app"]),
        );
        if !has_peer {
            bail!(
                "Python cannot import llama_cpp.server: `pip install 'llama-cpp-python[server]'`"
            );
        }
        let folder = work.place.cache.join("bench-models");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let script = folder.join("peer.py");
        fs::write(&script, PEER).with_context(|| format!("cannot write {}", script.display()))?;
        let mut cargo = work.cargo(["build", "--release", "--quiet", "-p", "nexus-worker-client"]);
        cargo.args(["--example", "inference", "--example", "write_model"]);
        command::run(&mut cargo)?;
        let example = |name: &str| {
            let file = crate::place::executable(name);
            work.place.target.join("release/examples").join(file)
        };
        Ok(Self {
            work,
            folder,
            script,
            python,
            python_arguments,
            ours: example("inference"),
            writer: example("write_model"),
            threads: threads()?,
        })
    }

    /// The starter in two other quantizations and a made-up model of a common size, written once.
    fn models(&self) -> Result<Vec<(&'static str, PathBuf)>> {
        let starter = self.work.starter()?;
        let made = [
            ("smollm2_135m_q4_0", "Q4_0"),
            ("smollm2_135m_q8_0", "Q8_0"),
            ("noise_1_5b_q4_k_m", ""),
        ];
        made.into_iter()
            .map(|(name, kind)| {
                let path = self.folder.join(format!("{name}.gguf"));
                if path.is_file() {
                    return Ok((name, path));
                }
                // Under another name until it is whole.
                let part = path.with_extension("part");
                let mut make = if kind.is_empty() {
                    let mut writer = command::clean(&self.writer);
                    writer.arg(starter).arg(&part);
                    writer
                } else {
                    let mut python = self.python("quantize");
                    python.arg(starter).arg(&part).arg(kind);
                    python
                };
                command::capture(&mut make)?;
                fs::rename(&part, &path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Ok((name, path))
            })
            .collect()
    }

    fn python(&self, what: &str) -> Command {
        let mut python = command::clean(&self.python);
        python
            .args(&self.python_arguments)
            .arg(&self.script)
            .arg(what);
        python
    }

    fn once(
        &self,
        runner: Runner,
        model: &Path,
        found: &mut BTreeMap<Runner, Numbers>,
    ) -> Result<()> {
        let ours = |backend: &str, worker: &Path| {
            let mut ours = command::clean(&self.ours);
            ours.arg(backend).arg(worker).arg(model).arg(CONTEXT);
            ours
        };
        let mut command = match runner {
            Runner::LlamaCpp => {
                let mut python = self.python("measure");
                python.arg(model).args([CONTEXT, &self.threads]);
                python
            }
            Runner::Llama => {
                let [worker] = self.work.llama()? else {
                    bail!("there is more than one worker on llama.cpp");
                };
                ours("llama", worker)
            }
            Runner::Mistral => ours("mistral", self.work.worker()?),
        };
        let numbers = last_object(&command::capture(&mut command)?)?;
        let all = found.entry(runner).or_default();
        for (name, number) in numbers {
            all.entry(name).or_default().push(number);
        }
        Ok(())
    }
}

/// As many as our engine takes by itself: the physical cores that it may use.
fn threads() -> Result<String> {
    let allowed = std::thread::available_parallelism()?.get();
    let Ok(text) = fs::read_to_string("/proc/cpuinfo") else {
        return Ok(allowed.to_string());
    };
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| {
            line.strip_prefix(name)?
                .split_once(':')
                .map(|(_, value)| value.trim().to_owned())
        })
    };
    let cores: std::collections::BTreeSet<_> = text
        .split("\n\n")
        .filter_map(|block| Some((field(block, "physical id")?, field(block, "core id")?)))
        .collect();
    let physical = if cores.is_empty() {
        allowed
    } else {
        cores.len()
    };
    Ok(physical.min(allowed).to_string())
}
