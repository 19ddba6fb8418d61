//! `run_code`: Python and JavaScript with variables that last, in the sandbox, by the machine's interpreters or the app's own.
//!
//! Owns the two languages and the making of a result. The conversation with an interpreter is [`crate::session`]'s; what an answer
//! may hold is in `reply`.

mod reply;

use std::{path::PathBuf, sync::Mutex};

use async_trait::async_trait;
use nexus_protocol::{Capability, ResultPart, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use reply::Reply;

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    process::{
        Changed, Collector, DEFAULT_TIME_LIMIT_S, Ending, Output, Planned, Program, Watch,
        find_program, locked, temp_folder, time_limit,
    },
    session::{Interpreter, Outcome},
    tool::{arguments, spec_of},
};

/// Runs Python or JavaScript (Node) in the working folder, confined to it and without network. Variables and imports last from call
/// to call. Gives back what is printed and the value of the last expression. Data frames and lists of records become tables, open
/// matplotlib figures become images; `show_table(rows)` and `show_chart(labels, series, title="", kind="line")` (`showTable`,
/// `showChart` in JavaScript; series: a list of numbers or a map of names to lists; kind: `line` or `bar`) show more to the user.
/// Use it for data, computation and charts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The language.
    language: Language,
    /// The code; `await` may stand at the top.
    code: String,
    /// Seconds until it is ended, 1 to 3600; 120 if left out.
    #[serde(default)]
    timeout_seconds: Option<u32>,
    /// Whether to begin afresh, without the variables of earlier calls.
    #[serde(default)]
    reset: bool,
}

/// Whose interpreter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Machine,
    App,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Language {
    Python,
    Javascript,
}

/// Bytes of code.
const MAX_CODE: usize = 256 * 1024;
/// Parts that a result may have; the protocol says so.
const MAX_PARTS: usize = 16;

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Javascript => "javascript",
        }
    }

    /// Its interpreter's names, the better one first.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["python3", "python"],
            Self::Javascript => &["node", "nodejs"],
        }
    }

    /// The driver's file and text. The built-in JavaScript is its own driver and ignores it.
    fn driver(self) -> (&'static str, &'static str) {
        match self {
            Self::Python => ("driver.py", include_str!("run_code/driver.py")),
            // Whatever the folder's package.json says of its own files.
            Self::Javascript => (
                "driver.cjs",
                concat!(
                    "'use strict';\nconst makeShow =\n",
                    include_str!("run_code/show.js"),
                    ";\n",
                    include_str!("run_code/driver.js")
                ),
            ),
        }
    }

    /// What runs it here: the machine's own interpreter, else the one that came with the app.
    fn program(self, ctx: &ToolContext) -> Result<(PathBuf, Origin), ToolError> {
        if let Some(own) = find_program(&ctx.host.env, self.programs()) {
            return Ok((own, Origin::Machine));
        }
        let built_in = match self {
            Self::Python => &ctx.host.interpreters.python,
            Self::Javascript => &ctx.host.interpreters.javascript,
        };
        built_in
            .clone()
            .map(|program| (program, Origin::App))
            .ok_or_else(|| self.missing())
    }

    /// What the model must know of the interpreter that came with the app.
    fn built_in(self) -> &'static str {
        match self {
            Self::Python => {
                "[Python is not installed here: the built-in one runs this. It has the standard library, but no packages, no sqlite3 and \
                 no matplotlib: use show_chart.]"
            }
            Self::Javascript => {
                "[Node.js is not installed here: the built-in engine runs this. It has the language and require of fs, fs/promises and \
                 path, no packages; what is declared beside an `await` at the top lasts for one call.]"
            }
        }
    }

    fn slot(self, ctx: &ToolContext) -> &tokio::sync::Mutex<Option<Interpreter>> {
        match self {
            Self::Python => &ctx.session.python,
            Self::Javascript => &ctx.session.javascript,
        }
    }

    fn missing(self) -> ToolError {
        let (what, whence, other) = match self {
            Self::Python => (
                "Python 3",
                "python.org or the system's package manager",
                "javascript",
            ),
            Self::Javascript => (
                "Node.js",
                "nodejs.org or the system's package manager",
                "python",
            ),
        };
        ToolError::Failed(format!(
            "{what} is not installed on this machine, and the app's own interpreter is missing beside it. Do it with `language` \"{other}\", with `shell` or with `calculate` if you can; \
             else tell the user to install {what} from {whence}."
        ))
    }
}

/// The tool.
pub(super) struct RunCode;

#[async_trait]
impl Tool for RunCode {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("run_code")
    }

    fn capability(&self) -> Capability {
        Capability::Execute
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let input: Input = arguments(value.clone())?;
        if input.code.trim().is_empty() || input.code.len() > MAX_CODE || input.code.contains('\0')
        {
            return Err(ToolError::BadArguments(
                "`code` must hold something, at most 256 KiB, and no NUL character.".to_owned(),
            ));
        }
        let time_limit_s = time_limit(input.timeout_seconds, DEFAULT_TIME_LIMIT_S)?;
        let root = ctx.workspace()?.root().to_string_lossy().into_owned();
        let language = input.language;
        let (program, origin) = language.program(ctx)?;
        let temp = temp_folder(ctx, &["run_code", language.name(), &root]);
        let driver = temp.join(language.driver().0);
        let planned = Program {
            language: language.name(),
            code: input.code.clone(),
            argv: vec![
                program.to_string_lossy().into_owned(),
                driver.to_string_lossy().into_owned(),
            ],
            network: false,
            time_limit_s,
            temp: Some(temp),
        }
        .plan(ctx)?;
        let object = input
            .code
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let action = planned.action("run_code", object, &value);
        Ok(Prepared::new(action, async move |ctx: ToolContext| {
            run(input, planned, origin, ctx).await
        }))
    }
}

