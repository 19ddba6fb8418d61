//! The tool calls of one model call: in order, and side by side where order does not matter.
//!
//! Owns that every call gets exactly one result. Refuses to know how a single call comes to it.

use nexus_protocol::{Capability, ErrorCard, EventMsg, Item, ItemId, ItemStatus};
use nexus_store::StoreError;
use tracing::{Instrument, info_span, warn};

use super::{
    Turn,
    call::{Call, CallEnd},
    guard::LoopGuard,
    step::interrupted_call,
};
use crate::{cards, prompt, workbench::Desk};

/// How the calls ended. Every one of them has a result, but for [`ToolsEnd::Storage`] and [`ToolsEnd::Waiting`].
pub(super) enum ToolsEnd {
    Answered,
    Cancelled,
    /// The app closes while the user is asked: that call and those after it stay open.
    Waiting,
    Limit(ErrorCard),
    Storage(StoreError),
}

impl Turn {
    /// Runs the calls. Those that only read run side by side up to the next that does more; those run one after another, since
    /// a later one may build on what an earlier one changed.
    pub(super) async fn run_tools(
        &self,
        calls: &[ItemId],
        guard: &mut LoopGuard,
        desk: &Desk,
    ) -> ToolsEnd {
        let mut rest: Vec<Item> = calls
            .iter()
            .filter_map(|id| self.journal.item(*id))
            .collect();
        while !rest.is_empty() {
            let mut later = rest.split_off(self.side_by_side(&rest));
            self.show(&mut rest, ItemStatus::Queued, ItemStatus::InProgress);
            self.show(&mut later, ItemStatus::InProgress, ItemStatus::Queued);
            let mut batch: Vec<Call> = Vec::new();
            for call in rest.into_iter().filter_map(Call::of) {
                if let Err(reason) = guard.count() {
                    let left = batch.into_iter().map(|it| it.item);
                    let left = left.chain([call.item]).chain(later).collect();
                    let end = ToolsEnd::Limit(cards::tool_limit(&reason));
                    return self.leave(left, &reason, end).await;
                }
                batch.push(call);
            }
            let end = self.run_batch(batch, guard, desk).await;
            match end {
                ToolsEnd::Answered => rest = later,
                ToolsEnd::Waiting | ToolsEnd::Storage(_) => return end,
                ToolsEnd::Cancelled => {
                    return self.leave(later, prompt::CALL_CANCELLED, end).await;
                }
                ToolsEnd::Limit(ref card) => {
                    let reason = card.detail.clone();
                    return self.leave(later, &reason, end).await;
                }
            }
        }
        ToolsEnd::Answered
    }

    /// Shows calls that stand at `from` as `to`: whether they run or wait their turn. In memory only, since a restart ends both.
    fn show(&self, calls: &mut [Item], from: ItemStatus, to: ItemStatus) {
        for item in calls.iter_mut().filter(|item| item.status == from) {
            item.status = to;
            self.journal
                .emit(EventMsg::ItemChanged { item: item.clone() });
        }
    }

    /// How many calls from the first on may run at once; at least one.
    fn side_by_side(&self, calls: &[Item]) -> usize {
        let reads = |item: &&Item| match &item.body {
            nexus_protocol::ItemBody::ToolCall { name, .. } => self
                .deps
                .tools
                .get(name)
                .is_none_or(|tool| tool.capability() <= Capability::Read),
            _ => true,
        };
        calls.iter().take_while(reads).count().max(1)
    }

    async fn run_batch(&self, batch: Vec<Call>, guard: &mut LoopGuard, desk: &Desk) -> ToolsEnd {
        if self.cancel.is_cancelled() {
            let items = batch.into_iter().map(|call| call.item).collect();
            return self
                .leave(items, prompt::CALL_CANCELLED, ToolsEnd::Cancelled)
                .await;
        }
        let said: Vec<(String, String)> = batch
            .iter()
            .map(|call| (call.name.clone(), call.arguments.clone()))
            .collect();
        let ids: Vec<ItemId> = batch.iter().map(|call| call.item.id).collect();
        let changes = batch.iter().any(|call| {
            let tool = self.deps.tools.get(&call.name);
            tool.is_some_and(|tool| tool.capability() > Capability::Read)
        });
        let runs = batch.into_iter().map(|call| {
            // Only names of our own: what a model makes up may hold anything.
            let known = self.deps.tools.get(&call.name).is_some();
            let name = if known {
                call.name.clone()
            } else {
                "unknown".to_owned()
            };
            self.run_call(call, desk)
                .instrument(info_span!("tool", name))
        });
        let ends = futures::future::join_all(runs).await;
        if changes {
            self.tell_changes(desk).await;
        }
        let mut worst = ToolsEnd::Answered;
        let mut open = Vec::new();
        for ((end, id), (name, arguments)) in ends.into_iter().zip(ids).zip(said) {
            match end {
                CallEnd::Answered(result) => {
                    if let Err(reason) = guard.note(&name, &arguments, &result)
                        && matches!(worst, ToolsEnd::Answered)
                    {
                        worst = ToolsEnd::Limit(cards::tool_limit(&reason));
                    }
                }
                CallEnd::Fatal(reason) => worst = ToolsEnd::Limit(cards::tool_fatal(reason)),
                CallEnd::Cancelled { ran_ms } => {
                    open.extend(
                        self.journal
                            .item(id)
                            .map(|item| interrupted_call(item, prompt::CALL_CANCELLED, ran_ms)),
                    );
                }
                CallEnd::Waiting => worst = ToolsEnd::Waiting,
                CallEnd::Storage(error) => return ToolsEnd::Storage(error),
            }
        }
        if open.is_empty() || matches!(worst, ToolsEnd::Waiting) {
            return worst;
        }
        self.end(open, ToolsEnd::Cancelled).await
    }

    /// Gives `reason` as the result of calls that will not run.
    async fn leave(&self, items: Vec<Item>, reason: &str, end: ToolsEnd) -> ToolsEnd {
        let items: Vec<Item> = items
            .into_iter()
            .map(|item| interrupted_call(item, reason, 0))
            .collect();
        self.end(items, end).await
    }

    /// Puts calls that have their result on disk, and shows them.
    async fn end(&self, items: Vec<Item>, end: ToolsEnd) -> ToolsEnd {
        if let Err(error) = self.deps.store.put_items(&items).await {
            return ToolsEnd::Storage(error);
        }
        for item in items {
            self.journal.emit(EventMsg::ItemCompleted { item });
        }
        end
    }

    /// How many files differ now.
    async fn tell_changes(&self, desk: &Desk) {
        let Some(journal) = desk.journal.clone() else {
            return;
        };
        match tokio::task::spawn_blocking(move || journal.changes()).await {
            Ok(Ok(changes)) => {
                let open = changes.iter().filter(|change| !change.kept).count();
                self.journal.emit(EventMsg::FilesChanged {
                    open: u32::try_from(open).unwrap_or(u32::MAX),
                });
            }
            Ok(Err(error)) => warn!(%error, "changes cannot be listed"),
            Err(error) => warn!(%error, "listing changes broke down"),
        }
    }
}
