//! What a start does with items that a crash left open. Refuses to guess: what was written is kept, and what has no end gets
//! one that says so.

use std::collections::HashSet;

use nexus_protocol::{ApprovalAnswer, ItemBody, ItemStatus, ToolResult, TurnId};

use crate::{
    Store, StoreError,
    error::Fault,
    items::{ItemRow, StoredItem, put, stored},
};

const OPEN: &str =
    "SELECT id, session, turn, step, position, created_at, status, body FROM items WHERE open = 1";

impl Store {
    /// Ends, in one transaction, what a crash left open: growing items become interrupted with the text they have, tool
    /// calls without a result get one that says they were interrupted. A question to the user stays open, and with it the calls
    /// beside it that had not begun: the answer goes on from there. How many items were ended. A running process whose items are
    /// ended like this by another one's start corrects them with its next write.
    pub async fn recover(&self) -> Result<u64, StoreError> {
        self.writer()
            .run(|transaction| {
                let open: Vec<StoredItem> = transaction
                    .prepare_cached(OPEN)?
                    .query_map([], stored)?
                    .collect::<Result<_, _>>()?;
                let mut items = Vec::new();
                for row in open {
                    match row.item() {
                        Ok(item) => items.push(item),
                        // One message that cannot be read must not keep the app from starting; opening its chat says so.
                        Err(Fault::Store(error @ StoreError::UnreadableItem { .. })) => {
                            tracing::error!(%error, "an open item was left as it is");
                        }
                        Err(other) => return Err(other),
                    }
                }
                let waiting: HashSet<(TurnId, u32)> = items
                    .iter()
                    .filter(|item| item.body.awaits_approval())
                    .map(|item| (item.turn, item.step))
                    .collect();
                let mut ended = 0;
                for mut item in items {
                    let is_call = matches!(item.body, ItemBody::ToolCall { .. });
                    if is_call
                        && !item.body.is_approved()
                        && waiting.contains(&(item.turn, item.step))
                    {
                        continue;
                    }
                    if item.status != ItemStatus::Failed {
                        item.status = ItemStatus::Interrupted;
                    }
                    if let ItemBody::Offer { offer } = &mut item.body {
                        offer.answer.get_or_insert(ApprovalAnswer::Withdrawn);
                    }
                    if let ItemBody::ToolCall { result, output, .. } = &mut item.body {
                        output.clear();
                        result.get_or_insert_with(|| {
                            ToolResult::failed("Interrupted before it ended.", "interrupted")
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
