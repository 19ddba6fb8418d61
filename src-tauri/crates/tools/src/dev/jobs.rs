//! `job`: what runs in the background is read, written to and stopped.

use std::time::Duration;

use async_trait::async_trait;
use nexus_protocol::{Action, Capability, ProcessAction, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Prepared, Tool, ToolContext, ToolError, ToolOutput,
    tool::{action, arguments, spec_of},
};

/// Reads, writes to and stops what `shell` started in the background.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// What to do: `read` what it printed since the last time, `write` to its standard input, `stop` it, or `list` all jobs.
    action: What,
    /// The job's number; not for `list`.
    #[serde(default)]
    id: Option<u32>,
    /// For `write`: the text, with its line end. Empty closes the input.
    #[serde(default)]
    text: Option<String>,
    /// For `read` and `write`: how many seconds to wait for new output or the end, 0 to 300.
    #[serde(default)]
    wait_seconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    Read,
    Write,
    Stop,
    List,
}

/// The longest wait.
const MAX_WAIT_S: u32 = 300;
/// Bytes of a text.
const MAX_TEXT: usize = 64 * 1024;

/// The tool.
pub(super) struct Jobs;

#[async_trait]
impl Tool for Jobs {
    fn spec(&self) -> ToolSpec {
        spec_of::<Input>("job")
    }

    fn capability(&self) -> Capability {
        Capability::Execute
    }

    async fn prepare(&self, value: Value, ctx: &ToolContext) -> Result<Prepared, ToolError> {
        let input: Input = arguments(value.clone())?;
        if input.wait_seconds > MAX_WAIT_S {
            return Err(bad(format!("`wait_seconds` is more than {MAX_WAIT_S}.")));
        }
        let job = match (input.action, input.id) {
            (What::List, _) => {
                // What runs was allowed when it was started; to look at it or to stop it harms nobody.
                let action = action("job", Capability::Compute, "List", "jobs", &value);
                return Ok(Prepared::new(action, async move |ctx: ToolContext| {
                    Ok(list(&ctx))
                }));
            }
            (_, None) => return Err(bad("`id` is missing.".to_owned())),
            (_, Some(id)) => ctx.session.job(id)?,
        };
        let wait = Duration::from_secs(u64::from(input.wait_seconds));
        let object = format!("job {}: {}", job.id, job.process().code);
        match input.action {
            What::Write => {
                let text = input
                    .text
                    .ok_or_else(|| bad("`text` is missing.".to_owned()))?;
                if text.len() > MAX_TEXT {
                    return Err(bad("`text` is longer than 64 KiB.".to_owned()));
                }
                let action = Action {
                    process: Some(ProcessAction {
                        // Not a shell's line: what it means is for the program to say.
                        language: "text".to_owned(),
                        code: text.clone(),
                        ..job.process().clone()
                    }),
                    ..action("job", Capability::Execute, "Write to", &object, &value)
                };
                Ok(Prepared::new(action, async move |ctx: ToolContext| {
                    job.write(&text).await?;
                    job.read(wait, &ctx).await
                }))
            }
            What::Stop => {
                let action = action("job", Capability::Compute, "Stop", &object, &value);
                Ok(Prepared::new(action, async move |ctx: ToolContext| {
                    job.stop().await;
                    job.read(Duration::ZERO, &ctx).await
                }))
            }
            What::Read | What::List => {
                let action = action("job", Capability::Compute, "Read", &object, &value);
                Ok(Prepared::new(action, async move |ctx: ToolContext| {
                    job.read(wait, &ctx).await
                }))
            }
        }
    }
}

fn list(ctx: &ToolContext) -> ToolOutput {
    let jobs = ctx.session.jobs();
    let lines: Vec<String> = jobs.iter().map(|job| job.line()).collect();
    if lines.is_empty() {
        return ToolOutput::text("There are no jobs.", "no jobs");
    }
    let running = jobs.iter().filter(|job| job.ending().is_none()).count();
    ToolOutput::text(lines.join("\n"), format!("{running} running"))
}

fn bad(why: String) -> ToolError {
    ToolError::BadArguments(why)
}
