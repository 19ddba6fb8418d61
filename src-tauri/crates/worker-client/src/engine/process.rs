//! One worker process: its pipes, its frames, its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nexus_llm::{LocalError, WorkerDeath};
use nexus_protocol::worker::{self, FrameDecoder, FrameError, WorkerReply, WorkerRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::confinement::Start;
use super::death::{Evidence, Obituary};
use super::options::WorkerOptions;
use super::records::Identity;
use super::scratch::Home;
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
    /// Whether a launcher stands between, which tells the worker's end by its own exit code.
    launched: bool,
    memory: Option<u64>,
    /// Processes that the kernel had ended for lack of memory when the worker was last asked for something.
    ended_by_kernel: Option<u64>,
    /// The most memory that it said it has, bytes.
    pub(super) peak_bytes: u64,
    /// When the next ping is due.
    pub(super) next_ping: Instant,
    /// When the worker was last heard of.
    pub(super) heard: Instant,
    /// Removed when the process is gone.
    _home: Home,
}

/// What a process is started with, besides the options.
#[derive(Clone, Debug)]
pub(super) struct Order<'a> {
    pub(super) program: &'a Path,
    pub(super) model: &'a Path,
    /// The content of the model.
    pub(super) identity: &'a Identity,
    /// Tells one state of the program from another.
    pub(super) state: &'a str,
    pub(super) context_tokens: u32,
    /// Where links in the model's folder lead.
    pub(super) linked: Vec<PathBuf>,
    pub(super) weights: Weights,
    /// Bytes that it may take.
    pub(super) memory: Option<u64>,
    pub(super) threads: usize,
    pub(super) gpu: bool,
    /// Tells its folder from those of others.
    pub(super) number: u64,
}

impl Process {
    /// # Errors
    /// [`LocalError::WorkerDied`] where it could not be started, and [`LocalError::Unconfined`].
    pub(super) async fn start(
        order: Order<'_>,
        options: &WorkerOptions,
        spawner: &Spawner,
    ) -> Result<Self, LocalError> {
        let home = Home::make(&options.scratch_dir, &order).map_err(cannot)?;
        let start = Start {
            program: order.program.to_owned(),
            env: environment(&home.path, options, &order)?,
            folder: home.path.clone(),
            model: order.model.to_owned(),
            linked: order.linked.clone(),
            memory: order.memory.map(limit),
            gpu: order.gpu,
        };
        let mut command = options.confinement.command(&start)?;
        #[cfg(windows)]
        {
            const CREATE_NO_WINDOW: u32 = 0x0800_0000;
            const BELOW_NORMAL_PRIORITY_CLASS: u32 = 0x0000_4000;
            command.creation_flags(CREATE_NO_WINDOW | BELOW_NORMAL_PRIORITY_CLASS);
        }
        keep_windows_variables(&mut command);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = spawner.spawn(command).await.map_err(cannot)?;
        let missing = || cannot(std::io::Error::other("a pipe to the worker is missing"));
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
            launched: options.confinement.launches(),
            memory: order.memory,
            ended_by_kernel: None,
            peak_bytes: 0,
            next_ping: now + options.limits.ping,
            heard: now,
            _home: home,
        })
    }

    /// A job begins: what the kernel ends from now on may have been it.
    pub(super) fn begin(&mut self) {
        self.ended_by_kernel = ended_by_kernel();
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
        let next = self.replies.recv().await;
        if let Some(Incoming::Reply(WorkerReply::Pong { resident_bytes, .. })) = &next {
            self.peak_bytes = self.peak_bytes.max(*resident_bytes);
        }
        next
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
        self.end().await;
    }

    async fn end(&mut self) {
        /// Only a process stuck in the kernel survives this; it is dropped, and reaped when it ends.
        const STUCK: Duration = Duration::from_secs(5);
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "the worker was gone already");
        }
        let _stuck = timeout(STUCK, self.child.wait()).await;
        // Behind a launcher the worker ends a moment later; its pipe ends with it, and its memory is free.
        let drained = async { while self.replies.recv().await.is_some() {} };
        let _stuck = timeout(STUCK, drained).await;
    }

    /// Waits for the end of a worker that seems dead, killing it where it is not, and says what is known of its end.
    pub(super) async fn obituary(mut self, suspicion: Option<String>) -> Obituary {
        let mut evidence = Evidence {
            limit: self.memory,
            ..Evidence::default()
        };
        // Its stdout ended: most likely it is about to be reaped.
        if suspicion.is_none()
            && let Ok(Ok(status)) = timeout(Duration::from_secs(2), self.child.wait()).await
        {
            evidence.status(signal_of(status), status.code(), self.launched);
        }
        evidence.suspicion = suspicion;
        self.end().await;
        evidence.kernel_ran_out = match (self.ended_by_kernel, ended_by_kernel()) {
            (Some(before), Some(after)) => after > before,
            _ => false,
        };
        // The reader of its stderr may be a moment behind.
        self.last_words.complete().await;
        evidence.words = self.last_words.lines();
        evidence.judge()
    }
}

