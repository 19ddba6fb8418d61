//! The handle of a session: what the core holds and calls.
//!
//! Owns the commands to the actor. Refuses to own any state: the actor has it.

use std::path::PathBuf;

use nexus_protocol::{
    ErrorCard, FileChange, FileDiff, SessionSummary, Snapshot, Submission, UndoReport, UndoScope,
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    AgentDeps,
    actor::{Actor, Command},
    cards,
    changes::FilesCommand,
};

/// A running session. Cheap to clone; the session ends, and with it its turn, when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct SessionHandle {
    // Unbounded: each command comes from a person or a test, and a full queue must not keep an Interrupt out.
    commands: mpsc::UnboundedSender<Command>,
}

impl SessionHandle {
    /// Starts the actor of a session that the store knows. Must be called within a Tokio runtime. Sequence numbers start
    /// at 1: keep one handle a session for the life of the core, also while the session is deleted and may be restored.
    pub fn spawn(summary: SessionSummary, deps: AgentDeps) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Actor::new(summary, deps).run(receiver));
        Self { commands }
    }

    /// Asks for something; returns once it is accepted. A `UserTurn` is accepted when its item is on disk.
    ///
    /// # Errors
    /// The card to show where it is refused; then nothing was changed, and a front end keeps the text: `BadInput` (empty,
    /// nothing to retry or continue), `Busy`, `ModelMissing` and what the resolver says, `MessageTooLong`, `Storage`.
    pub async fn submit(&self, submission: Submission) -> Result<(), ErrorCard> {
        let Submission { op, .. } = submission;
        self.ask(|reply| Command::Submit { op, reply }).await?
    }

    /// The session as it stands. Events after its `last_seq` continue from it.
    ///
    /// # Errors
    /// `Storage` where the items cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot, ErrorCard> {
        self.ask(Command::Snapshot).await?
    }

    /// Tells the session that its title or model was changed in the store, or that it was made or restored.
    pub async fn changed(&self, summary: SessionSummary) {
        // An actor that ended has nobody to tell.
        let _ = self.ask(|reply| Command::Changed { summary, reply }).await;
    }

    /// Tells the session that it was deleted: a running turn is interrupted, later ones are refused until [`Self::changed`].
    pub async fn deleted(&self) {
        let _ = self.ask(Command::Deleted).await;
    }

    /// Interrupts a running turn, waits until its transcript is on disk, and ends the actor.
    pub async fn stop(&self) {
        let _ = self.ask(Command::Stop).await;
    }

    /// Whether a turn runs.
    pub async fn is_running(&self) -> bool {
        self.ask(Command::IsRunning).await.unwrap_or(false)
    }

    /// Files that differ from what they were before the session.
    ///
    /// # Errors
    /// `Storage` where the journal or a file cannot be read.
    pub async fn changes(&self) -> Result<Vec<FileChange>, ErrorCard> {
        self.files(FilesCommand::Changes).await
    }

    /// What changed in one file.
    ///
    /// # Errors
    /// As [`Self::changes`].
    pub async fn change_diff(&self, path: PathBuf) -> Result<FileDiff, ErrorCard> {
        self.files(|reply| FilesCommand::Diff(path, reply)).await
    }

    /// Takes changes back; with `force` also where somebody changed a file since.
    ///
    /// # Errors
    /// `Busy` while a turn runs; `Storage` where files cannot be read or written.
    pub async fn undo(&self, scope: UndoScope, force: bool) -> Result<UndoReport, ErrorCard> {
        self.files(|reply| FilesCommand::Undo {
            scope,
            force,
            reply,
        })
        .await
    }

    /// Does again what the last undo took back.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub async fn redo(&self) -> Result<UndoReport, ErrorCard> {
        self.files(FilesCommand::Redo).await
    }

    /// Marks a file, or all, as looked at. What differs, as it stands then.
    ///
    /// # Errors
    /// `Storage` where the journal cannot be written.
    pub async fn keep(&self, path: Option<PathBuf>) -> Result<Vec<FileChange>, ErrorCard> {
        self.files(|reply| FilesCommand::Keep(path, reply)).await
    }

    async fn files<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, ErrorCard>>) -> FilesCommand,
    ) -> Result<T, ErrorCard> {
        self.ask(|reply| Command::Files(command(reply))).await?
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, ErrorCard> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .map_err(|_| cards::closed())?;
        answer.await.map_err(|_| cards::closed())
    }
}
