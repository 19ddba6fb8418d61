//! The local model through the whole core, as `nexus ask` runs it; beside llama.cpp with the same file and prompt.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{measure::Measure, probes::last_object};
use crate::{build::CLI, command, starter, work::Work};

const STARTER: &str = "smollm2-135m";
const MODEL: &str = "local/smollm2-135m";
const PROMPT: &str = "Write one long paragraph about the sea, its colours and its winds.";
const TOKENS: u32 = 128;

/// The moments of one answer.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    /// From the model's loading to the request.
    load_ms: Option<f64>,
    /// From the request to the first text.
    first_token_ms: Option<f64>,
    /// As the core counted.
    tokens_per_second: Option<f64>,
}

/// Loads, asks and ends, several times.
pub fn measure(work: &Work, runs: u32) -> Result<Vec<Measure>> {
    let data = env::temp_dir().join(format!("nexus-bench-model-{}", std::process::id()));
    fs::create_dir_all(&data)?;
    let answers =
        command::capture(nexus(work, &data)?.args(["models", "pull", STARTER])).and_then(|_| {
            (0..runs)
                .map(|_| ask(work, &data))
                .collect::<Result<Vec<_>>>()
        });
    // Best effort: it lies in the system's folder for such.
    let _ = fs::remove_dir_all(&data);
    let answers = answers?;
    let all =
        |field: fn(&Answer) -> Option<f64>| answers.iter().filter_map(field).collect::<Vec<_>>();
    let mut measures = vec![
        Measure::new("worker_load_ms", all(|a| a.load_ms))
            .note("a new process each time, the file in the disk cache"),
        Measure::new("local_first_token_ms", all(|a| a.first_token_ms))
            .note("from the request, the model loaded"),
        Measure::new("local_tokens_per_s", all(|a| a.tokens_per_second)),
    ];
    measures.extend(beside(work, runs));
    Ok(measures)
}

/// The command line over a data folder of its own.
fn nexus(work: &Work, data: &Path) -> Result<Command> {
    let mut nexus = command::clean(work.place.release(CLI));
    nexus
        .env("NEXUS_DATA_DIR", data)
        .env("NEXUS_WORKER", work.worker()?)
        .env("NEXUS_STARTER_MODEL", work.starter()?);
    Ok(nexus)
}

fn ask(work: &Work, data: &Path) -> Result<Answer> {
    let mut ask = nexus(work, data)?;
    ask.args(["ask", "--model", MODEL, "--json", PROMPT])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = ask
        .spawn()
        .with_context(|| format!("cannot start `{}`", command::describe(&ask)))?;
    let stdout = child.stdout.take().context("the command has no output")?;
    // Each line with the moment it came: events carry none.
    let mut lines = Vec::new();
    let started = Instant::now();
    for line in BufReader::new(stdout).lines() {
        lines.push((started.elapsed(), line?));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!(
            "`{}` ended with {status}; its words are above",
            command::describe(&ask)
        );
    }
    read(&lines)
}

/// Finds the moments in the events of one turn.
fn read(lines: &[(Duration, String)]) -> Result<Answer> {
    let mut answer = Answer::default();
    let (mut loading, mut asked) = (None, None);
    let ms =
        |later: Duration, earlier: Duration| later.saturating_sub(earlier).as_secs_f64() * 1000.0;
    for (at, line) in lines {
        let event: Value =
            serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        let text = |path: &str| event.pointer(path).and_then(Value::as_str);
        match (text("/msg/type"), text("/msg/activity/type")) {
            (Some("model_activity"), Some("loading")) => loading = loading.or(Some(*at)),
            (Some("model_activity"), Some("waiting")) => {
                // The last one before the text: the first may come before the model is loaded.
                asked = Some(*at);
                if let Some(began) = loading.take() {
                    answer.load_ms = Some(ms(*at, began));
                }
            }
            (Some("item_delta"), _) if answer.first_token_ms.is_none() => {
                answer.first_token_ms = asked.map(|asked| ms(*at, asked));
            }
            (Some("item_completed"), _) => {
                let speed = event
                    .pointer("/msg/item/body/meta/tokens_per_second")
                    .and_then(Value::as_f64);
                answer.tokens_per_second = speed.or(answer.tokens_per_second);
            }
            _ => {}
        }
    }
    if answer.tokens_per_second.is_none() {
        bail!("no event told the speed: {} events came", lines.len());
    }
    Ok(answer)
}

