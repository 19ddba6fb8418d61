//! The one place that starts programs.
//!
//! Owns: what a program may touch ([`Program::plan`] says it as a [`ProcessAction`], before anything runs), the start, its output,
//! its limits, its end, and the record of what it changed in the working folder. Refuses to own: what is run (the tools) and whether
//! it may (the policy).
//!
//! What was shown is what runs: a [`Planned`] is made once and is the only thing that can be started. Files of the folder that it
//! names to be run are looked at again before it starts, and a program that was to be confined is never started otherwise.

mod bound;
mod child;
mod collect;
mod ending;
mod environment;
mod temp;
mod tree;

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    time::Duration,
};

use nexus_protocol::{Action, Capability, Confinement, NetworkAction, ProcessAction, ResultPart};
use nexus_sandbox::{FAILED, FAILED_PREFIX, Kind, Limits, Spec};
use serde_json::Value;

pub(crate) use child::{Child, Source, Started, Streams, supervise};
pub(crate) use collect::{Collector, Output, locked};
pub(crate) use ending::Ending;
pub(crate) use environment::find_program;
pub(crate) use temp::TempFolder;
pub(crate) use tree::{Changed, Watch};

use crate::{Host, ToolContext, ToolError, ToolOutput, tool};

/// Seconds until a program is ended, where the call does not say.
pub(crate) const DEFAULT_TIME_LIMIT_S: u32 = 120;
/// The most that a call may say.
pub(crate) const MAX_TIME_LIMIT_S: u32 = 3600;

/// A program that a tool would start, in the working folder.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// For colours, and for rules: `shell` is a line that the policy reads.
    pub(crate) language: &'static str,
    /// For people: the line or the code, whole.
    pub(crate) code: String,
    /// As the system gets it.
    pub(crate) argv: Vec<String>,
    /// Whether it may reach the network.
    pub(crate) network: bool,
    /// Seconds until it is ended.
    pub(crate) time_limit_s: u32,
    /// Its temp folder, where it must be known beforehand: from [`temp_folder`].
    pub(crate) temp: Option<PathBuf>,
}

/// The temp folder of the program that `parts` tell from all others of the session.
pub(crate) fn temp_folder(ctx: &ToolContext, parts: &[&str]) -> PathBuf {
    TempFolder::path(&ctx.host.scratch, parts)
}

/// A program that was described and may be started.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// What it may touch.
    pub(crate) spec: Spec,
    /// What is shown and approved.
    pub(crate) process: ProcessAction,
}

impl Program {
    /// Says what would run.
    ///
    /// # Errors
    /// Where no working folder is chosen.
    pub(crate) fn plan(self, ctx: &ToolContext) -> Result<Planned, ToolError> {
        let root = ctx.workspace()?.root().to_path_buf();
        // A name that follows from the call alone: asked about again after a restart, the same call has the same environment.
        let temp = self.temp.unwrap_or_else(|| {
            let argv: Vec<&str> = self.argv.iter().map(String::as_str).collect();
            temp_folder(ctx, &argv)
        });
        let env = environment::of(&ctx.host.env, &temp);
        let spec = Spec {
            argv: self.argv,
            cwd: root.clone(),
            env,
            folder: Some(root.clone()),
            temp,
            readable: environment::toolchains(&ctx.host.env)
                .into_iter()
                .chain(ctx.host.interpreters.paths())
                .collect(),
            hidden: ctx.host.hidden.clone(),
            network: self.network,
            limits: Limits::default(),
            kind: Kind::Tool,
        };
        let process = ProcessAction {
            language: self.language.to_owned(),
            runs: bound::files(self.language, &self.code, &spec.argv, &root),
            code: self.code,
            argv: spec.argv.clone(),
            cwd: root.to_string_lossy().into_owned(),
            env: spec.env.clone(),
            sandbox: confinement(&ctx.host),
            time_limit_s: self.time_limit_s,
        };
        Ok(Planned { spec, process })
    }
}

/// Whether programs are confined here.
fn confinement(host: &Host) -> Confinement {
    let why = match &host.sandbox {
        None => "The program that confines others is missing from this installation.".to_owned(),
        Some(sandbox) => match sandbox.machine().confines() {
            Ok(()) => return Confinement::Full,
            Err(unavailable) => unavailable.to_string(),
        },
    };
    Confinement::Not { why }
}

impl Planned {
    /// The action of a tool that runs it.
    pub(crate) fn action(&self, tool: &str, object: &str, arguments: &Value) -> Action {
        let capability = if self.spec.network {
            Capability::Network
        } else {
            Capability::Execute
        };
        Action {
            process: Some(self.process.clone()),
            network: self.spec.network.then(|| NetworkAction {
                hosts: Vec::new(),
                bytes: None,
            }),
            ..tool::action(tool, capability, "Run", object, arguments)
        }
    }

    /// Starts it: nothing but what was described, and not at all where that is no longer possible.
    ///
    /// # Errors
    /// Where a file that it runs was changed since, where it cannot be confined as was said, or where the system refuses.
    pub(crate) fn start(
        &self,
        host: &Host,
        streams: Streams,
    ) -> Result<(Started, TempFolder), ToolError> {
        self.start_with(host, streams, |_| Ok(()))
    }

