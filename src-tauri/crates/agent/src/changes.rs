//! File changes of a session, looked at and taken back.
//!
//! Owns that nothing is taken back while a turn runs, and that the model learns of it. Refuses to know how it is done: the journal
//! does.

use std::path::PathBuf;

use nexus_checkpoints::{CheckpointError, Journal};
use nexus_protocol::{
    ErrorCard, EventMsg, FileChange, FileDiff, Item, ItemBody, ItemId, ItemStatus, UNDO_NAMES,
    UndoReport, UndoScope,
};
use nexus_store::StoreError;
use tokio::sync::oneshot;

use crate::{actor::Actor, cards};

/// Characters of a file's name that the model reads, at most.
const MAX_NAME: usize = 120;

type Reply<T> = oneshot::Sender<Result<T, ErrorCard>>;

/// What a handle asks about files.
pub(crate) enum FilesCommand {
    Changes(Reply<Vec<FileChange>>),
    Diff(PathBuf, Reply<FileDiff>),
    Undo {
        scope: UndoScope,
        force: bool,
        reply: Reply<UndoReport>,
    },
    Redo(Reply<UndoReport>),
    Keep(Option<PathBuf>, Reply<Vec<FileChange>>),
}

impl Actor {
    pub(crate) async fn files(&mut self, command: FilesCommand) {
        // A receiver that is gone has lost interest.
        match command {
            FilesCommand::Changes(reply) => {
                let _ = reply.send(self.with_journal(|journal| journal.changes()).await);
            }
            FilesCommand::Diff(path, reply) => {
                let _ = reply.send(self.with_journal(move |journal| journal.diff(&path)).await);
            }
            FilesCommand::Undo {
                scope,
                force,
                reply,
            } => {
                let done = self
                    .change(false, move |journal| journal.undo(&scope, force))
                    .await;
                let _ = reply.send(done);
            }
            FilesCommand::Redo(reply) => {
                let _ = reply.send(self.change(true, |journal| journal.redo()).await);
            }
            FilesCommand::Keep(path, reply) => {
                let kept = self
                    .with_journal(move |journal| {
                        journal.keep(path.as_deref())?;
                        journal.changes()
                    })
                    .await;
                if let Ok(changes) = &kept {
                    self.tell(changes);
                }
                let _ = reply.send(kept);
            }
        }
    }

    /// A change of files, which must not happen beside the agent's own.
    async fn change(
        &mut self,
        redone: bool,
        act: impl FnOnce(&Journal) -> Result<UndoReport, CheckpointError> + Send + 'static,
    ) -> Result<UndoReport, ErrorCard> {
        if self.is_busy() {
            return Err(cards::busy());
        }
        // One that was stopped may still be at its last file.
        self.stop_turn().await;
        self.load().await?;
        let done = self
            .with_journal(move |journal| Ok((act(journal)?, journal.changes()?)))
            .await;
        let (mut report, changes) = done?;
        self.tell(&changes);
        if let Err(error) = self.note(redone, &report.restored).await {
            tracing::error!(%error, "an undo could not be noted");
            report.lost.push(cards::undo_not_told(&error));
        }
        Ok(report)
    }

    /// Adds to the history what was put back: the model would go on from files that are no longer there.
    async fn note(&self, redone: bool, restored: &[String]) -> Result<(), StoreError> {
        let is_user = |item: &&Item| matches!(item.body, ItemBody::User { .. });
        let turn = self
            .journal
            .with_items(|items| items.iter().rev().find(is_user).map(|item| item.turn));
        let (Some(turn), false) = (turn, restored.is_empty()) else {
            return Ok(());
        };
        let item = Item {
            id: ItemId(self.deps.clock.new_uuid()),
            session: self.journal.summary().id,
            turn,
            // Of its own: it is no part of what the model said.
            step: self.journal.next_step(turn),
            position: self.journal.next_position(),
            created_at: self.deps.clock.now(),
            status: ItemStatus::Complete,
            body: ItemBody::Undo {
                redone,
                files: restored
                    .iter()
                    .take(UNDO_NAMES)
                    .map(|name| one_line(name))
                    .collect(),
                more: u32::try_from(restored.len().saturating_sub(UNDO_NAMES)).unwrap_or(u32::MAX),
            },
        };
        self.deps.store.put_item(&item).await?;
        self.journal.emit(EventMsg::ItemAdded { item });
        Ok(())
    }

    fn tell(&self, changes: &[FileChange]) {
        let open = changes.iter().filter(|change| !change.kept).count();
        self.journal.emit(EventMsg::FilesChanged {
            open: u32::try_from(open).unwrap_or(u32::MAX),
        });
    }

    async fn with_journal<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Journal) -> Result<T, CheckpointError> + Send + 'static,
    ) -> Result<T, ErrorCard> {
        let bench = std::sync::Arc::clone(&self.bench);
        let summary = self.journal.summary();
        let done = tokio::task::spawn_blocking(move || {
            // As a turn resolves it, or the two would be two journals.
            let folder = summary
                .folder
                .as_deref()
                .and_then(|folder| std::path::Path::new(folder).canonicalize().ok());
            act(&bench.journal(summary.id, folder.as_deref())?)
        });
        match done.await {
            Ok(done) => done.map_err(|error| cards::checkpoints(&error)),
            Err(error) => {
                tracing::error!(%error, "work on the changes broke down");
                Err(cards::internal())
            }
        }
    }
}

/// A name as it can stand in a sentence: the end tells more than the beginning where it is long.
fn one_line(name: &str) -> String {
    let name: Vec<char> = name
        .chars()
        .map(|c| {
            if c.is_control() || c.is_whitespace() {
                ' '
            } else {
                c
            }
        })
        .collect();
    match name.len().checked_sub(MAX_NAME) {
        None | Some(0) => name.into_iter().collect(),
        Some(over) => std::iter::once('…')
            .chain(name.into_iter().skip(over + 1))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(one_line("src/a\n\tb.rs"), "src/a  b.rs");
        let long = format!("{}/end.rs", "ä".repeat(500));
        let short = one_line(&long);
        assert_eq!(short.chars().count(), MAX_NAME);
        assert!(
            short.starts_with('…') && short.ends_with("/end.rs"),
            "{short}"
        );
    }
}
