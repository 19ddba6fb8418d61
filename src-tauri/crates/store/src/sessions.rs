//! Sessions: the list, titles, models, and the way from deleted to erased. Refuses to own what is said in them.

use nexus_protocol::{ModelRef, SessionId, SessionSummary, TitleSource, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    error::Fault,
    permissions::{mode_from, mode_name},
    routing::{routing_from, routing_name},
    search::searchable,
};

/// Items erased in one transaction: few enough that a message which is being written meanwhile hardly waits.
const PURGE_ITEMS: u32 = 25;

const LIST: &str =
    "SELECT id, title, title_source, model, created_at, updated_at, mode, folder, routing, partner FROM sessions
     WHERE deleted_at IS NULL ORDER BY updated_at DESC, row DESC";

const NEXT_PURGE: &str = "SELECT id FROM sessions
     WHERE deleted_at IS NOT NULL AND deleted_at < ?1 ORDER BY deleted_at LIMIT 1";

impl Store {
    /// Adds a session. Characters that the search uses as marks (U+0000, U+0002, U+0003) leave the title.
    ///
    /// # Errors
    /// [`StoreError::SessionExists`] where the id is taken, by a deleted session too.
    pub async fn create_session(&self, s: &SessionSummary) -> Result<(), StoreError> {
        let session = s.clone();
        self.writer()
            .run(move |transaction| {
                let added = transaction.execute(
                    "INSERT INTO sessions (id, title, title_source, model, created_at, updated_at, mode, folder, routing, partner)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
                    params![
                        session.id.0.as_bytes(),
                        searchable(&session.title),
                        source_number(session.title_source),
                        session.model.map(|model| model.0),
                        session.created_at.0,
                        session.updated_at.0,
                        mode_name(session.mode),
                        session.folder,
                        session.routing.map(routing_name),
                        session.partner.map(|model| model.0),
                    ],
                )?;
                if added == 0 {
                    return Err(Fault::Store(StoreError::SessionExists {
                        session: session.id,
                    }));
                }
                Ok(())
            })
            .await
    }

