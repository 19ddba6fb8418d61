//! What a GGUF file says of itself, read without trust.
//!
//! Owns the checks that stand before the engine: the engine aborts or panics on files that these refuse. Reads the
//! header only, never the weights; holds to the caps in [`limits`], whatever the file claims. A crate of its own, so that a fuzzer
//! builds little more than it.

mod asserts;
mod check;
mod estimate;
mod estimate_mapped;
mod layers;
mod read;
mod split;
mod summary;
mod types;

use std::fs::{File, OpenOptions};
use std::io::BufReader;
use std::path::Path;

pub use check::ARCHITECTURES;
pub use estimate::{BASE_BYTES, WORD_BYTES, Weights, prompt_bytes};
pub use split::{part_of, parts};
pub use summary::{DEFAULT_CONTEXT_TOKENS, GgufSummary};

/// How much of a header is believed.
pub mod limits {
    /// Bytes of the whole header. The largest known ones, with a vocabulary of 260,000 words, have about 20 MiB.
    pub const HEADER_BYTES: u64 = 128 << 20;
    /// Entries of the metadata.
    pub const ENTRIES: u64 = 4096;
    /// Bytes of a string.
    pub const STRING_BYTES: u64 = 16 << 20;
    /// Bytes of a key and of a tensor's name.
    pub const NAME_BYTES: u64 = 1024;
    /// Bytes of a chat template.
    pub const TEMPLATE_BYTES: u64 = 1 << 20;
    /// Elements of an array.
    pub const ARRAY_ELEMENTS: u64 = 4 << 20;
    /// Tensors.
    pub const TENSORS: u64 = 65_536;
    /// Dimensions of a tensor.
    pub const DIMENSIONS: u32 = 4;
    /// Files that a model may be split into.
    pub const PARTS: u32 = 256;
    /// Bytes of the alignment.
    pub const ALIGNMENT: u32 = 4096;
}

/// Reads the header of the file at `path`, following links, and those of the other parts where it is the first of a model that
/// was split. Blocks on the disk, not on pipes or devices.
///
/// # Errors
/// What could not be opened or read for another reason than that it is not there is [`Fault::Bad`].
pub fn inspect(path: &Path) -> Result<GgufSummary, Fault> {
    let (reader, bytes) = source(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Fault::Missing,
        std::io::ErrorKind::InvalidInput => Fault::Bad(error.to_string()),
        _ => Fault::Bad(format!("it could not be opened: {error}")),
    })?;
    judge(&split::join(path, read::header(reader, bytes)?)?)
}

/// The same for a file that is in memory.
///
/// # Errors
/// As [`inspect`], but for those of the disk.
pub fn inspect_bytes(bytes: &[u8]) -> Result<GgufSummary, Fault> {
    judge(&read::header(bytes, bytes.len() as u64)?)
}

fn judge(header: &read::Header) -> Result<GgufSummary, Fault> {
    check::check(header)?;
    Ok(summary::summarize(header))
}

/// A regular file and its length; anything else is invalid input.
fn source(path: &Path) -> std::io::Result<(BufReader<File>, u64)> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    Ok((BufReader::with_capacity(64 << 10, file), metadata.len()))
}

/// Opens without waiting: a pipe without a writer would block a plain open for ever.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No file at the path.
    #[error("there is no such file")]
    Missing,
    /// Damaged, not GGUF, or not to be read; says why.
    #[error("{0}")]
    Bad(String),
    /// Sound, but of an architecture that no engine here knows.
    #[error("models of the architecture {0} cannot be run here")]
    Architecture(String),
    /// Sound, but with tensors that no engine here knows.
    #[error("the quantization {0} cannot be run here")]
    Quantization(String),
}

#[cfg(test)]
#[path = "../tests/support/gguf_builder.rs"]
mod builder;

#[cfg(test)]
mod crafted;

#[cfg(test)]
mod tests;
