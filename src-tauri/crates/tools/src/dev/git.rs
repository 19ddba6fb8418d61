//! `git`: what a repository says: status, differences, history, blame.
//!
//! Owns: reading, by the system's git, and only by commands that are written here. A repository's own configuration may name programs
//! that git would run; none does, see [`safe`]. Where the sandbox holds git to reading the working folder, a call is no more than
//! that and is shown as such; where there is none, it is shown as the program that it is. Refuses to own: anything that changes a
//! repository (the shell does, which is asked about).

mod line;
mod patch;
mod safe;

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use nexus_protocol::{
    Action, Capability, Confinement, FileAccess, FileAction, ResultPart, ToolSpec,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::{
    OutputSink, Prepared, Tool, ToolContext, ToolError, ToolOutput,
    process::{Collector, Ending, Planned, Program, Streams, find_program, locked, supervise},
    terminal,
    tool::{self, arguments, spec_of},
};

/// Reads a git repository: `status`; `diff` of the working tree (or what is staged, or a revision or range); `log`; `blame` of a
/// file; `show` a commit. It changes nothing. The working folder must hold the repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// What to do.
    command: line::Command,
    /// A file or folder to look at, relative to the working folder. `blame` needs a file.
    #[serde(default)]
    #[schemars(with = "String")]
    path: Option<String>,
    /// A revision or range, such as `HEAD~2`, `main..feature` or a commit's hash.
    #[serde(default)]
    #[schemars(with = "String")]
    revision: Option<String>,
    /// For `blame` and `log` of a file: only these lines, first and last, such as `10,20`.
    #[serde(default)]
    #[schemars(with = "String")]
    lines: Option<String>,
    /// For `diff`: what is staged, instead of what is not.
    #[serde(default)]
    staged: bool,
    /// For `log`: how many commits, 1 to 200.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 200))]
    max_count: u32,
}

fn twenty() -> u32 {
    20
}

/// Bytes of git's answer that are read.
const MAX_ANSWER: usize = 4 << 20;
/// Bytes of it for the model.
const MAX_TEXT: usize = 100 << 10;
/// Seconds for each of the two runs.
const TIME_LIMIT_S: u32 = 30;

/// The tool.
pub(super) struct Git;

#[async_trait]
impl Tool for Git {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("git")
    }

    fn capability(&self) -> Capability {
        Capability::Read
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let input: Input = arguments(value.clone())?;
        let line = line::of(&input).map_err(ToolError::BadArguments)?;
        let command = input.command;
        let planned = plan(&line, ctx)?;
        let action = describe(&planned, &line, &value, ctx)?;
        Ok(Prepared::new(action, async move |ctx: ToolContext| {
            let answer = ask(planned, &ctx).await?;
            Ok(output(command, &answer))
        }))
    }
}

/// The program, held to reading the folder.
fn plan(line: &[String], ctx: &ToolContext) -> Result<Planned, ToolError> {
    let root = ctx.workspace()?.root();
    let git = find_program(&ctx.host.env, &["git"])
        .ok_or_else(|| ToolError::Failed("git is not installed, or not on PATH.".to_owned()))?;
    let mut argv = vec![git.to_string_lossy().into_owned()];
    argv.extend(safe::options(root));
    argv.extend_from_slice(line);
    let mut planned = Program {
        language: "shell",
        code: format!("git {}", line.join(" ")),
        argv,
        network: false,
        time_limit_s: TIME_LIMIT_S,
        temp: None,
    }
    .plan(ctx)?;
    let spec = &mut planned.spec;
    // Not the folder: what is that may be written to.
    spec.readable.push(root.to_path_buf());
    spec.folder = None;
    spec.cwd.clone_from(&spec.temp);
    spec.env.extend(safe::environment(root));
    planned.process.cwd = spec.cwd.to_string_lossy().into_owned();
    planned.process.env.clone_from(&spec.env);
    Ok(planned)
}

