//! The actor of one session: takes commands one after another, runs at most one turn.
//!
//! Owns when a turn may start and how it is stopped. Refuses to own what a turn does.

use std::sync::Arc;

use nexus_protocol::{ErrorCard, EventMsg, Op, SessionSummary, Snapshot};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinHandle},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    AgentDeps, cards,
    changes::FilesCommand,
    journal::Journal,
    title,
    turn::{self, Answered, Signals, Turn, Waiting},
    workbench::Workbench,
};

/// What a handle asks.
pub(crate) enum Command {
    Submit {
        op: Op,
        reply: oneshot::Sender<Result<(), ErrorCard>>,
    },
    Snapshot(oneshot::Sender<Result<Snapshot, ErrorCard>>),
    Files(FilesCommand),
    IsRunning(oneshot::Sender<bool>),
    Changed {
        summary: SessionSummary,
        reply: oneshot::Sender<()>,
    },
    Deleted(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

pub(crate) struct Actor {
    pub(crate) deps: AgentDeps,
    pub(crate) journal: Arc<Journal>,
    pub(crate) bench: Arc<Workbench>,
    loaded: bool,
    deleted: bool,
    turn: Option<Running>,
    /// Names the session; gives way to any operation.
    naming: Option<Naming>,
    naming_attempts: u32,
    /// What the offline switch was when it was last looked at.
    offline: bool,
}

struct Running {
    signals: Signals,
    task: JoinHandle<Option<Answered>>,
}

impl Running {
    fn is_ending(&self) -> bool {
        self.signals.cancel.is_cancelled() || self.signals.ending.is_cancelled()
    }
}

struct Naming {
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

/// Tries to name one session; each costs a model call.
const MAX_NAMING_ATTEMPTS: u32 = 3;

impl Actor {
    pub(crate) fn new(summary: SessionSummary, deps: AgentDeps) -> Self {
        let journal = Arc::new(Journal::new(summary, Arc::clone(&deps.events)));
        Self {
            bench: Arc::new(Workbench::new(deps.checkpoints.clone())),
            deps,
            journal,
            loaded: false,
            deleted: false,
            turn: None,
            naming: None,
            naming_attempts: 0,
            offline: false,
        }
    }

    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let stopped = loop {
            tokio::select! {
                biased;
                ended = ended(&mut self.turn) => {
                    if let Some(answered) = self.turn_ended(ended) {
                        self.name(answered);
                    }
                }
                () = self.deps.offline.turned(self.offline) => self.offline_turned().await,
                command = commands.recv() => match command {
                    None => break None,
                    Some(Command::Stop(reply)) => break Some(reply),
                    Some(command) => self.handle(command).await,
                },
            }
        };
        // No new commands: what is still in the queue is answered with "closed" when it is dropped.
        commands.close();
        self.stop_naming().await;
        if let Some(running) = &self.turn {
            // What waits for the user's word waits on, past the restart.
            running.signals.leaving.cancel();
        }
        self.stop_turn().await;
        self.bench.tools.close().await;
        if let Some(reply) = stopped {
            let _ = reply.send(());
        }
    }

    async fn offline_turned(&mut self) {
        self.offline = !self.offline;
        if self.offline {
            // A running turn sees to its own call; programs in the background have nobody else.
            self.bench.tools.go_offline().await;
        }
    }

    async fn handle(&mut self, command: Command) {
        // A receiver that is gone has lost interest; nothing depends on it.
        match command {
            Command::Submit { op, reply } => self.submit(op, reply).await,
            Command::Snapshot(reply) => {
                let loaded = self.load().await;
                let _ = reply.send(loaded.map(|()| self.journal.snapshot()));
            }
            Command::Files(command) => self.files(command).await,
            Command::IsRunning(reply) => {
                let _ = reply.send(self.is_busy());
            }
            Command::Changed { summary, reply } => {
                self.deleted = false;
                self.journal.change(summary);
                let _ = reply.send(());
            }
            Command::Deleted(reply) => {
                self.deleted = true;
                self.stop_naming().await;
                self.stop_turn().await;
                self.journal.emit(EventMsg::SessionDeleted);
                let _ = reply.send(());
            }
            // `run` has taken it.
            Command::Stop(_) => {}
        }
    }

    async fn submit(&mut self, op: Op, reply: oneshot::Sender<Result<(), ErrorCard>>) {
        self.stop_naming().await;
        if let Op::Interrupt = op {
            if let Some(running) = &self.turn {
                running.signals.cancel.cancel();
            }
            let _ = reply.send(Ok(()));
            return;
        }
        if let Op::Approve {
            item,
            nonce,
            fingerprint,
            answer,
        } = &op
            && self.is_busy()
        {
            let taken = self
                .bench
                .approvals
                .answer(*item, *nonce, fingerprint, answer.clone());
            let _ = reply.send(taken);
            return;
        }
        if let Err(card) = self.ready().await {
            let _ = reply.send(Err(card));
            return;
        }
        let signals = Signals::default();
        let turn = Turn::new(
            self.deps.clone(),
            Arc::clone(&self.journal),
            Arc::clone(&self.bench),
            signals.clone(),
        );
        self.turn = Some(Running {
            signals,
            task: tokio::spawn(turn.run(op, reply)),
        });
    }

    /// Whether a turn may start now.
    async fn ready(&mut self) -> Result<(), ErrorCard> {
        if self.deleted {
            return Err(cards::deleted());
        }
        if let Some(running) = &self.turn {
            if !running.is_ending() {
                return Err(cards::busy());
            }
            // It is about to end: a person who stopped it and wrote on need not be told to wait.
            self.stop_turn().await;
        }
        self.load().await
    }

    /// Reads the items, once.
    pub(crate) async fn load(&mut self) -> Result<(), ErrorCard> {
        if self.loaded {
            return Ok(());
        }
        let session = self.journal.summary().id;
        let mut items = self.deps.store.items(session).await.map_err(|error| {
            error!(%session, %error, "items cannot be read");
            cards::storage(&error)
        })?;
        turn::queue_beside_questions(&mut items);
        self.journal.load(items);
        self.loaded = true;
        // A core that did not recover its store first: the transcript is made valid here.
        let closed = turn::close_leftovers(&self.deps.store, &self.journal, Waiting::Stays).await;
        if let Err(error) = closed {
            warn!(%session, %error, "items of an earlier run cannot be closed");
        }
        Ok(())
    }

    /// Whether a turn runs that is not about to end.
    pub(crate) fn is_busy(&self) -> bool {
        self.turn.as_ref().is_some_and(|it| !it.is_ending())
    }

    pub(crate) async fn stop_turn(&mut self) {
        if let Some(running) = &self.turn {
            running.signals.cancel.cancel();
            let ended = ended(&mut self.turn).await;
            // Who stops a turn wants something else of the model than a title.
            self.turn_ended(ended);
        }
    }

    fn turn_ended(&mut self, ended: Result<Option<Answered>, JoinError>) -> Option<Answered> {
        self.turn = None;
        match ended {
            Ok(answered) => answered,
            Err(error) => {
                // The panic itself is in the log already, by the hook.
                error!(%error, "a turn broke down");
                if let Some(turn) = self.journal.running() {
                    self.journal.emit(EventMsg::TurnFailed {
                        turn,
                        error: cards::internal(),
                    });
                }
                None
            }
        }
    }

    fn name(&mut self, answered: Answered) {
        let wanted = (self.deps.settings)().auto_title
            && !self.deleted
            && self.naming_attempts < MAX_NAMING_ATTEMPTS
            && title::is_due(&self.journal.summary());
        if !wanted {
            return;
        }
        self.naming_attempts += 1;
        let cancel = CancellationToken::new();
        let task = title::name(
            self.deps.clone(),
            Arc::clone(&self.journal),
            answered,
            cancel.clone(),
        );
        self.naming = Some(Naming {
            cancel,
            task: tokio::spawn(task),
        });
    }

    /// The model is free for the user again when this returns.
    async fn stop_naming(&mut self) {
        if let Some(naming) = self.naming.take() {
            naming.cancel.cancel();
            if let Err(error) = naming.task.await {
                error!(%error, "naming a session broke down");
            }
        }
    }
}

/// Waits for the running turn; for ever where none runs. Dropping this future loses nothing.
async fn ended(turn: &mut Option<Running>) -> Result<Option<Answered>, JoinError> {
    match turn {
        Some(running) => (&mut running.task).await,
        None => std::future::pending().await,
    }
}
