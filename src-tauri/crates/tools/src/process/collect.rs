//! What a program prints: shown as it comes, kept in bounded memory, the whole of it in a file where it is long.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use nexus_protocol::ResultPart;

use super::output_folder;
use crate::{
    OutputSink, ToolContext,
    terminal::{self, Cleaner},
};

/// Bytes kept of the beginning, and as many of the end.
const HALF: usize = 32 * 1024;
/// Bytes that a model reads: both and the line between them.
const MAX_TEXT: usize = 2 * HALF + 1024;
/// Bytes of the file that holds the whole.
const MAX_SPILL: u64 = 50 << 20;
/// Bytes shown while the program runs.
const MAX_SHOWN: usize = 1 << 20;

/// The collector, also after a panic of somebody who held it: it has no state in between.
pub(crate) fn locked(collector: &Mutex<Collector>) -> MutexGuard<'_, Collector> {
    collector.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what a program prints.
pub(crate) struct Collector {
    kept: Kept,
    live: Live,
    spill: Spill,
}

impl Collector {
    /// Shows it at `sink`.
    pub(crate) fn new(ctx: &ToolContext, sink: OutputSink) -> Self {
        Self {
            kept: Kept::default(),
            live: Live {
                cleaner: Cleaner::default(),
                sink,
                shown: 0,
                whole: true,
            },
            spill: Spill::new(output_folder(&ctx.host), ctx.now.0),
        }
    }

    /// More of it.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let fitted = self.kept.total <= 2 * HALF as u64;
        if fitted && self.kept.total + bytes.len() as u64 > 2 * HALF as u64 {
            // From here on memory does not hold all of it.
            self.spill.open(&self.kept.head, &self.kept.tail);
        }
        self.kept.push(bytes);
        self.spill.push(bytes);
        self.live.push(bytes);
    }

    /// Nothing came for a while: a line without an end is shown too, such as a question.
    pub(crate) fn idle(&mut self) {
        self.live.idle();
    }

    /// What came since the last time.
    pub(crate) fn take(&mut self) -> Output {
        self.live.idle();
        self.spill.flush();
        let kept = std::mem::take(&mut self.kept);
        Output {
            left_out: kept.total - (kept.head.len() + kept.tail.len()) as u64,
            head: kept.head,
            tail: kept.tail,
            file: self.spill.path.clone(),
            file_is_whole: !self.spill.is_full(),
        }
    }

    /// Whether nothing came since the last time.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.total == 0
    }
}

/// Shows output while the program runs.
struct Live {
    cleaner: Cleaner,
    sink: OutputSink,
    shown: usize,
    /// Whether it stands between two characters.
    whole: bool,
}

impl Live {
    fn push(&mut self, bytes: &[u8]) {
        if self.shown >= MAX_SHOWN {
            return;
        }
        self.whole = bytes.last().is_some_and(u8::is_ascii);
        let text = self.cleaner.push(bytes);
        self.show(&text);
    }

    fn idle(&mut self) {
        if self.whole && self.shown < MAX_SHOWN {
            let text = self.cleaner.finish();
            self.show(&text);
        }
    }

    fn show(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.sink.send(text);
        self.shown += text.len();
        if self.shown >= MAX_SHOWN {
            self.sink.send("\n… more is not shown while it runs …\n");
        }
    }
}

/// The beginning and the end.
#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(HALF - self.head.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(HALF)..];
        self.tail.extend_from_slice(rest);
        if self.tail.len() > HALF {
            self.tail.drain(..self.tail.len() - HALF);
        }
    }
}

/// The file that holds the whole, made when it is needed.
struct Spill {
    folder: PathBuf,
    now: i64,
    cleaner: Cleaner,
    /// While it is written to.
    file: Option<BufWriter<File>>,
    path: Option<PathBuf>,
    written: u64,
    failed: bool,
}

