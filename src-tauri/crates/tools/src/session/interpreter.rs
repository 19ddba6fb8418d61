//! An interpreter that keeps its variables from call to call: a driver program that reads code and answers what came of it.
//!
//! Owns the conversation with the driver: a line of JSON each way, answers marked by a random word that nothing printed can know.
//! What code prints goes another way, so that it is never taken for an answer. Code that digs for the word in its own driver fools
//! only its own result.

use std::time::Duration;

use nexus_sandbox::Spec;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Host, ToolError,
    process::{Child, Collector, Ending, Planned, Source, Streams, TempFolder, locked},
};

/// Bytes of an answer: images among them.
const MAX_ANSWER: usize = 4 << 20;
/// How long printed text is waited for once the answer is there, or the interpreter gone.
const DRAIN: Duration = Duration::from_millis(500);
/// How long the interpreter may take to take the code.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// An unfinished line is shown after this long.
const IDLE: Duration = Duration::from_millis(100);

/// A running interpreter.
pub(crate) struct Interpreter {
    /// What it was started as: another folder or another program needs another one.
    pub(crate) spec: Spec,
    child: Child,
    stdin: ChildStdin,
    replies: ChildStdout,
    output: Source,
    word: String,
    _temp: TempFolder,
}

/// How a call of it ended.
#[derive(Debug)]
pub(crate) enum Outcome<Reply> {
    /// The driver answered.
    Replied(Reply),
    /// The interpreter is gone, and its variables with it.
    Ended(Ending),
    /// The answer was longer than is taken; the interpreter was ended.
    TooLong,
}

impl Interpreter {
    /// Starts it with `driver`, which becomes the file `name` in its temp folder.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(crate) async fn start(
        planned: &Planned,
        host: &Host,
        name: &str,
        driver: &str,
    ) -> Result<Self, ToolError> {
        let failed = |what: &str| {
            ToolError::Failed(format!("The interpreter could not be started: {what}."))
        };
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| failed(&error.to_string()))?;
        let word: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let (started, temp) = planned.start_with(host, Streams::Apart, |temp| {
            std::fs::write(temp.join(name), driver)
        })?;
        let (Some(mut stdin), Some(replies)) = (started.stdin, started.replies) else {
            return Err(failed("it has no standard streams"));
        };
        // The driver takes it from here: it is neither in the arguments nor in the environment, which children inherit. Where nobody
        // reads, the interpreter has ended, and the call that follows says how.
        let _ = stdin.write_all(format!("{word}\n").as_bytes()).await;
        Ok(Self {
            spec: planned.spec.clone(),
            child: started.child,
            stdin,
            replies,
            output: started.output,
            word,
            _temp: temp,
        })
    }

    /// Whether it waits for code.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.is_running()
    }

    /// Runs code. The interpreter is of no more use after anything but an answer.
    pub(crate) async fn run<Reply: DeserializeOwned>(
        &mut self,
        code: &str,
        time_limit: Duration,
        stop: &CancellationToken,
        collector: &std::sync::Mutex<Collector>,
    ) -> Outcome<Reply> {
        let request = format!("{}\n", json!({ "code": code }));
        // Where it cannot be written, the interpreter has ended: the loop below sees that.
        let _ = tokio::time::timeout(WRITE_LIMIT, self.stdin.write_all(request.as_bytes())).await;
        let mut printed = Until::new(format!("\u{1e}{}\u{1e}\n", self.word));
        let mut answer = Answer::default();
        let mut outcome: Option<Outcome<Reply>> = None;
        let (mut output_open, mut replies_open, mut unfinished) = (true, true, false);
        let (mut from_output, mut from_replies) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let mut deadline = Instant::now() + time_limit;
        while output_open || outcome.is_none() {
            let running = outcome.is_none();
            tokio::select! {
                read = self.output.read(&mut from_output), if output_open => match read {
                    Ok(0) | Err(_) => output_open = false,
                    Ok(count) => {
                        let (text, found) = printed.push(&from_output[..count]);
                        locked(collector).push(&text);
                        unfinished = true;
                        output_open = !found;
                    }
                },
                read = self.replies.read(&mut from_replies), if running && replies_open => match read {
                    Ok(0) | Err(_) => replies_open = false,
                    Ok(count) => {
                        match answer.push(&from_replies[..count], &self.word) {
                            Taken::Nothing => {}
                            Taken::Printed(bytes) => locked(collector).push(&bytes),
                            Taken::TooLong => outcome = Some(Outcome::TooLong),
                            Taken::Answer(text) => {
                                // The driver writes JSON; what is none was written by code that plays the driver.
                                if let Ok(reply) = serde_json::from_slice(&text) {
                                    outcome = Some(Outcome::Replied(reply));
                                }
                            }
                        }
                        if outcome.is_some() {
                            deadline = Instant::now() + DRAIN;
                        }
                    }
                },
                status = self.child.ended(), if running => {
                    outcome = Some(Outcome::Ended(status));
                    deadline = Instant::now() + DRAIN;
                }
                () = stop.cancelled(), if running => {
                    outcome = Some(Outcome::Ended(Ending::Stopped));
                    self.child.kill();
                    deadline = Instant::now() + DRAIN;
                }
                () = sleep_until(deadline) => {
                    if !running {
                        break;
                    }
                    outcome = Some(Outcome::Ended(Ending::TimeLimit(time_limit.as_secs())));
                    self.child.kill();
                    deadline = Instant::now() + DRAIN;
                }
                () = tokio::time::sleep(IDLE), if unfinished => {
                    locked(collector).idle();
                    unfinished = false;
                }
            }
        }
        locked(collector).push(&printed.held);
        outcome.unwrap_or(Outcome::Ended(Ending::Stopped))
    }
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter")
            .field("argv", &self.spec.argv)
            .finish_non_exhaustive()
    }
}

