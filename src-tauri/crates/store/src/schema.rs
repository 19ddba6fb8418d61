//! The schema and how an older file gets to it. Refuses to go back: a newer file is an error.
//!
//! Each migration runs in one transaction with the rise of `user_version`: a crash leaves the old schema or the new one.
//! A migration that was released never changes; the next one corrects it.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Fault, StoreError};

/// "NXUS": marks the file as ours.
pub(crate) const APPLICATION_ID: i64 = 0x4E58_5553;

/// In order; the first makes schema 1.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/0001_sessions.sql"),
    include_str!("migrations/0002_agent.sql"),
    include_str!("migrations/0003_routing.sql"),
];

/// The schema this version writes.
pub(crate) const SUPPORTED: i64 = MIGRATIONS.len() as i64;

/// What a file says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// `user_version`: the schema.
    pub(crate) version: i64,
    /// `application_id`: whose it is.
    pub(crate) application: i64,
    /// Entries of its schema table.
    pub(crate) tables: i64,
}

/// Reads what a file says of itself: in one transaction, or a first migration by another process between two answers would make
/// a file of ours look like a foreign one.
pub(crate) fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    let snapshot = connection.unchecked_transaction()?;
    let number = |sql: &str| snapshot.query_row(sql, [], |row| row.get(0));
    Ok(Identity {
        version: number("PRAGMA user_version")?,
        application: number("PRAGMA application_id")?,
        tables: number("SELECT count(*) FROM sqlite_schema")?,
    })
}

/// Brings the file to [`SUPPORTED`]. Two processes may do so at once: each migration runs in one of them.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    loop {
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found == SUPPORTED {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read again under the lock: another process may have been faster.
        let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let step = usize::try_from(found)
            .ok()
            .and_then(|at| MIGRATIONS.get(at));
        let Some(step) = step else {
            if found == SUPPORTED {
                return Ok(());
            }
            return Err(Fault::Store(StoreError::NewerSchema {
                found,
                supported: SUPPORTED,
            }));
        };
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", found + 1)?;
        transaction.commit()?;
        tracing::info!(schema = found + 1, "the database was migrated");
    }
}

#[cfg(test)]
mod tests;
