//! The journal's file: records go in at the end and are on disk when that returns; they come out in order or not at all.
//! Refuses to know what they mean.
//!
//! Each line carries a sum over itself and all lines before it, so a line that was changed, dropped or moved is found. A last
//! line without its end was never acknowledged: it is cut off.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{CheckpointError, blobs::hexadecimal, record::Record};

/// A journal file, read up to some line. Used only under the session's lock.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    read: u64,
    sum: String,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    sum: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            sum: String::new(),
        }
    }

    /// Records that were written since the last look, by whichever process.
    pub(crate) fn news(&mut self) -> Result<Vec<Record>, CheckpointError> {
        let mut file = match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound && self.read == 0 => {
                return Ok(Vec::new());
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.unreadable("it was erased; start a new session".to_owned()));
            }
            Err(error) => return Err(CheckpointError::at(&self.path)(error)),
        };
        let length = file
            .metadata()
            .map_err(CheckpointError::at(&self.path))?
            .len();
        if length < self.read {
            return Err(self.unreadable("it was cut short while it was in use".to_owned()));
        }
        if length == self.read {
            return Ok(Vec::new());
        }
        let bytes = self
            .rest(&mut file)
            .map_err(CheckpointError::at(&self.path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let (lines, torn) = bytes.split_at(whole.map_or(0, |end| end + 1));
        let mut records = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            records.push(self.parse(line)?);
        }
        if !torn.is_empty() {
            // Whoever wrote it is dead, else it would hold the lock.
            file.set_len(self.read)
                .map_err(CheckpointError::at(&self.path))?;
        }
        Ok(records)
    }

    /// Writes records; on disk when this returns.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), CheckpointError> {
        let mut bytes = Vec::new();
        let mut sum = self.sum.clone();
        for record in records {
            let raw = serde_json::value::to_raw_value(record)
                .map_err(|error| self.unreadable(error.to_string()))?;
            sum = chained(&sum, raw.get());
            let line = Line {
                sum: sum.clone(),
                record: &raw,
            };
            serde_json::to_writer(&mut bytes, &line)
                .map_err(|error| self.unreadable(error.to_string()))?;
            bytes.push(b'\n');
        }
        let new = self.read == 0;
        let mut file = OpenOptions::new()
            .create(new)
            .append(true)
            .open(&self.path)
            .map_err(CheckpointError::at(&self.path))?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half a line would spoil the next one; what cannot be cut off now is cut off by the next look.
            let _ = file.set_len(self.read);
            return Err(CheckpointError::at(&self.path)(error));
        }
        if new && let Some(folder) = self.path.parent() {
            crate::blobs::sync_folder(folder)?;
        }
        self.read += bytes.len() as u64;
        self.sum = sum;
        Ok(())
    }

    fn rest(&self, file: &mut File) -> std::io::Result<Vec<u8>> {
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn parse(&mut self, line: &[u8]) -> Result<Record, CheckpointError> {
        let at = self.read;
        let damaged = |reason: &str| self.unreadable(format!("{reason} (at byte {at})"));
        let parsed: Line =
            serde_json::from_slice(line).map_err(|_| damaged("a line is damaged"))?;
        let sum = chained(&self.sum, parsed.record.get());
        if sum != parsed.sum {
            return Err(damaged("a line was changed or is missing"));
        }
        let record = serde_json::from_str(parsed.record.get()).map_err(|error| {
            damaged(&format!(
                "a newer version may have written a line: {error}; update the app"
            ))
        })?;
        self.sum = sum;
        self.read += line.len() as u64;
        Ok(record)
    }

    pub(crate) fn unreadable(&self, reason: String) -> CheckpointError {
        CheckpointError::Journal {
            path: self.path.clone(),
            reason,
        }
    }
}

/// 64 bits are enough: this finds damage, it holds off nobody who can compute it.
fn chained(before: &str, record: &str) -> String {
    let digest = Sha256::new()
        .chain_update(before)
        .chain_update(record)
        .finalize();
    let mut sum = hexadecimal(&digest);
    sum.truncate(16);
    sum
}

#[cfg(test)]
mod tests;
