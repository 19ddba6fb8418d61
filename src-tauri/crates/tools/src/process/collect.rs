//! What a program prints: shown as it comes, kept in bounded memory, the whole of it in a file where it is long.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use nexus_protocol::ResultPart;

use super::output_folder;
use crate::{OutputSink, ToolContext, terminal};

/// Bytes kept of the beginning, and as many of the end.
const HALF: usize = 32 * 1024;
/// Bytes of the file that holds the whole.
const MAX_SPILL: u64 = 50 << 20;
/// Bytes shown while the program runs.
const MAX_SHOWN: usize = 1 << 20;
/// A line longer than this is shown in pieces.
const MAX_LINE: usize = 8 * 1024;

/// The collector, also after a panic of somebody who held it: it has no state in between.
pub(crate) fn locked(collector: &Mutex<Collector>) -> MutexGuard<'_, Collector> {
    collector.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what a program prints.
pub(crate) struct Collector {
    kept: Kept,
    lines: Lines,
    sink: OutputSink,
    shown: usize,
    spill: Spill,
}

impl Collector {
    /// Shows it at `sink`.
    pub(crate) fn new(ctx: &ToolContext, sink: OutputSink) -> Self {
        Self {
            kept: Kept::default(),
            lines: Lines::default(),
            sink,
            shown: 0,
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
        if self.shown >= MAX_SHOWN && self.spill.is_done() {
            return;
        }
        if let Some(text) = self.lines.push(bytes) {
            self.show(&text);
        }
    }

    /// Nothing came for a while: a line without an end is shown too, such as a question.
    pub(crate) fn idle(&mut self) {
        if let Some(text) = self.lines.rest() {
            self.show(&text);
        }
    }

    fn show(&mut self, text: &str) {
        self.spill.write(text);
        if self.shown >= MAX_SHOWN {
            return;
        }
        self.sink.send(text);
        self.shown += text.len();
        if self.shown >= MAX_SHOWN {
            self.sink.send("\n… more is not shown while it runs …\n");
        }
    }

    /// What came since the last time.
    pub(crate) fn take(&mut self) -> Output {
        self.idle();
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

    /// Whether anything came since the last time.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.total == 0
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

/// Cuts bytes into whole lines, so that no character and no control sequence is cut in two.
#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Option<String> {
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let (lines, rest) = bytes.split_at(end.map_or(0, |end| end + 1));
        let mut text = String::new();
        if !lines.is_empty() {
            self.pending.extend_from_slice(lines);
            text = terminal::plain(&std::mem::take(&mut self.pending));
        }
        self.pending.extend_from_slice(rest);
        if self.pending.len() > MAX_LINE {
            text.extend(self.rest());
        }
        (!text.is_empty()).then_some(text)
    }

    /// What there is of an unfinished line, but for an unfinished sequence or character at its end.
    fn rest(&mut self) -> Option<String> {
        let end = self.pending.len();
        let from = end.saturating_sub(64);
        let cut = match self.pending[from..].iter().rposition(|byte| *byte == 0x1b) {
            Some(at) if !ends(&self.pending[from + at..]) => from + at,
            _ => end - unfinished_character(&self.pending),
        };
        let rest = self.pending.split_off(cut);
        let text = terminal::plain(&std::mem::replace(&mut self.pending, rest));
        (!text.is_empty()).then_some(text)
    }
}

/// Whether a control sequence that begins here ends here too.
fn ends(sequence: &[u8]) -> bool {
    match sequence.get(1) {
        None => false,
        Some(b'[') => sequence[2..]
            .iter()
            .any(|byte| (0x40..=0x7e).contains(byte)),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => sequence.contains(&0x07),
        Some(_) => true,
    }
}

/// Bytes at the end that begin a character which goes on.
fn unfinished_character(bytes: &[u8]) -> usize {
    (1..=3.min(bytes.len()))
        .find(|back| {
            let needs = match bytes[bytes.len() - back] {
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf7 => 4,
                _ => 0,
            };
            needs > *back
        })
        .unwrap_or(0)
}

/// The file that holds the whole, made when it is needed.
struct Spill {
    folder: PathBuf,
    now: i64,
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
        let mut so_far = head.to_vec();
        so_far.extend_from_slice(tail);
        self.write(&terminal::plain(&so_far));
    }

    fn create(&self) -> Option<(File, PathBuf)> {
        fs::create_dir_all(&self.folder).ok()?;
        (0..1000).find_map(|number| {
            let path = self.folder.join(format!("{}-{number}.txt", self.now));
            File::create_new(&path).ok().map(|file| (file, path))
        })
    }

    fn write(&mut self, text: &str) {
        let Some(file) = &mut self.file else { return };
        let room = usize::try_from(MAX_SPILL - self.written).unwrap_or(usize::MAX);
        let text = &text[..text.floor_char_boundary(room)];
        if file.write_all(text.as_bytes()).is_err() {
            self.failed = true;
            self.file = None;
            return;
        }
        self.written += text.len() as u64;
        if text.len() + 4 > room {
            self.written = MAX_SPILL;
            self.flush();
            self.file = None;
        }
    }

    fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && file.flush().is_err()
        {
            self.failed = true;
        }
    }

    fn is_full(&self) -> bool {
        self.failed || self.written >= MAX_SPILL
    }

    /// Whether nothing that comes would be written.
    fn is_done(&self) -> bool {
        self.failed || (self.path.is_some() && self.file.is_none())
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
        terminal::plain(&self.bytes())
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
