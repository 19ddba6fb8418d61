//! One file's content, line by line: small files in one piece, others as they come.
//!
//! Owns the reading, and what is kept for the next file. Each thread has its own.

use std::{
    fs::File,
    io::{self, Read},
};

use grep_regex::RegexMatcher;
use grep_searcher::{Searcher, SearcherBuilder};

use super::found::InFile;

/// Bytes of a file that is read in one piece: most are smaller, and opening and reading are most of what a search does. As much as the
/// searcher looks at for a NUL when it is given the whole, so that what is binary is so either way.
pub(super) const WHOLE: usize = 64 * 1024;

/// What looks for the pattern.
pub(super) struct Lines {
    searcher: Searcher,
    matcher: RegexMatcher,
    /// One byte more than a whole file: it tells that a file is longer.
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(searcher: &SearcherBuilder, matcher: &RegexMatcher) -> Self {
        Self {
            searcher: searcher.build(),
            matcher: matcher.clone(),
            buffer: vec![0; WHOLE + 1],
        }
    }

    /// Adds what fits in a file of `bytes`.
    pub(super) fn find(&mut self, file: &File, bytes: u64, found: &mut InFile) -> io::Result<()> {
        if bytes > WHOLE as u64 {
            return self.searcher.search_file(&self.matcher, file, found);
        }
        let read = fill(file, &mut self.buffer, bytes)?;
        let content = self.buffer.get(..read).unwrap_or_default();
        if read > WHOLE {
            // It has grown.
            return self
                .searcher
                .search_reader(&self.matcher, content.chain(file), found);
        }
        self.searcher.search_slice(&self.matcher, content, found)
    }
}

/// Reads a file of `bytes` to its end or until the buffer is full, with one call where that is enough.
fn fill(mut file: impl Read, buffer: &mut [u8], bytes: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => {
                let room = rest.len() > more;
                read += more;
                // The system was asked for more and gave as much as there is.
                if room && read as u64 == bytes {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