impl Spill {
    fn new(folder: PathBuf, now: i64) -> Self {
        Self {
            folder,
            now,
            cleaner: Cleaner::default(),
            file: None,
            path: None,
            written: 0,
            failed: false,
        }
    }

    fn open(&mut self, head: &[u8], tail: &[u8]) {
        if self.path.is_some() || self.failed {
            return;
        }
        // A program whose output cannot be kept whole still runs: its beginning and end are there.
        let Some((file, path)) = self.create() else {
            self.failed = true;
            return;
        };
        self.file = Some(BufWriter::new(file));
        self.path = Some(path);
        self.push(head);
        self.push(tail);
    }

    fn create(&self) -> Option<(File, PathBuf)> {
        fs::create_dir_all(&self.folder).ok()?;
        (0..1000).find_map(|number| {
            let path = self.folder.join(format!("{}-{number}.txt", self.now));
            File::create_new(&path).ok().map(|file| (file, path))
        })
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.file.is_some() {
            let text = self.cleaner.push(bytes);
            self.write(&text);
        }
    }

    fn write(&mut self, text: &str) {
        let Some(file) = &mut self.file else { return };
        let room = usize::try_from(MAX_SPILL - self.written).unwrap_or(usize::MAX);
        let fitting = &text[..text.floor_char_boundary(room)];
        self.failed = file.write_all(fitting.as_bytes()).is_err();
        self.written += fitting.len() as u64;
        if fitting.len() < text.len() {
            self.failed |= file.flush().is_err();
            self.written = MAX_SPILL;
        }
        if self.is_full() {
            self.file = None;
        }
    }

    fn flush(&mut self) {
        let text = self.cleaner.finish();
        self.write(&text);
        if let Some(file) = &mut self.file {
            self.failed |= file.flush().is_err();
        }
    }

    fn is_full(&self) -> bool {
        self.failed || self.written >= MAX_SPILL
    }
}

/// What a program printed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Bytes between the two.
    left_out: u64,
    /// Where all of it is.
    file: Option<PathBuf>,
    file_is_whole: bool,
}

impl Output {
    /// As a terminal would get it, with a line where something is left out.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        if self.left_out > 0 {
            bytes.extend(format!("\n… {} bytes left out …\n", self.left_out).bytes());
        }
        bytes.extend_from_slice(&self.tail);
        bytes
    }

    /// For the model.
    pub(crate) fn text(&self) -> String {
        let text = terminal::plain(&self.bytes());
        if text.len() <= MAX_TEXT {
            return text;
        }
        // Bytes that are no text are longer once they are written out.
        let head = text.floor_char_boundary(HALF);
        let tail = text.ceil_char_boundary(text.len() - HALF);
        let between = tail - head;
        format!(
            "{}\n… {between} bytes left out …\n{}",
            &text[..head],
            &text[tail..]
        )
    }

    /// Its last words.
    pub(crate) fn tail(&self) -> String {
        let end = if self.tail.is_empty() {
            &self.head
        } else {
            &self.tail
        };
        String::from_utf8_lossy(&end[end.len().saturating_sub(2048)..]).into_owned()
    }

    /// For people.
    pub(crate) fn terminal(&self, ending: String) -> ResultPart {
        ResultPart::Terminal {
            spans: terminal::spans(&self.bytes()),
            ending,
        }
    }

    /// Where the rest is, for the model.
    pub(crate) fn note(&self) -> Option<String> {
        if self.left_out == 0 {
            return None;
        }
        Some(match &self.file {
            Some(file) if self.file_is_whole => format!(
                "[the middle of the output is left out; all of it is in {}: page through it with read_file]",
                file.display()
            ),
            Some(file) => format!(
                "[the middle of the output is left out; its first {} MiB are in {}: page through them with read_file]",
                MAX_SPILL >> 20,
                file.display()
            ),
            None => "[the middle of the output is left out and was not kept]".to_owned(),
        })
    }
}