fn cannot(error: std::io::Error) -> LocalError {
    LocalError::WorkerDied {
        cause: WorkerDeath::NotStarted,
        reason: format!("It could not be started: {error}."),
    }
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// How many processes Linux has ended for lack of memory since it started, those of containers among them.
fn ended_by_kernel() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    line.trim().parse().ok()
}

/// What the system is told of the memory that a worker may take. It counts what was only reserved too: the stacks of threads, what
/// the allocator holds ready, a cache that is made and not used. A hundred megabytes were measured of a model that takes 300.
fn limit(memory: u64) -> u64 {
    const RESERVED_BYTES: u64 = 128 << 20;
    memory
        .saturating_add(memory / 8)
        .saturating_add(RESERVED_BYTES)
}

/// The worker inherits nothing: no keys, no proxies, no switches of the libraries in it.
fn environment(
    folder: &Path,
    options: &WorkerOptions,
    order: &Order<'_>,
) -> Result<BTreeMap<String, String>, LocalError> {
    /// Nothing listens there: whatever tries to reach the network fails at once.
    const FENCE: &str = "http://127.0.0.1:9";
    let folder = folder.to_str().ok_or_else(|| {
        cannot(std::io::Error::other(
            "the path of the data folder is not Unicode",
        ))
    })?;
    let threads = order.threads.to_string();
    let mut env: BTreeMap<String, String> = [
        (worker::ENV_LOG, options.log.as_str()),
        ("HOME", folder),
        ("HF_HOME", folder),
        ("TMPDIR", folder),
        ("TEMP", folder),
        ("TMP", folder),
        // mistral.rs has three pools of threads; only this reaches them all.
        ("RAYON_NUM_THREADS", &threads),
        (worker::ENV_THREADS, &threads),
        // How long llama.cpp's threads spin while they wait for each other before they sleep; it is read before the worker's own
        // code. On two quiet cores sleeping at once costs half of the tokens a second (41 instead of 110), and spinning for as
        // long as is usual gains little more (118). Where something else computes on one of them, the usual costs nine tokens in
        // ten (6 a second), this half (29), sleeping least (54).
        ("GOMP_SPINCOUNT", "1000"),
        // Where a check of its own fails llama.cpp would start a debugger on itself, for a second or more, and its last words
        // would be that one's.
        ("GGML_NO_BACKTRACE", "1"),
        ("ALL_PROXY", FENCE),
        ("HTTPS_PROXY", FENCE),
        ("HTTP_PROXY", FENCE),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if !options.confinement.launches() {
        // Behind a launcher its parent is another one, and the launcher watches this process.
        let parent = std::process::id().to_string();
        env.insert(worker::ENV_PARENT.to_owned(), parent);
    }
    if order.weights == Weights::Unpacked {
        env.insert("CANDLE_DEQUANTIZE_ALL_F16".to_owned(), "1".to_owned());
    }
    if let Some(memory) = order.memory {
        let limit = limit(memory).to_string();
        env.insert(worker::ENV_MEMORY_LIMIT.to_owned(), limit);
    }
    Ok(env)
}

/// Windows cannot open a socket or load its own libraries without these.
pub(super) fn keep_windows_variables(command: &mut Command) {
    for name in ["SystemRoot", "windir"] {
        if cfg!(windows)
            && let Some(value) = std::env::var_os(name)
        {
            command.env(name, value);
        }
    }
}

/// As many as compute well: hyper-threads do not help the engines, a container may have fewer cores than the machine, and from
/// four cores on one is left to the window.
pub(crate) fn usual_threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cores = sysinfo::System::physical_core_count().map_or(allowed, |cores| cores.min(allowed));
    leave_one(cores)
}

fn leave_one(cores: usize) -> usize {
    if cores >= 4 { cores - 1 } else { cores.max(1) }
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

#[cfg(test)]
mod tests {
    use super::leave_one;

    #[test]
    fn from_four_cores_on_one_is_left_to_the_window() {
        assert_eq!(
            [0, 1, 2, 3, 4, 8, 64].map(leave_one),
            [1, 1, 2, 3, 3, 7, 63]
        );
    }
}
