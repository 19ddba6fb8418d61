//! The handle that the rest of the app holds, and the calls that are about the file as a whole. Refuses to hold SQL of
//! tables: that is beside the types it stores.

use std::{fmt, path::Path, sync::Arc};

use rusqlite::TransactionBehavior;

use crate::{
    connection::{open_reader, open_writer},
    error::{Fault, StoreError},
    lane::Lane,
};

/// The database. Clones share the same two threads; the file closes with the last clone, or by [`Store::close`].
#[derive(Clone)]
pub struct Store {
    lanes: Arc<Lanes>,
}

struct Lanes {
    writer: Lane,
    reader: Lane,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.lanes.writer.path())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the file at `path`, makes it where it is missing, and brings an older one to the current schema. Blocks: up
    /// to five seconds where another process holds the file.
    ///
    /// # Errors
    /// A file that is newer, damaged or another program's is not touched.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = open_writer(path)?;
        let reader = open_reader(path)?;
        Ok(Self {
            lanes: Arc::new(Lanes {
                writer: Lane::start(
                    "nexus-store-write",
                    writer,
                    path,
                    TransactionBehavior::Immediate,
                )?,
                reader: Lane::start(
                    "nexus-store-read",
                    reader,
                    path,
                    TransactionBehavior::Deferred,
                )?,
            }),
        })
    }

    pub(crate) fn writer(&self) -> &Lane {
        &self.lanes.writer
    }

    pub(crate) fn reader(&self) -> &Lane {
        &self.lanes.reader
    }

    /// Finishes what was asked, writes the log into the file and closes it. All clones get [`StoreError::Closed`] from then on.
    pub async fn close(&self) {
        // The writer last: the last connection to close empties the log.
        self.lanes.reader.close().await;
        self.lanes.writer.close().await;
    }

    /// Looks through the whole file for damage: pages, indexes, references, and the search index against the texts. Takes
    /// seconds on a large file, during which writes wait. What it found, a line each; empty is well.
    ///
    /// # Errors
    /// Where the check itself could not run; damage is no error.
    pub async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        let found = self
            .lanes
            .writer
            .run(|transaction| {
                let mut lines: Vec<String> = transaction
                    .prepare("PRAGMA integrity_check")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                lines.retain(|line| line != "ok");
                let orphans: Vec<String> = transaction
                    .prepare("PRAGMA foreign_key_check")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                lines.extend(
                    orphans
                        .into_iter()
                        .map(|table| format!("a row of {table} belongs to no session")),
                );
                for index in ["items_fts", "sessions_fts"] {
                    let sql = format!(
                        "INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)"
                    );
                    let Err(error) = transaction.execute(&sql, []) else {
                        continue;
                    };
                    match StoreError::from_sqlite(&error, Path::new("")) {
                        // Where the schema's own text is damaged, SQLite calls it a plain error.
                        StoreError::Damaged { reason, .. } | StoreError::Database { reason } => {
                            lines
                                .push(format!("the search index {index} does not match: {reason}"));
                        }
                        other => return Err(Fault::Store(other)),
                    }
                }
                Ok(lines)
            })
            .await;
        match found {
            // So damaged that the check could not finish.
            Err(StoreError::Damaged { reason, .. } | StoreError::Database { reason }) => {
                Ok(vec![reason])
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