    /// The same, with something put into its temp folder before.
    ///
    /// # Errors
    /// As [`Self::start`], and where `fill` fails.
    pub(crate) fn start_with(
        &self,
        host: &Host,
        streams: Streams,
        fill: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(Started, TempFolder), ToolError> {
        bound::check(&self.process.runs)?;
        let temp = TempFolder::make(&self.spec.temp)?;
        let command = self.command(host)?;
        let started = fill(&self.spec.temp)
            .and_then(|()| child::start(command, streams))
            .map_err(|error| {
                let name = self.spec.argv.first().map_or("The program", String::as_str);
                ToolError::Failed(format!("{name} could not be started: {error}."))
            })?;
        Ok((started, temp))
    }

    fn command(&self, host: &Host) -> Result<Command, ToolError> {
        match (&self.process.sandbox, &host.sandbox) {
            (Confinement::Full, Some(sandbox)) => sandbox
                .command(&self.spec)
                .map_err(|unavailable| cannot_confine(&unavailable.to_string())),
            (Confinement::Full, None) => Err(cannot_confine("Its launcher is gone.")),
            (Confinement::Not { .. }, Some(sandbox)) => sandbox
                .unconfined(&self.spec)
                .map_err(|unavailable| ToolError::Failed(unavailable.to_string())),
            (Confinement::Not { .. }, None) => Ok(self.bare()),
        }
    }

    /// The program with its environment and nothing else, where not even the launcher is there; like all that is unconfined, only
    /// ever after the user was told so.
    fn bare(&self) -> Command {
        let mut argv = self.spec.argv.iter();
        let mut command = Command::new(argv.next().map_or("", String::as_str));
        command
            .args(argv)
            .env_clear()
            .envs(&self.spec.env)
            .current_dir(&self.spec.cwd);
        command
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Where it could not be started, or what it may change could not be kept before.
    pub(crate) async fn run(&self, ctx: &ToolContext) -> Result<Ran, ToolError> {
        let watch = Watch::begin(ctx).await?;
        let (mut started, _temp) = self.start(&ctx.host, Streams::Together)?;
        drop(started.stdin.take());
        let collector = Mutex::new(Collector::new(ctx, ctx.output.clone()));
        let ending = supervise(
            &mut started.child,
            started.output,
            self.time_limit(),
            &ctx.cancel,
            &collector,
        )
        .await;
        let output = collect::locked(&collector).take();
        self.check_started(&ending, &output)?;
        let changed = watch.end().await;
        Ok(Ran {
            hint: ending.limit_met(&output.tail(), &self.spec.limits),
            ending,
            output,
            changed,
        })
    }

    pub(crate) fn time_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.process.time_limit_s))
    }

    /// The launcher says so where it could not apply a layer; then the program never began.
    pub(crate) fn check_started(&self, ending: &Ending, output: &Output) -> Result<(), ToolError> {
        if self.process.sandbox != Confinement::Full || *ending != Ending::Exit(FAILED) {
            return Ok(());
        }
        match output.text().trim().strip_prefix(FAILED_PREFIX) {
            Some(why) => Err(cannot_confine(why)),
            None => Ok(()),
        }
    }
}

fn cannot_confine(why: &str) -> ToolError {
    ToolError::Failed(format!(
        "Nothing was run: the sandbox that was promised could not be applied. {why}"
    ))
}

/// What came of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) ending: Ending,
    pub(crate) output: Output,
    pub(crate) changed: Changed,
    /// A limit that it seems to have met.
    pub(crate) hint: Option<String>,
}

impl Ran {
    /// For the model and for people.
    pub(crate) fn into_output(self) -> ToolOutput {
        let ending = self.ending.words();
        let mut text = self.output.text();
        let notes = [
            Some(format!("[{ending}]")),
            self.hint.as_ref().map(|hint| format!("[{hint}]")),
            self.output.note(),
            self.changed.note(),
        ];
        for note in notes.into_iter().flatten() {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&note);
        }
        let ending = match self.hint {
            Some(hint) => format!("{ending}: {hint}"),
            None => ending,
        };
        let mut parts: Vec<ResultPart> = vec![self.output.terminal(ending.clone())];
        parts.extend(self.changed.parts());
        ToolOutput {
            text,
            summary: ending,
            parts,
            images: Vec::new(),
            failed: !self.ending.is_success(),
        }
    }
}

/// The time limit that a call asks for.
///
/// # Errors
/// Where it is outside what is allowed.
pub(crate) fn time_limit(asked: Option<u32>, default: u32) -> Result<u32, ToolError> {
    match asked.unwrap_or(default) {
        limit @ 1..=MAX_TIME_LIMIT_S => Ok(limit),
        other => Err(ToolError::BadArguments(format!(
            "`timeout_seconds` is {other}; it must be from 1 to {MAX_TIME_LIMIT_S}."
        ))),
    }
}

/// A place to put files of output that is too long to keep in memory.
pub(crate) fn output_folder(host: &Host) -> PathBuf {
    host.scratch.join("output")
}

#[cfg(test)]
mod tests;
