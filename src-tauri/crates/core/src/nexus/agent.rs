//! What a session lets the agent do, and taking back what it did.

use std::path::{Path, PathBuf};

use nexus_protocol::{
    ErrorCard, FileChange, FileDiff, Mode, SandboxView, SessionId, SessionState, SessionSummary,
    UndoReport, UndoScope,
};

use super::Nexus;
use crate::cards;

impl Nexus {
    /// Sets how free the agent is in a session; a running turn keeps to it from its next call on.
    pub async fn session_mode(
        &self,
        id: SessionId,
        mode: Mode,
    ) -> Result<SessionSummary, ErrorCard> {
        let session = self.session(id).await?;
        let changed = self.inner.store.set_mode(id, mode).await;
        let summary = changed
            .map_err(|error| error.card())?
            .ok_or_else(cards::no_session)?;
        session.changed(summary.clone()).await;
        Ok(summary)
    }

    /// Sets the working folder of a session; `None` takes it away. What was allowed for the session is taken back.
    pub async fn session_folder(
        &self,
        id: SessionId,
        folder: Option<PathBuf>,
    ) -> Result<SessionSummary, ErrorCard> {
        let session = self.session(id).await?;
        let folder = match folder {
            Some(folder) => Some(self.check_folder(&folder).await?),
            None => None,
        };
        let changed = self.inner.store.set_folder(id, folder.as_deref()).await;
        let summary = changed
            .map_err(|error| error.card())?
            .ok_or_else(cards::no_session)?;
        session.changed(summary.clone()).await;
        Ok(summary)
    }

    /// Files that the agent changed in a session.
    pub async fn changes(&self, id: SessionId) -> Result<Vec<FileChange>, ErrorCard> {
        self.session(id).await?.changes().await
    }

    /// What changed in one of them.
    pub async fn change_diff(&self, id: SessionId, path: PathBuf) -> Result<FileDiff, ErrorCard> {
        self.session(id).await?.change_diff(path).await
    }

    /// Takes changes back; with `force` also where somebody changed a file since.
    pub async fn undo(
        &self,
        id: SessionId,
        scope: UndoScope,
        force: bool,
    ) -> Result<UndoReport, ErrorCard> {
        self.session(id).await?.undo(scope, force).await
    }

    /// Does again what the last undo took back.
    pub async fn redo(&self, id: SessionId) -> Result<UndoReport, ErrorCard> {
        self.session(id).await?.redo().await
    }

    /// Marks a file, or all, as looked at.
    pub async fn keep(
        &self,
        id: SessionId,
        path: Option<PathBuf>,
    ) -> Result<Vec<FileChange>, ErrorCard> {
        self.session(id).await?.keep(path).await
    }

    /// What confines programs here.
    pub(crate) fn sandbox_view(&self) -> SandboxView {
        let Some(sandbox) = self.inner.host.sandbox() else {
            return SandboxView {
                works: false,
                reason:
                    "The program nexus-sandbox is missing beside the app. Install the app again."
                        .to_owned(),
                layers: Vec::new(),
            };
        };
        let machine = sandbox.machine();
        let confines = machine.confines();
        SandboxView {
            works: confines.is_ok(),
            reason: confines
                .err()
                .map(|why| why.to_string())
                .unwrap_or_default(),
            layers: machine
                .layers
                .iter()
                .map(|layer| (layer.name.clone(), layer.works, layer.detail.clone()))
                .collect(),
        }
    }

    /// Sessions that run or wait for the user.
    ///
    /// # Errors
    /// The card to show where the database cannot be read: a chat that waits must not look as if it rested.
    pub(crate) async fn states(&self) -> Result<Vec<(SessionId, SessionState)>, ErrorCard> {
        let waiting = self.inner.store.awaiting_approval().await;
        let waiting = waiting.map_err(|error| error.card())?;
        let mut states: Vec<_> = waiting
            .into_iter()
            .map(|id| (id, SessionState::Waiting))
            .collect();
        let handles: Vec<_> = {
            let sessions = self.inner.sessions.lock().await;
            sessions.iter().map(|(id, it)| (*id, it.clone())).collect()
        };
        for (id, handle) in handles {
            if !states.iter().any(|(known, _)| *known == id) && handle.is_running().await {
                states.push((id, SessionState::Running));
            }
        }
        Ok(states)
    }

    /// A folder that a session may work in, as it is kept.
    pub(crate) async fn check_folder(&self, folder: &Path) -> Result<String, ErrorCard> {
        let (folder, data) = (folder.to_path_buf(), self.inner.data.root().to_path_buf());
        tokio::task::spawn_blocking(move || usable(&folder, &data))
            .await
            .map_err(cards::internal)?
    }
}

fn usable(folder: &Path, data: &Path) -> Result<String, ErrorCard> {
    let refused = |detail: String| cards::bad_input("This folder cannot be used", detail);
    let shown = folder.display();
    if !folder.is_absolute() {
        return Err(refused(format!(
            "{shown} is not written from its beginning."
        )));
    }
    let real = folder
        .canonicalize()
        .map_err(|error| refused(format!("{shown}: {error}. Choose another one.")))?;
    if !real.is_dir() {
        return Err(refused(format!("{shown} is a file. Choose a folder.")));
    }
    if real.parent().is_none() {
        return Err(refused(
            "That is the whole machine. Choose the folder that the work is in.".to_owned(),
        ));
    }
    if data.canonicalize().is_ok_and(|data| real.starts_with(data)) {
        return Err(refused(
            "The app keeps its own data there. Choose another one.".to_owned(),
        ));
    }
    std::fs::read_dir(&real)
        .map_err(|error| refused(format!("{shown} cannot be read: {error}.")))?;
    real.into_os_string().into_string().map_err(|_| {
        refused(format!(
            "The name of {shown} is no valid text. Rename it first."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_exist_are_usable_and_others_say_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join("logs")).unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let real = folder.path().canonicalize().unwrap();
        assert_eq!(
            usable(folder.path(), &data).unwrap(),
            real.display().to_string()
        );
        for wrong in [
            PathBuf::from("relative"),
            folder.path().join("missing"),
            folder.path().join("file"),
            PathBuf::from("/"),
            data.clone(),
            data.join("logs"),
        ] {
            let card = usable(&wrong, &data).unwrap_err();
            assert_eq!(
                card.title,
                "This folder cannot be used",
                "{}",
                wrong.display()
            );
        }
    }

    #[tokio::test]
    async fn states_that_cannot_be_read_are_an_error_and_not_none() {
        let folder = tempfile::tempdir().unwrap();
        let nexus = Nexus::start(crate::CoreOptions::new(folder.path()))
            .await
            .unwrap();
        assert_eq!(nexus.states().await, Ok(Vec::new()));
        nexus.inner.store.close().await;
        let card = nexus.states().await.unwrap_err();
        assert_eq!(card.code, nexus_protocol::ErrorCode::Storage);
    }
}