    /// All sessions that are not deleted, the one with the latest word first.
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, StoreError> {
        self.reader()
            .run(|transaction| {
                let mut statement = transaction.prepare_cached(LIST)?;
                let sessions = statement.query_map([], summary)?;
                Ok(sessions.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The ids of all sessions that are not erased, deleted ones among them.
    pub async fn session_ids(&self) -> Result<Vec<SessionId>, StoreError> {
        self.reader()
            .run(|transaction| {
                let mut statement = transaction.prepare_cached("SELECT id FROM sessions")?;
                let ids = statement.query_map([], |row| row.get(0))?;
                Ok(ids
                    .map(|id| id.map(|id| SessionId(Uuid::from_bytes(id))))
                    .collect::<Result<_, _>>()?)
            })
            .await
    }

    /// One session; `None` where there is none or it is deleted.
    pub async fn session(&self, id: SessionId) -> Result<Option<SessionSummary>, StoreError> {
        self.reader()
            .run(move |transaction| Ok(find(transaction, id)?))
            .await
    }

    /// Sets the title, unless a better source chose the present one. The session as it is then; `None` where nothing
    /// changed or there is no such session.
    pub async fn set_title(
        &self,
        id: SessionId,
        title: &str,
        source: TitleSource,
    ) -> Result<Option<SessionSummary>, StoreError> {
        let title = searchable(title);
        self.writer()
            .run(move |transaction| {
                let changed = transaction.execute(
                    "UPDATE sessions SET title = ?2, title_source = ?3
                     WHERE id = ?1 AND deleted_at IS NULL AND title_source <= ?3
                       AND (title <> ?2 OR title_source <> ?3)",
                    params![id.0.as_bytes(), title, source_number(source)],
                )?;
                if changed == 0 {
                    return Ok(None);
                }
                Ok(find(transaction, id)?)
            })
            .await
    }

    /// Sets the model of the following turns. The session as it is then; `None` where there is no such session.
    pub async fn set_model(
        &self,
        id: SessionId,
        model: &ModelRef,
    ) -> Result<Option<SessionSummary>, StoreError> {
        let model = model.clone();
        self.writer()
            .run(move |transaction| {
                transaction.execute(
                    "UPDATE sessions SET model = ?2
                     WHERE id = ?1 AND deleted_at IS NULL AND model IS NOT ?2",
                    params![id.0.as_bytes(), model.0],
                )?;
                Ok(find(transaction, id)?)
            })
            .await
    }

    /// Something was said at `at`; an earlier time than the present one changes nothing. The session as it is then;
    /// `None` where there is no such session.
    pub async fn touch(
        &self,
        id: SessionId,
        at: UnixMillis,
    ) -> Result<Option<SessionSummary>, StoreError> {
        self.writer()
            .run(move |transaction| {
                transaction.execute(
                    "UPDATE sessions SET updated_at = ?2
                     WHERE id = ?1 AND deleted_at IS NULL AND updated_at < ?2",
                    params![id.0.as_bytes(), at.0],
                )?;
                Ok(find(transaction, id)?)
            })
            .await
    }

    /// Deletes a session so that it can be restored until it is purged. Whether there was one.
    pub async fn delete_session(&self, id: SessionId, at: UnixMillis) -> Result<bool, StoreError> {
        self.writer()
            .run(move |transaction| {
                let changed = transaction.execute(
                    "UPDATE sessions SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
                    params![id.0.as_bytes(), at.0],
                )?;
                Ok(changed > 0)
            })
            .await
    }

    /// Takes a deletion back. The session; `None` where it never was or is erased. One that was not deleted stays as it is.
    pub async fn restore_session(
        &self,
        id: SessionId,
    ) -> Result<Option<SessionSummary>, StoreError> {
        self.writer()
            .run(move |transaction| {
                transaction.execute(
                    "UPDATE sessions SET deleted_at = NULL
                     WHERE id = ?1 AND deleted_at IS NOT NULL AND purging = 0",
                    params![id.0.as_bytes()],
                )?;
                Ok(find(transaction, id)?)
            })
            .await
    }

    /// Erases all sessions that were deleted before `before`: their items, titles and words in the search index are
    /// overwritten in the file, then the write-ahead log is emptied. How many sessions. What they cost is kept, without them.
    pub async fn purge_deleted(&self, before: UnixMillis) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            match self
                .writer()
                .run(move |transaction| Ok(purge_some(transaction, before)?))
                .await?
            {
                Purge::Nothing => break,
                Purge::Items => {}
                Purge::Session => purged += 1,
            }
        }
        if purged > 0 {
            self.empty_log().await?;
        }
        Ok(purged)
    }

    /// Moves the write-ahead log into the file and cuts it to nothing, as far as other connections let it.
    async fn empty_log(&self) -> Result<(), StoreError> {
        self.writer()
            .raw(|connection| {
                let busy: bool =
                    connection
                        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
                if busy {
                    tracing::warn!(
                        "the log could not be emptied after a purge: another connection reads"
                    );
                }
                Ok(())
            })
            .await
    }
}

/// What one step of a purge did.
enum Purge {
    /// There is nothing to do.
    Nothing,
    /// Erased items; there is more.
    Items,
    /// Erased the rest of a session.
    Session,
}

fn purge_some(connection: &Connection, before: UnixMillis) -> rusqlite::Result<Purge> {
    let session: Option<[u8; 16]> = connection
        .prepare_cached(NEXT_PURGE)?
        .query_row(params![before.0], |row| row.get(0))
        .optional()?;
    let Some(session) = session else {
        return Ok(Purge::Nothing);
    };
    let erased = connection
        .prepare_cached(
            "DELETE FROM items WHERE row IN (SELECT row FROM items WHERE session = ?1 LIMIT ?2)",
        )?
        .execute(params![session, PURGE_ITEMS])?;
    if erased < PURGE_ITEMS as usize {
        connection.execute("DELETE FROM sessions WHERE id = ?1", params![session])?;
        return Ok(Purge::Session);
    }
    connection.execute(
        "UPDATE sessions SET purging = 1 WHERE id = ?1",
        params![session],
    )?;
    Ok(Purge::Items)
}

pub(crate) fn find(
    connection: &Connection,
    id: SessionId,
) -> rusqlite::Result<Option<SessionSummary>> {
    connection
        .prepare_cached(
            "SELECT id, title, title_source, model, created_at, updated_at, mode, folder, routing, partner
             FROM sessions WHERE id = ?1 AND deleted_at IS NULL",
        )?
        .query_row(params![id.0.as_bytes()], summary)
        .optional()
}

fn summary(row: &Row<'_>) -> rusqlite::Result<SessionSummary> {
    let model: Option<String> = row.get(3)?;
    Ok(SessionSummary {
        id: SessionId(Uuid::from_bytes(row.get(0)?)),
        title: row.get(1)?,
        title_source: source_from(row.get(2)?)?,
        model: model.map(ModelRef),
        created_at: UnixMillis(row.get(4)?),
        updated_at: UnixMillis(row.get(5)?),
        mode: mode_from(row.get_ref(6)?.as_str()?),
        folder: row.get(7)?,
        routing: row
            .get::<_, Option<String>>(8)?
            .map(|name| routing_from(&name)),
        partner: row.get::<_, Option<String>>(9)?.map(ModelRef),
    })
}

/// As stored: in the order in which sources replace each other.
fn source_number(source: TitleSource) -> i64 {
    match source {
        TitleSource::None => 0,
        TitleSource::FirstWords => 1,
        TitleSource::Model => 2,
        TitleSource::User => 3,
    }
}

fn source_from(number: i64) -> rusqlite::Result<TitleSource> {
    match number {
        0 => Ok(TitleSource::None),
        1 => Ok(TitleSource::FirstWords),
        2 => Ok(TitleSource::Model),
        3 => Ok(TitleSource::User),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(2, other)),
    }
}

#[cfg(test)]
mod tests;