/// Bytes up to a mark.
struct Until {
    mark: Vec<u8>,
    /// What may be the beginning of the mark.
    held: Vec<u8>,
}

impl Until {
    fn new(mark: String) -> Self {
        Self {
            mark: mark.into_bytes(),
            held: Vec::new(),
        }
    }

    /// What stands before the mark, and whether the mark was there.
    fn push(&mut self, bytes: &[u8]) -> (Vec<u8>, bool) {
        self.held.extend_from_slice(bytes);
        // The mark begins with a byte that is rare in what is printed: most bytes are looked at once.
        let mut from = 0;
        while let Some(at) = self.held[from..]
            .iter()
            .position(|byte| *byte == self.mark[0])
        {
            let rest = &self.held[from + at..];
            if rest.starts_with(&self.mark) {
                let mut text = std::mem::take(&mut self.held);
                text.truncate(from + at);
                return (text, true);
            }
            if self.mark.starts_with(rest) {
                let rest = self.held.split_off(from + at);
                return (std::mem::replace(&mut self.held, rest), false);
            }
            from += at + 1;
        }
        (std::mem::take(&mut self.held), false)
    }
}

/// A line of the driver, as it comes.
#[derive(Default)]
struct Answer {
    line: Vec<u8>,
}

enum Taken {
    Nothing,
    /// Not the driver's: something that wrote to its pipe, shown as printed.
    Printed(Vec<u8>),
    Answer(Vec<u8>),
    TooLong,
}

impl Answer {
    fn push(&mut self, bytes: &[u8], word: &str) -> Taken {
        self.line.extend_from_slice(bytes);
        let mut printed = Vec::new();
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let rest = self.line.split_off(end + 1);
            let line = std::mem::replace(&mut self.line, rest);
            match line.strip_prefix(word.as_bytes()) {
                Some(text) => return Taken::Answer(text.to_vec()),
                None => printed.extend(line),
            }
        }
        if self.line.len() > MAX_ANSWER {
            return Taken::TooLong;
        }
        if printed.is_empty() {
            Taken::Nothing
        } else {
            Taken::Printed(printed)
        }
    }
}

#[cfg(test)]
mod tests;
