//! Items: what was said, in order. Refuses to own their meaning: a body goes in and comes out as it was.

use nexus_protocol::{Item, ItemBody, ItemId, ItemStatus, SessionId, TurnId, UnixMillis};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::{Store, StoreError, error::Fault, search::searchable};

const BY_POSITION: &str =
    "SELECT id, session, turn, step, position, created_at, status, body FROM items
     WHERE session = ?1 ORDER BY position, row";

impl Store {
    /// All items of a session by position; of a deleted one too, none of one that is not there.
    ///
    /// # Errors
    /// [`StoreError::UnreadableItem`] rather than a history with a hole.
    pub async fn items(&self, id: SessionId) -> Result<Vec<Item>, StoreError> {
        self.reader()
            .run(move |transaction| {
                let mut statement = transaction.prepare_cached(BY_POSITION)?;
                let rows = statement.query_map(params![id.0.as_bytes()], stored)?;
                rows.map(|row| row?.item()).collect()
            })
            .await
    }

    /// The position after the last item's; 0 for a session without items.
    pub async fn next_position(&self, id: SessionId) -> Result<u32, StoreError> {
        self.reader()
            .run(move |transaction| {
                let last: Option<u32> = transaction
                    .prepare_cached("SELECT max(position) FROM items WHERE session = ?1")?
                    .query_row(params![id.0.as_bytes()], |row| row.get(0))?;
                Ok(last.map_or(0, |last| last.saturating_add(1)))
            })
            .await
    }

    /// Adds the item, or replaces the one with its id. Committed and synced when this returns. The search finds it once it
    /// grows no more.
    ///
    /// # Errors
    /// [`StoreError::NoSession`] where its session does not exist; a deleted one still takes items.
    pub async fn put_item(&self, item: &Item) -> Result<(), StoreError> {
        self.put_items(std::slice::from_ref(item)).await
    }

    /// The same for several in one transaction: all or none.
    pub async fn put_items(&self, items: &[Item]) -> Result<(), StoreError> {
        // In the caller's task, so that the writer does nothing but write.
        let rows = items
            .iter()
            .map(ItemRow::new)
            .collect::<Result<Vec<_>, _>>()?;
        self.writer()
            .run(move |transaction| {
                for row in &rows {
                    put(transaction, row)?;
                }
                Ok(())
            })
            .await
    }

    /// Erases items; ids that are not there are fine.
    pub async fn remove_items(&self, ids: &[ItemId]) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.writer()
            .run(move |transaction| {
                let mut statement =
                    transaction.prepare_cached("DELETE FROM items WHERE id = ?1")?;
                for id in ids {
                    statement.execute(params![id.0.as_bytes()])?;
                }
                Ok(())
            })
            .await
    }
}

/// An item as it goes into its row.
pub(crate) struct ItemRow {
    id: ItemId,
    session: SessionId,
    turn: TurnId,
    step: u32,
    position: u32,
    created_at: UnixMillis,
    status: &'static str,
    kind: &'static str,
    open: bool,
    body: String,
    text: Option<String>,
}

impl ItemRow {
    pub(crate) fn new(item: &Item) -> Result<Self, StoreError> {
        let growing = matches!(item.status, ItemStatus::InProgress | ItemStatus::Queued);
        let text = item.body.text();
        Ok(Self {
            id: item.id,
            session: item.session,
            turn: item.turn,
            step: item.step,
            position: item.position,
            created_at: item.created_at,
            status: status_name(item.status),
            kind: kind(&item.body),
            open: growing || is_unanswered(&item.body),
            body: serde_json::to_string(&item.body).map_err(|error| {
                StoreError::UnreadableItem {
                    item: item.id,
                    reason: error.to_string(),
                }
            })?,
            text: (!growing && !text.is_empty()).then(|| searchable(text)),
        })
    }
}

/// Writes one row. An update and not a replacement: a replacement would delete without the triggers of the search index.
pub(crate) fn put(connection: &Connection, row: &ItemRow) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO items (id, session, turn, step, position, created_at, status, kind, open, body, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET session = excluded.session, turn = excluded.turn, step = excluded.step,
               position = excluded.position, created_at = excluded.created_at, status = excluded.status,
               kind = excluded.kind, open = excluded.open, body = excluded.body, text = excluded.text",
        )?
        .execute(params![
            row.id.0.as_bytes(),
            row.session.0.as_bytes(),
            row.turn.0.as_bytes(),
            row.step,
            row.position,
            row.created_at.0,
            row.status,
            row.kind,
            row.open,
            row.body,
            row.text,
        ])?;
    Ok(())
}

/// An item as it came out of its row, its body not yet read.
pub(crate) struct StoredItem {
    id: ItemId,
    session: SessionId,
    turn: TurnId,
    step: u32,
    position: u32,
    created_at: UnixMillis,
    status: String,
    body: String,
}

/// Reads `id, session, turn, step, position, created_at, status, body`.
pub(crate) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredItem> {
    Ok(StoredItem {
        id: ItemId(Uuid::from_bytes(row.get(0)?)),
        session: SessionId(Uuid::from_bytes(row.get(1)?)),
        turn: TurnId(Uuid::from_bytes(row.get(2)?)),
        step: row.get(3)?,
        position: row.get(4)?,
        created_at: UnixMillis(row.get(5)?),
        status: row.get(6)?,
        body: row.get(7)?,
    })
}

impl StoredItem {
    pub(crate) fn item(self) -> Result<Item, Fault> {
        let unreadable = |reason: String| StoreError::UnreadableItem {
            item: self.id,
            reason,
        };
        Ok(Item {
            id: self.id,
            session: self.session,
            turn: self.turn,
            step: self.step,
            position: self.position,
            created_at: self.created_at,
            status: status_from(&self.status)
                .ok_or_else(|| unreadable(format!("unknown status {}", self.status)))?,
            body: serde_json::from_str(&self.body)
                .map_err(|error| unreadable(error.to_string()))?,
        })
    }
}

/// Whether it is a tool call that nobody answered.
pub(crate) fn is_unanswered(body: &ItemBody) -> bool {
    matches!(body, ItemBody::ToolCall { result: None, .. })
}

fn kind(body: &ItemBody) -> &'static str {
    match body {
        ItemBody::User { .. } => "user",
        ItemBody::Assistant { .. } => "assistant",
        ItemBody::Thinking { .. } => "thinking",
        ItemBody::ToolCall { .. } => "tool_call",
        ItemBody::Compaction { .. } => "compaction",
        ItemBody::Undo { .. } => "undo",
        ItemBody::Offer { .. } => "offer",
        ItemBody::Notice { .. } => "notice",
    }
}

fn status_name(status: ItemStatus) -> &'static str {
    match status {
        // Whether a call waits for another is of one run: after a restart neither runs.
        ItemStatus::InProgress | ItemStatus::Queued => "in_progress",
        ItemStatus::Complete => "complete",
        ItemStatus::Interrupted => "interrupted",
        ItemStatus::Failed => "failed",
    }
}

fn status_from(name: &str) -> Option<ItemStatus> {
    match name {
        "in_progress" => Some(ItemStatus::InProgress),
        "complete" => Some(ItemStatus::Complete),
        "interrupted" => Some(ItemStatus::Interrupted),
        "failed" => Some(ItemStatus::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
