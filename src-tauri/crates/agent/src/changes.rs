//! File changes of a session, looked at and taken back.
//!
//! Owns that nothing is taken back while a turn runs. Refuses to know how: the journal does.

use std::path::PathBuf;

use nexus_checkpoints::{CheckpointError, Journal};
use nexus_protocol::{ErrorCard, EventMsg, FileChange, FileDiff, UndoReport, UndoScope};
use tokio::sync::oneshot;

use crate::{actor::Actor, cards};

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
                    .change(move |journal| journal.undo(&scope, force))
                    .await;
                let _ = reply.send(done);
            }
            FilesCommand::Redo(reply) => {
                let _ = reply.send(self.change(|journal| journal.redo()).await);
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
    async fn change<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Journal) -> Result<T, CheckpointError> + Send + 'static,
    ) -> Result<T, ErrorCard> {
        if self.is_busy() {
            return Err(cards::busy());
        }
        let done = self
            .with_journal(move |journal| Ok((act(journal)?, journal.changes()?)))
            .await;
        done.map(|(done, changes)| {
            self.tell(&changes);
            done
        })
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