/// What a call does: it reads the folder. Where nothing holds git to that, it also runs a program, and that is asked about.
fn describe(
    planned: &Planned,
    line: &[String],
    value: &Value,
    ctx: &ToolContext,
) -> Result<Action, ToolError> {
    let root = ctx.workspace()?.root();
    let folder = FileAction {
        path: root.to_string_lossy().into_owned(),
        shown: ".".to_owned(),
        access: FileAccess::Read,
        inside: true,
        protected: false,
        before: None,
        after: None,
        diff: None,
        undoable: true,
    };
    let confined = planned.process.sandbox == Confinement::Full;
    let capability = if confined {
        Capability::Read
    } else {
        Capability::Execute
    };
    let object: Vec<&str> = line
        .iter()
        .map(String::as_str)
        .filter(|it| line::is_told(it))
        .collect();
    Ok(Action {
        files: vec![folder],
        process: (!confined).then(|| planned.process.clone()),
        ..tool::action("git", capability, "Git", &object.join(" "), value)
    })
}

/// Asks for the names of filters first: they can only be turned off by name.
async fn ask(mut planned: Planned, ctx: &ToolContext) -> Result<Vec<u8>, ToolError> {
    let root = ctx.workspace()?.root();
    let mut names = planned.clone();
    names.spec.argv.truncate(1);
    names.spec.argv.extend(safe::options(root));
    names.spec.argv.extend(safe::LIST.map(str::to_owned));
    // A temp folder of its own: each run removes its own.
    let listed = run(&names, ctx).await?;
    if listed.cut {
        return Err(ToolError::Failed(
            "The repository's configuration is too large to be read safely.".to_owned(),
        ));
    }
    planned
        .spec
        .env
        .extend(safe::without_filters(&listed.bytes));
    let answer = run(&planned, ctx).await?;
    Ok(answer.bytes)
}

struct Answer {
    bytes: Vec<u8>,
    cut: bool,
}

async fn run(planned: &Planned, ctx: &ToolContext) -> Result<Answer, ToolError> {
    let (mut started, _temp) = planned.start(&ctx.host, Streams::Apart)?;
    drop(started.stdin.take());
    let replies = started.replies.take();
    let complaints = Mutex::new(Collector::new(ctx, OutputSink::nowhere()));
    let read = async {
        let mut bytes = Vec::new();
        if let Some(mut replies) = replies {
            let most = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX);
            // Read for what it is: an answer that ends early ends with git's error, which is told.
            let _ = (&mut replies).take(most).read_to_end(&mut bytes).await;
            let rest = tokio::io::copy(&mut replies, &mut tokio::io::sink()).await;
            return (bytes, rest.is_ok_and(|count| count > 0));
        }
        (bytes, false)
    };
    let limit = Duration::from_secs(u64::from(TIME_LIMIT_S));
    let ended = supervise(
        &mut started.child,
        started.output,
        limit,
        &ctx.cancel,
        &complaints,
    );
    let ((bytes, cut), ending) = tokio::join!(read, ended);
    let complaints = locked(&complaints).take();
    planned.check_started(&ending, &complaints)?;
    if ending == Ending::Exit(0) {
        return Ok(Answer { bytes, cut });
    }
    let said: String = complaints.text().chars().take(1000).collect();
    Err(ToolError::Failed(match said.trim() {
        "" => format!("git failed: {}.", ending.words()),
        said => format!("git failed ({}): {said}", ending.words()),
    }))
}

/// For the model as git says it, for people the differences as such.
fn output(command: line::Command, answer: &[u8]) -> ToolOutput {
    let whole = String::from_utf8_lossy(answer);
    // Not as a terminal would show it: a carriage return in a file is part of a difference.
    let text = terminal::visible(&whole);
    let mut shown = text
        .get(..text.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default()
        .to_owned();
    if shown.len() < text.len() {
        shown.push_str("\n… (cut: ask for one path or fewer commits)");
    }
    let diffs = if command.has_patch() {
        patch::read(&whole)
    } else {
        Vec::new()
    };
    let summary = command.summary(&whole, &diffs);
    if shown.trim().is_empty() {
        shown = format!("{}.", command.nothing());
    }
    ToolOutput {
        text: shown,
        summary,
        parts: diffs
            .into_iter()
            .take(patch::MAX_FILES)
            .map(|diff| ResultPart::Diff { diff })
            .collect(),
        ..ToolOutput::default()
    }
}

#[cfg(test)]
mod tests;