const SCRIPT: &str = r#"
import json, sys, time
from llama_cpp import Llama
path, prompt, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3])
began = time.perf_counter()
model = Llama(model_path=path, n_ctx=2048, verbose=False)
loaded = time.perf_counter()
first, count = None, 0
for chunk in model.create_chat_completion([{"role": "user", "content": prompt}], max_tokens=tokens, stream=True):
    if chunk["choices"][0]["delta"].get("content"):
        count += 1
        if first is None:
            first = time.perf_counter()
ended = time.perf_counter()
print(json.dumps({
    "llama_cpp_load_ms": (loaded - began) * 1000,
    "llama_cpp_first_token_ms": (first - loaded) * 1000,
    "llama_cpp_tokens_per_s": (count - 1) / (ended - first),
}))
"#;

/// llama.cpp in the same run, where Python can import it.
fn beside(work: &Work, runs: u32) -> Vec<Measure> {
    let missing = |why: String| vec![Measure::missing("llama_cpp", why).optional()];
    let importable = starter::python()
        .is_some_and(|mut python| command::succeeds(python.args(["-c", "import llama_cpp"])));
    let Some(python) = starter::python().filter(|_| importable) else {
        return missing(
            "python3 cannot import llama_cpp: `pip install llama-cpp-python`".to_owned(),
        );
    };
    let (program, arguments): (PathBuf, Vec<_>) = (
        python.get_program().into(),
        python.get_args().map(ToOwned::to_owned).collect(),
    );
    let mut found: std::collections::BTreeMap<String, Vec<f64>> = std::collections::BTreeMap::new();
    for _ in 0..runs {
        let mut run = command::clean(&program);
        run.args(&arguments).args(["-c", SCRIPT]);
        match work.starter() {
            Ok(path) => run.arg(path),
            Err(error) => return missing(format!("{error:#}")),
        };
        run.args([PROMPT, &TOKENS.to_string()]);
        match command::capture(&mut run).and_then(|output| last_object(&output)) {
            Ok(numbers) => {
                for (name, value) in numbers {
                    found.entry(name).or_default().push(value);
                }
            }
            Err(error) => return missing(format!("{error:#}")),
        }
    }
    found
        .into_iter()
        .map(|(name, runs)| Measure::new(name, runs).optional())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_are_read_from_the_events() {
        let at = |ms: u64, msg: &str| {
            (
                Duration::from_millis(ms),
                format!("{{\"session\":\"s\",\"seq\":1,\"msg\":{msg}}}"),
            )
        };
        let lines = [
            at(10, r#"{"type":"turn_started"}"#),
            at(
                20,
                r#"{"type":"model_activity","activity":{"type":"loading"}}"#,
            ),
            at(
                520,
                r#"{"type":"model_activity","activity":{"type":"waiting"}}"#,
            ),
            at(
                600,
                r#"{"type":"item_delta","item":"i","delta":{"type":"text","text":"a"}}"#,
            ),
            at(
                700,
                r#"{"type":"item_delta","item":"i","delta":{"type":"text","text":"b"}}"#,
            ),
            at(
                900,
                r#"{"type":"item_completed","item":{"body":{"kind":"assistant","meta":{"tokens_per_second":40.5}}}}"#,
            ),
        ];
        assert_eq!(
            read(&lines).unwrap(),
            Answer {
                load_ms: Some(500.0),
                first_token_ms: Some(80.0),
                tokens_per_second: Some(40.5)
            }
        );
        assert!(read(&lines[..3]).is_err());
    }
}