async fn run(
    input: Input,
    planned: Planned,
    origin: Origin,
    ctx: ToolContext,
) -> Result<ToolOutput, ToolError> {
    let language = input.language;
    let watch = Watch::begin(&ctx).await?;
    let mut slot = tokio::select! {
        slot = language.slot(&ctx).lock() => slot,
        () = ctx.cancel.cancelled() => return Err(ToolError::Failed("Stopped before it began.".to_owned())),
    };
    let before = ready(&mut slot, &planned, input.reset, (language, origin), &ctx).await?;
    let collector = Mutex::new(Collector::new(&ctx, ctx.output.clone()));
    let stop = CancellationToken::new();
    let Some(interpreter) = slot.as_mut() else {
        return Err(language.missing());
    };
    let outcome: Outcome<Reply> = {
        let running = interpreter.run(&input.code, planned.time_limit(), &stop, &collector);
        tokio::pin!(running);
        loop {
            tokio::select! {
                outcome = &mut running => break outcome,
                () = ctx.cancel.cancelled(), if !stop.is_cancelled() => stop.cancel(),
                () = ctx.session.closing.cancelled(), if !stop.is_cancelled() => stop.cancel(),
            }
        }
    };
    if !matches!(outcome, Outcome::Replied(_)) {
        slot.take();
    }
    drop(slot);
    let output = locked(&collector).take();
    if let Outcome::Ended(ending) = &outcome {
        planned.check_started(ending, &output)?;
    }
    let changed = watch.end().await;
    Ok(result(outcome, &output, &changed, &before, &planned, &ctx))
}

/// Makes sure of an interpreter; says what was lost, and what a new one lacks.
async fn ready(
    slot: &mut Option<Interpreter>,
    planned: &Planned,
    reset: bool,
    (language, origin): (Language, Origin),
    ctx: &ToolContext,
) -> Result<Vec<&'static str>, ToolError> {
    let mut told = Vec::new();
    if let Some(interpreter) = slot.as_mut() {
        if reset {
            slot.take();
        } else if interpreter.spec != planned.spec {
            slot.take();
            told.push(
                "[a new interpreter was started for this folder: earlier variables are gone]",
            );
        } else if !interpreter.is_running() {
            slot.take();
            told.push(
                "[the interpreter had ended since the last call: earlier variables are gone]",
            );
        }
    }
    if slot.is_none() {
        let (name, driver) = language.driver();
        *slot = Some(Interpreter::start(planned, &ctx.host, name, driver).await?);
        if origin == Origin::App {
            told.push(language.built_in());
        }
    }
    Ok(told)
}

fn result(
    outcome: Outcome<Reply>,
    output: &Output,
    changed: &Changed,
    before: &[&str],
    planned: &Planned,
    ctx: &ToolContext,
) -> ToolOutput {
    const LOST: &str = "[its variables are gone; the next call begins afresh]";
    let mut lines: Vec<String> = before.iter().map(|&line| line.to_owned()).collect();
    let printed = output.text();
    if !printed.is_empty() {
        lines.push(printed.trim_end_matches('\n').to_owned());
    }
    lines.extend(output.note());
    let mut parts = Vec::new();
    let mut images = Vec::new();
    let (failed, ending) = match outcome {
        Outcome::Replied(reply) => {
            let shown = reply.show();
            lines.extend(shown.lines);
            parts = shown.parts;
            images = if ctx.sees_images {
                shown.images
            } else {
                Vec::new()
            };
            (
                shown.failed,
                if shown.failed { "error" } else { "done" }.to_owned(),
            )
        }
        Outcome::Ended(ending) => {
            let hint = ending.limit_met(&output.tail(), &planned.spec.limits);
            let words = match (ending, hint) {
                (ending, Some(hint)) => {
                    format!("the interpreter ended: {}, {hint}", ending.words())
                }
                (Ending::TimeLimit(_) | Ending::Stopped, None) => ending.words(),
                (ending, None) => format!("the interpreter ended: {}", ending.words()),
            };
            lines.push(format!("[{words}]"));
            lines.push(LOST.to_owned());
            (true, words)
        }
        Outcome::TooLong => {
            lines.push(
                "[the result is longer than 4 MiB: show less, or write it to a file]".to_owned(),
            );
            lines.push(LOST.to_owned());
            (true, "the result is too long".to_owned())
        }
    };
    lines.extend(changed.note());
    if lines.is_empty() {
        lines.push("[done; nothing was printed and the last expression has no value]".to_owned());
    }
    if !printed.is_empty() || failed {
        parts.insert(0, output.terminal(ending.clone()));
    }
    parts.extend(changed.parts());
    parts.truncate(MAX_PARTS);
    ToolOutput {
        text: lines.join("\n"),
        summary: ending,
        parts: parts.into_iter().collect::<Vec<ResultPart>>(),
        images,
        failed,
    }
}
