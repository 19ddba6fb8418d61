//! A program that runs, and all that it started: start, signals, end.
//!
//! Owns the system's part: process groups on Unix, job objects on Windows, and one pipe for all that is printed, so that it stands in
//! the order in which it was printed.

use std::{
    io,
    pin::Pin,
    process::{Command, ExitStatus, Stdio},
    sync::Mutex,
    time::Duration,
};

use process_wrap::tokio::{ChildWrapper, CommandWrap};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{ChildStdin, ChildStdout},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Collector, Ending, collect::locked};

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_millis(500);
/// How long output is waited for after a program ended: what it left running may hold the pipe for ever.
const DRAIN: Duration = Duration::from_secs(2);
/// The same where nobody waits for the output.
const SHORT_DRAIN: Duration = Duration::from_millis(100);
/// An unfinished line is shown after this long.
const IDLE: Duration = Duration::from_millis(100);

/// What is printed, as it comes.
pub(crate) type Source = Pin<Box<dyn AsyncRead + Send>>;

/// How a program's standard streams are laid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Streams {
    /// Standard output and error are one.
    Together,
    /// Standard error is what is printed, standard output is for the caller alone.
    Apart,
}

/// A program just started.
pub(crate) struct Started {
    pub(crate) child: Child,
    /// Dropped by whoever writes nothing: the program reads an end.
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) output: Source,
    /// With [`Streams::Apart`].
    pub(crate) replies: Option<ChildStdout>,
}

/// A program and all that it started. Ends with this value.
#[derive(Debug)]
pub(crate) struct Child(Box<dyn ChildWrapper>);

/// Starts it as the leader of a group of its own.
pub(super) fn start(mut command: Command, streams: Streams) -> io::Result<Started> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::piped());
    match streams {
        Streams::Together => command.stdout(writer.try_clone()?),
        Streams::Apart => command.stdout(Stdio::piped()),
    };
    command.stderr(writer);
    let mut command = CommandWrap::from(tokio::process::Command::from(command));
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    let mut child = command.spawn()?;
    // It holds our ends of the pipe: with them open the end of the output would never come.
    drop(command);
    Ok(Started {
        stdin: child.stdin().take(),
        replies: child.stdout().take(),
        output: source(reader)?,
        child: Child(child),
    })
}

#[cfg(unix)]
fn source(reader: io::PipeReader) -> io::Result<Source> {
    let reader = tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into())?;
    Ok(Box::pin(reader))
}

#[cfg(windows)]
fn source(reader: io::PipeReader) -> io::Result<Source> {
    let file = std::fs::File::from(std::os::windows::io::OwnedHandle::from(reader));
    Ok(Box::pin(tokio::fs::File::from_std(file)))
}

impl Child {
    /// Asks all of it to end, where the system has a way to ask.
    pub(crate) fn ask_to_end(&mut self) {
        // What is gone already cannot be asked.
        #[cfg(unix)]
        let _ = self.0.signal(15);
        #[cfg(windows)]
        self.kill();
    }

    /// Ends all of it.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.start_kill();
    }

    /// Waits for the program itself, not for what it left running.
    pub(crate) async fn ended(&mut self) -> Ending {
        ending(self.0.inner_mut().wait().await)
    }

    /// Whether it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.0.inner_mut().try_wait(), Ok(None))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn ending(status: io::Result<ExitStatus>) -> Ending {
    match status {
        #[cfg(unix)]
        Ok(status) if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) => {
            Ending::Signal(signal)
        }
        Ok(status) => Ending::Exit(status.code().unwrap_or(-1)),
        Err(_) => Ending::Exit(-1),
    }
}

/// Waits until the program ends, or ends it: when its time is over, or when `stop` is cancelled. Its output goes to `collector`. When
/// this returns, all that it started has been killed.
pub(crate) async fn supervise(
    child: &mut Child,
    mut output: Source,
    time_limit: Duration,
    stop: &CancellationToken,
    collector: &Mutex<Collector>,
) -> Ending {
    let mut buffer = vec![0; 64 * 1024];
    let mut open = true;
    let mut ended: Option<Ending> = None;
    let mut stopped: Option<Ending> = None;
    // What comes next if nothing else does: the time limit, then the kill, then the end of waiting for output.
    let mut deadline = Instant::now() + time_limit;
    let mut unfinished = false;
    loop {
        if ended.is_some() && !open {
            break;
        }
        tokio::select! {
            read = output.read(&mut buffer), if open => match read {
                Ok(0) | Err(_) => open = false,
                Ok(count) => {
                    locked(collector).push(&buffer[..count]);
                    unfinished = true;
                }
            },
            status = child.ended(), if ended.is_none() => {
                ended = Some(status);
                deadline = Instant::now() + if stopped.is_some() { SHORT_DRAIN } else { DRAIN };
            }
            () = stop.cancelled(), if stopped.is_none() && ended.is_none() => {
                stopped = Some(Ending::Stopped);
                child.ask_to_end();
                deadline = Instant::now() + GRACE;
            }
            () = sleep_until(deadline) => {
                if ended.is_some() {
                    break;
                } else if stopped.is_none() {
                    stopped = Some(Ending::TimeLimit(time_limit.as_secs()));
                    child.ask_to_end();
                } else {
                    child.kill();
                }
                deadline = Instant::now() + GRACE;
            }
            () = tokio::time::sleep(IDLE), if unfinished => {
                locked(collector).idle();
                unfinished = false;
            }
        }
    }
    child.kill();
    stopped.or(ended).unwrap_or(Ending::Stopped)
}
