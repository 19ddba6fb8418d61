//! What is kept of contents and how much: decides by size and by what the session may hold. Refuses to know where a content
//! comes from.

use std::collections::HashSet;

use crate::{
    CheckpointError,
    blobs::{Batch, Blobs, sum},
    state::Body,
};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of one file, in bytes.
    pub(crate) file: u64,
    /// Of one session.
    pub(crate) session: u64,
    /// Of a session, for what programs might change. Less than all, so that a big folder leaves room for files that the agent
    /// surely changes.
    pub(crate) trees: u64,
    /// Of a content that is only kept to be compared with.
    pub(crate) compared: u64,
    /// Files and folders in a folder that a program runs in.
    pub(crate) entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file: 64 << 20,
            session: 2 << 30,
            trees: 3 << 29,
            compared: 1 << 20,
            entries: 300_000,
        }
    }
}

/// How much a session holds: contents that its journal names. Only for the bound: whether a content is there, the store knows,
/// since what no journal names any more may be collected at any time.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    names: HashSet<String>,
    bytes: u64,
}

impl Holdings {
    pub(crate) fn add(&mut self, sha256: &str, size: u64) {
        if !self.names.contains(sha256) {
            self.names.insert(sha256.to_owned());
            self.bytes += size;
        }
    }

    pub(crate) fn has(&self, sha256: &str) -> bool {
        self.names.contains(sha256)
    }
}

/// What a content is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// To know it again.
    Name,
    /// To show what changed.
    Compare,
    /// To put it back, should a program change it.
    Tree,
    /// To put it back.
    Whole,
    /// To put it back, and there is no other copy: the session's bound does not count.
    Last,
}

/// Keeps contents, a batch at a time.
#[derive(Debug)]
pub(crate) struct Keeper<'a> {
    blobs: &'a Blobs,
    holdings: &'a Holdings,
    limits: Limits,
    need: Need,
    batch: Batch,
    /// In the batch.
    bytes: u64,
    /// Files whose contents were read.
    pub(crate) files_read: u64,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(
        blobs: &'a Blobs,
        holdings: &'a Holdings,
        limits: Limits,
        need: Need,
    ) -> Self {
        Self {
            blobs,
            holdings,
            limits,
            need,
            batch: Batch::default(),
            bytes: 0,
            files_read: 0,
        }
    }

    /// Bytes that are read of a file at most; of a bigger one nothing is kept.
    pub(crate) fn largest(&self) -> u64 {
        self.limits.file
    }

    /// Whether an earlier look at a file, which did not change since, is all that is needed now.
    pub(crate) fn content_with(&self, body: &Body) -> bool {
        match body {
            Body::File { sha256, size } => match self.need {
                Need::Name => true,
                Need::Compare => *size > self.limits.compared || self.blobs.holds(sha256),
                Need::Tree | Need::Whole | Need::Last => self.blobs.holds(sha256),
            },
            // It may be kept now, if it was too much for the session's programs only.
            Body::Unkept { size, .. } => {
                matches!(self.need, Need::Name | Need::Compare | Need::Tree)
                    || *size > self.limits.file
            }
            _ => true,
        }
    }

    /// What a file with this content is.
    pub(crate) fn file(&mut self, content: &[u8]) -> Result<Body, CheckpointError> {
        self.files_read += 1;
        let sha256 = sum(content);
        let size = content.len() as u64;
        let file = Body::File {
            sha256: sha256.clone(),
            size,
        };
        let room = match self.need {
            Need::Name => return Ok(file),
            Need::Compare if size > self.limits.compared => return Ok(file),
            Need::Compare | Need::Tree => self.limits.trees,
            Need::Whole => self.limits.session,
            Need::Last => u64::MAX,
        };
        if self.blobs.holds(&sha256) {
            return Ok(file);
        }
        if self.holdings.bytes + self.bytes + size > room {
            if self.need == Need::Compare {
                return Ok(file);
            }
            let why = format!(
                "more than {} MiB would be kept for this session",
                room >> 20
            );
            return Ok(Body::Unkept { size, why });
        }
        self.blobs.add(&mut self.batch, &sha256, content)?;
        self.bytes += size;
        Ok(file)
    }

    pub(crate) fn too_big(&self, size: u64) -> Body {
        let why = format!(
            "{} MiB are more than {} MiB",
            size >> 20,
            self.limits.file >> 20
        );
        Body::Unkept { size, why }
    }

    /// What was kept is on disk when this returns.
    pub(crate) fn commit(self) -> Result<(), CheckpointError> {
        self.blobs.commit(self.batch)
    }
}
