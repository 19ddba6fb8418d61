//! What a session lets the agent do. Refuses to know what a grant means: text goes in and comes out as it was.

use nexus_protocol::{Mode, SessionId, SessionSummary};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use crate::{Store, StoreError, error::Fault, sessions::find};

impl Store {
    /// Sets how free the agent is. The session as it is then; `None` where there is no such session.
    pub async fn set_mode(
        &self,
        id: SessionId,
        mode: Mode,
    ) -> Result<Option<SessionSummary>, StoreError> {
        self.writer()
            .run(move |transaction| {
                transaction.execute(
                    "UPDATE sessions SET mode = ?2 WHERE id = ?1 AND deleted_at IS NULL",
                    params![id.0.as_bytes(), mode_name(mode)],
                )?;
                Ok(find(transaction, id)?)
            })
            .await
    }

    /// Sets the working folder. What was allowed for the session was allowed in the folder it had: another folder takes it
    /// back. The session as it is then; `None` where there is no such session.
    pub async fn set_folder(
        &self,
        id: SessionId,
        folder: Option<&str>,
    ) -> Result<Option<SessionSummary>, StoreError> {
        let folder = folder.map(str::to_owned);
        self.writer()
            .run(move |transaction| {
                transaction.execute(
                    "UPDATE sessions SET folder = ?2, grants = '[]'
                     WHERE id = ?1 AND deleted_at IS NULL AND folder IS NOT ?2",
                    params![id.0.as_bytes(), folder],
                )?;
                Ok(find(transaction, id)?)
            })
            .await
    }

    /// What the user allowed for this session alone, in the order it was allowed.
    pub async fn grants(&self, id: SessionId) -> Result<Vec<String>, StoreError> {
        self.reader()
            .run(move |transaction| {
                let text: Option<String> = transaction
                    .prepare_cached("SELECT grants FROM sessions WHERE id = ?1")?
                    .query_row(params![id.0.as_bytes()], |row| row.get(0))
                    .optional()?;
                // What cannot be read allows nothing.
                Ok(text
                    .and_then(|text| serde_json::from_str(&text).ok())
                    .unwrap_or_default())
            })
            .await
    }

    /// Sessions in which a tool call or an offer waits for the user, each once.
    pub async fn awaiting_approval(&self) -> Result<Vec<SessionId>, StoreError> {
        self.reader()
            .run(|transaction| {
                let mut statement = transaction.prepare_cached(
                    "SELECT DISTINCT items.session FROM items JOIN sessions ON sessions.id = items.session
                     WHERE items.open = 1 AND items.kind IN ('tool_call', 'offer') AND sessions.deleted_at IS NULL
                       AND CASE WHEN json_valid(items.body)
                         THEN coalesce(json_extract(items.body, '$.approval.nonce'),
                                       json_extract(items.body, '$.offer.nonce')) IS NOT NULL
                           AND coalesce(json_extract(items.body, '$.approval.answer'),
                                        json_extract(items.body, '$.offer.answer')) IS NULL
                         -- One item that cannot be read must not hide all others; opening its chat says so.
                         ELSE 0 END",
                )?;
                let ids = statement.query_map([], |row| row.get(0))?;
                Ok(ids
                    .map(|id| id.map(|id| SessionId(Uuid::from_bytes(id))))
                    .collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Adds a grant.
    ///
    /// # Errors
    /// [`StoreError::NoSession`] where there is no such session.
    pub async fn add_grant(&self, id: SessionId, grant: &str) -> Result<(), StoreError> {
        let grant = grant.to_owned();
        self.writer()
            .run(move |transaction| {
                // Appended by SQLite itself: no grant is lost between a read and a write.
                let changed = transaction.execute(
                    "UPDATE sessions SET grants = json_insert(grants, '$[#]', ?2) WHERE id = ?1",
                    params![id.0.as_bytes(), grant],
                )?;
                if changed == 0 {
                    return Err(Fault::Store(StoreError::NoSession));
                }
                Ok(())
            })
            .await
    }
}

/// As stored.
pub(crate) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Ask => "ask",
        Mode::Edits => "edits",
        Mode::Plan => "plan",
        Mode::Auto => "auto",
    }
}

/// The strictest mode for a name that this version does not know.
pub(crate) fn mode_from(name: &str) -> Mode {
    match name {
        "edits" => Mode::Edits,
        "plan" => Mode::Plan,
        "auto" => Mode::Auto,
        _ => Mode::Ask,
    }
}

#[cfg(test)]
mod tests;
