//! A program that runs in the background.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nexus_protocol::ProcessAction;
use tokio::{io::AsyncWriteExt, process::ChildStdin, sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    OutputSink, ToolContext, ToolError, ToolOutput,
    process::{Changed, Collector, Ending, Planned, Streams, Watch, locked, supervise},
};

/// How long a job may take to read what is written to it.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// How long the end of a job that was stopped is waited for.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How often new output is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// A program that runs in the background. Ends with this value.
pub(crate) struct Job {
    pub(crate) id: u32,
    planned: Planned,
    collector: Arc<Mutex<Collector>>,
    record: Arc<Record>,
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    stop: CancellationToken,
    ending: watch::Receiver<Option<Ending>>,
    _task: AbortOnDropHandle<()>,
}

/// What it changes in the working folder.
#[derive(Default)]
struct Record {
    /// While it runs.
    watch: tokio::sync::Mutex<Option<Watch>>,
    /// What was not told yet.
    changed: Mutex<Changed>,
}

impl Record {
    /// Records what was changed since the last time; and watches on, where it `goes_on`.
    async fn update(&self, goes_on: bool) {
        let mut watch = self.watch.lock().await;
        let Some(before) = watch.take() else { return };
        let changed = if goes_on {
            let (changed, next) = before.turn_over().await;
            *watch = next;
            changed
        } else {
            before.end().await
        };
        let mut all = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        *all = changed.after(std::mem::take(&mut *all));
    }

    fn take(&self) -> Changed {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Job {
    pub(super) async fn start(
        id: u32,
        planned: Planned,
        ctx: &ToolContext,
    ) -> Result<Self, ToolError> {
        let watch = Watch::begin(ctx).await?;
        let (started, temp) = planned.start(&ctx.host, Streams::Together)?;
        let collector = Arc::new(Mutex::new(Collector::new(ctx, OutputSink::nowhere())));
        let record = Arc::new(Record {
            watch: tokio::sync::Mutex::new(Some(watch)),
            changed: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let (sender, ending) = watch::channel(None);
        let task = {
            let (mut child, output) = (started.child, started.output);
            let (collector, record, stop) =
                (Arc::clone(&collector), Arc::clone(&record), stop.clone());
            let limit = planned.time_limit();
            tokio::spawn(async move {
                let ending = supervise(&mut child, output, limit, &stop, &collector).await;
                drop(temp);
                record.update(false).await;
                sender.send_replace(Some(ending));
            })
        };
        Ok(Self {
            id,
            planned,
            collector,
            record,
            stdin: tokio::sync::Mutex::new(started.stdin),
            stop,
            ending,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// Whether it could reach the network.
    pub(super) fn may_leave(&self) -> bool {
        self.planned.may_leave()
    }

    /// What was started.
    pub(crate) fn process(&self) -> &ProcessAction {
        &self.planned.process
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ending(&self) -> Option<Ending> {
        *self.ending.borrow()
    }

    /// One line: its number, its line, how it is.
    pub(crate) fn line(&self) -> String {
        let code: String = self
            .planned
            .process
            .code
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let code: String = code.chars().take(100).collect();
        format!("job {}: {} [{}]", self.id, code, self.state())
    }

    fn state(&self) -> String {
        self.ending()
            .map_or_else(|| "running".to_owned(), Ending::words)
    }

    /// What it printed and changed since the last time; waits at most `wait` for something new or its end.
    ///
    /// # Errors
    /// Where the sandbox could not be applied, so that it never began.
    pub(crate) async fn read(
        &self,
        wait: Duration,
        ctx: &ToolContext,
    ) -> Result<ToolOutput, ToolError> {
        let until = Instant::now() + wait;
        let mut seen = false;
        while self.ending().is_none() && Instant::now() < until && !ctx.cancel.is_cancelled() {
            let news = !locked(&self.collector).is_empty();
            if news && seen {
                break;
            }
            // What begins to come is given a moment to come whole.
            seen = news;
            tokio::time::sleep(if news { 4 * LOOK } else { LOOK }).await;
        }
        if self.ending().is_none() {
            self.record.update(true).await;
        }
        let ending = self.ending();
        let output = locked(&self.collector).take();
        let changed = self.record.take();
        let mut hint = None;
        if let Some(ending) = ending {
            self.planned.check_started(&ending, &output)?;
            hint = ending.limit_met(&output.tail(), &self.planned.spec.limits);
        }
        let state = self.state();
        let mut text = output.text();
        let head = match (&hint, ending) {
            (Some(hint), _) => format!("[job {}: {state}: {hint}]", self.id),
            (None, None) if text.is_empty() => format!("[job {}: running, nothing new]", self.id),
            (None, _) => format!("[job {}: {state}]", self.id),
        };
        for note in [Some(head), output.note(), changed.note()]
            .into_iter()
            .flatten()
        {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&note);
        }
        let mut parts = vec![output.terminal(ending.map_or_else(String::new, Ending::words))];
        parts.extend(changed.parts());
        Ok(ToolOutput {
            text,
            summary: format!("job {}: {state}", self.id),
            parts,
            images: Vec::new(),
            failed: ending.is_some_and(|ending| !ending.is_success() && ending != Ending::Stopped),
        })
    }

    /// Writes to its standard input; nothing closes it.
    ///
    /// # Errors
    /// Where it reads no more.
    pub(crate) async fn write(&self, text: &str) -> Result<(), ToolError> {
        let mut stdin = self.stdin.lock().await;
        if text.is_empty() {
            stdin.take();
            return Ok(());
        }
        let Some(open) = stdin.as_mut() else {
            return Err(ToolError::Failed(format!(
                "The input of job {} was closed.",
                self.id
            )));
        };
        let written = tokio::time::timeout(WRITE_LIMIT, async {
            open.write_all(text.as_bytes()).await?;
            open.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ToolError::Failed(format!(
                "Job {} does not read its input: {error}. It is: {}.",
                self.id,
                self.state()
            ))),
            Err(_) => Err(ToolError::Failed(format!(
                "Job {} does not read its input: part of the text may have arrived.",
                self.id
            ))),
        }
    }

    /// Ends it and waits for that.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let mut ending = self.ending.clone();
        // Its task ends a program within a second; with the task the program ends anyway.
        let _ = tokio::time::timeout(STOP_LIMIT, ending.wait_for(Option::is_some)).await;
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line())
    }
}
