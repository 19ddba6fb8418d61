//! One worker process: its pipes, its frames, its end.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nexus_protocol::worker::{self, FrameDecoder, FrameError, WorkerReply, WorkerRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::options::WorkerOptions;
use super::spawner::Spawner;
use super::stderr::LastWords;
use crate::gguf::Weights;

/// Replies that wait for the actor, at most. It is quick; past this the worker waits.
const REPLIES: usize = 256;

/// What came from a worker's stdout.
#[derive(Debug)]
pub(super) enum Incoming {
    Reply(WorkerReply),
    /// What was no reply. Nothing follows.
    Broken(String),
}

/// A running worker. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    requests: mpsc::UnboundedSender<Vec<u8>>,
    replies: mpsc::Receiver<Incoming>,
    last_words: LastWords,
    /// When the next ping is due.
    pub(super) next_ping: Instant,
    /// When the worker was last heard of.
    pub(super) heard: Instant,
}

impl Process {
    pub(super) async fn start(
        program: &Path,
        options: &WorkerOptions,
        spawner: &Spawner,
        weights: Weights,
        memory: Option<u64>,
    ) -> std::io::Result<Self> {
        tokio::fs::create_dir_all(&options.scratch_dir).await?;
        let mut child = spawner
            .spawn(command(program, options, weights, memory))
            .await?;
        let missing = || std::io::Error::other("a pipe to the worker is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let (requests, outgoing) = mpsc::unbounded_channel();
        let (incoming, replies) = mpsc::channel(REPLIES);
        let last_words = LastWords::default();
        tokio::spawn(write_frames(stdin, outgoing));
        tokio::spawn(read_frames(stdout, incoming));
        tokio::spawn(last_words.clone().collect(stderr));
        let now = Instant::now();
        Ok(Self {
            child,
            requests,
            replies,
            last_words,
            next_ping: now + options.limits.ping,
            heard: now,
        })
    }

    /// Hands a request to the task that writes: never waits, and says nothing of a dead worker, whose end shows in
    /// [`Self::next`].
    pub(super) fn send(&self, request: &WorkerRequest) -> Result<(), FrameError> {
        let frame = worker::encode(request)?;
        let _dead = self.requests.send(frame);
        Ok(())
    }

    /// The next thing it says; `None` once its stdout has ended. May be cancelled.
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        self.replies.recv().await
    }

    /// Asks it to exit, and kills it where it does not within `patience`.
    pub(super) async fn shut_down(mut self, patience: Duration) {
        // A request this small always fits a frame.
        let _sent = self.send(&WorkerRequest::Shutdown);
        if timeout(patience, self.child.wait()).await.is_err() {
            tracing::warn!("the worker did not exit when asked to and is killed");
            self.kill().await;
        }
    }

    /// Kills it and waits until it is gone.
    pub(super) async fn kill(mut self) {
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "the worker was gone already");
        }
        // Only a process stuck in the kernel survives this; it is dropped, and reaped when it ends.
        let _stuck = timeout(Duration::from_secs(5), self.child.wait()).await;
    }

    /// Waits for the end of a worker that seems dead, killing it where it is not, and says what is known of its end.
    pub(super) async fn obituary(mut self, suspicion: Option<String>) -> String {
        let ended = match suspicion {
            // Its stdout ended: most likely it is about to be reaped.
            None => timeout(Duration::from_secs(2), self.child.wait())
                .await
                .ok(),
            Some(_) => None,
        };
        let words = self.last_words.clone();
        let how = match (ended, suspicion) {
            (Some(Ok(status)), _) => describe(status),
            (_, Some(suspicion)) => suspicion,
            _ => "It closed its output and went on.".to_owned(),
        };
        self.kill().await;
        // The reader of its stderr may be a moment behind.
        tokio::task::yield_now().await;
        match words.telling() {
            Some(line) => format!("{how} Its last words: {line}."),
            None => how,
        }
    }
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            return match signal {
                9 => "It was killed (signal 9); the machine may have run out of memory.".to_owned(),
                6 => "It aborted (signal 6).".to_owned(),
                4 => "It was built for another processor (signal 4).".to_owned(),
                11 => "It crashed (signal 11).".to_owned(),
                signal => format!("It was ended by signal {signal}."),
            };
        }
    }
    match status.code() {
        Some(code) => format!("It exited with code {code}."),
        None => "It ended.".to_owned(),
    }
}

/// The worker inherits nothing: no keys, no proxies, no switches of the libraries in it.
fn command(
    program: &Path,
    options: &WorkerOptions,
    weights: Weights,
    memory: Option<u64>,
) -> Command {
    /// Nothing listens there: whatever tries to reach the network fails at once.
    const FENCE: &str = "http://127.0.0.1:9";
    let mut command = Command::new(program);
    let threads = threads(options.threads).to_string();
    command
        .env_clear()
        .env(worker::ENV_PARENT, std::process::id().to_string())
        .env(worker::ENV_LOG, &options.log)
        .env("HOME", &options.scratch_dir)
        .env("HF_HOME", &options.scratch_dir)
        .env("TMPDIR", &options.scratch_dir)
        .env("TEMP", &options.scratch_dir)
        .env("TMP", &options.scratch_dir)
        // mistral.rs has three pools of threads; only this reaches them all.
        .env("RAYON_NUM_THREADS", &threads)
        .env(worker::ENV_THREADS, &threads)
        // llama.cpp's threads sleep while they wait for each other. They spin otherwise, and where something else computes
        // too each step takes a time slice: 5 tokens/s were measured instead of 64. It is read before the worker's own code.
        .env("OMP_WAIT_POLICY", "passive");
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env(name, FENCE);
    }
    if weights == Weights::Unpacked {
        command.env("CANDLE_DEQUANTIZE_ALL_F16", "1");
    }
    if let Some(memory) = memory {
        command.env(worker::ENV_MEMORY_LIMIT, memory.to_string());
    }
    // Windows cannot open a socket or load its own libraries without these.
    for name in ["SystemRoot", "windir"] {
        if cfg!(windows)
            && let Some(value) = std::env::var_os(name)
        {
            command.env(name, value);
        }
    }
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(windows)]
    {
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        const BELOW_NORMAL_PRIORITY_CLASS: u32 = 0x0000_4000;
        command.creation_flags(CREATE_NO_WINDOW | BELOW_NORMAL_PRIORITY_CLASS);
    }
    command
        .current_dir(absolute(&options.scratch_dir))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Hyper-threads do not help the engine; a container may have fewer cores than the machine.
fn threads(wish: Option<usize>) -> usize {
    wish.unwrap_or_else(|| {
        let allowed = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        sysinfo::System::physical_core_count().map_or(allowed, |cores| cores.min(allowed))
    })
    .max(1)
}

async fn write_frames(mut stdin: ChildStdin, mut frames: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if let Err(error) = stdin.write_all(&frame).await {
            tracing::debug!(%error, "the worker does not read any more");
            return;
        }
    }
}

async fn read_frames(mut stdout: ChildStdout, replies: mpsc::Sender<Incoming>) {
    let mut decoder = FrameDecoder::default();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let incoming = match decoder.next_message() {
            Ok(Some(reply)) => Incoming::Reply(reply),
            Err(error) => {
                let _gone = replies
                    .send(Incoming::Broken(format!("It sent {error}.")))
                    .await;
                return;
            }
            Ok(None) => match stdout.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    decoder.push(&buffer[..count]);
                    continue;
                }
            },
        };
        if replies.send(incoming).await.is_err() {
            return;
        }
    }
}
