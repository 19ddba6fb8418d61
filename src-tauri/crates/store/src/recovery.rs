//! What a start does with items that a crash left open. Refuses to guess: what was written is kept, and what has no end gets
//! one that says so.

use nexus_protocol::{ItemBody, ItemStatus, ToolResult};

use crate::{
    Store, StoreError,
    error::Fault,
    items::{ItemRow, StoredItem, put, stored},
};

const OPEN: &str =
    "SELECT id, session, turn, step, position, created_at, status, body FROM items WHERE open = 1";

impl Store {
    /// Ends, in one transaction, what a crash left open: growing items become interrupted with the text they have, tool
    /// calls without a result get one that says they were interrupted. How many items. A running process whose items are
    /// ended like this by another one's start corrects them with its next write.
    pub async fn recover(&self) -> Result<u64, StoreError> {
        self.writer()
            .run(|transaction| {
                let open: Vec<StoredItem> = transaction
                    .prepare_cached(OPEN)?
                    .query_map([], stored)?
                    .collect::<Result<_, _>>()?;
                let mut ended = 0;
                for row in open {
                    let mut item = match row.item() {
                        Ok(item) => item,
                        // One message that cannot be read must not keep the app from starting; opening its chat says so.
                        Err(Fault::Store(error @ StoreError::UnreadableItem { .. })) => {
                            tracing::error!(%error, "an open item was left as it is");
                            continue;
                        }
                        Err(other) => return Err(other),
                    };
                    if item.status != ItemStatus::Failed {
                        item.status = ItemStatus::Interrupted;
                    }
                    if let ItemBody::ToolCall { result, .. } = &mut item.body {
                        result.get_or_insert_with(|| ToolResult {
                            ok: false,
                            output: "Interrupted before it ended.".to_owned(),
                            summary: "interrupted".to_owned(),
                            duration_ms: 0,
                        });
                    }
                    put(transaction, &ItemRow::new(&item)?)?;
                    ended += 1;
                }
                Ok(ended)
            })
            .await
    }
}

#[cfg(test)]
mod tests;
