//! What the tools of one session work with from turn to turn: the folder, the journal of changes, jobs, open questions.
//!
//! Owns when these are opened and closed. Refuses to run tools.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use nexus_checkpoints::{CheckpointError, Checkpoints, Journal};
use nexus_protocol::{Mode, SessionId, SessionSummary};
use nexus_tools::{SessionTools, Workspace};

use crate::approvals::Approvals;

/// One a session, for the life of its actor.
pub(crate) struct Workbench {
    pub(crate) approvals: Approvals,
    pub(crate) tools: Arc<SessionTools>,
    checkpoints: Checkpoints,
    journal: Mutex<Option<Opened>>,
}

struct Opened {
    folder: Option<PathBuf>,
    journal: Journal,
}

impl Workbench {
    pub(crate) fn new(checkpoints: Checkpoints) -> Self {
        Self {
            approvals: Approvals::default(),
            tools: Arc::default(),
            checkpoints,
            journal: Mutex::default(),
        }
    }

    /// The journal of changes. Reads files: call it where blocking is no harm.
    ///
    /// # Errors
    /// Where it cannot be read; then nothing may be changed.
    pub(crate) fn journal(
        &self,
        session: SessionId,
        folder: Option<&Path>,
    ) -> Result<Journal, CheckpointError> {
        let mut held = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = held.as_ref()
            && opened.folder.as_deref() == folder
        {
            return Ok(opened.journal.clone());
        }
        let journal = self.checkpoints.session(session, folder)?;
        *held = Some(Opened {
            folder: folder.map(Path::to_path_buf),
            journal: journal.clone(),
        });
        Ok(journal)
    }
}

/// Where a turn works.
#[derive(Clone)]
pub(crate) struct Desk {
    /// The working folder; `None` where there is none or it cannot be opened.
    pub(crate) workspace: Option<Arc<Workspace>>,
    /// `None` where changes cannot be recorded: then none are made.
    pub(crate) journal: Option<Journal>,
}

impl Desk {
    /// Opens what the session's summary names. Blocks.
    pub(crate) fn open(bench: &Workbench, summary: &SessionSummary) -> Self {
        let folder = summary.folder.as_deref().map(Path::new);
        let workspace = folder.and_then(|folder| match Workspace::open(folder) {
            Ok(workspace) => Some(Arc::new(workspace)),
            Err(error) => {
                tracing::warn!(%error, "the working folder cannot be opened");
                None
            }
        });
        let root = workspace.as_ref().map(|workspace| workspace.root());
        let journal = match bench.journal(summary.id, root) {
            Ok(journal) => Some(journal),
            Err(error) => {
                tracing::error!(%error, "changes cannot be recorded");
                None
            }
        };
        Self { workspace, journal }
    }
}

/// What a model is told of the place it works in.
pub(crate) fn place(summary: &SessionSummary) -> Option<(&str, Mode)> {
    summary
        .folder
        .as_deref()
        .map(|folder| (folder, summary.mode))
}
