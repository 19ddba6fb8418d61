//! Files that the agent changed, and taking it back.

use std::path::PathBuf;

use nexus_protocol::{ErrorCard, FileChange, FileDiff, SessionId, UndoReport, UndoScope};
use tauri::State;

use crate::Shell;

#[tauri::command]
pub async fn changes(
    shell: State<'_, Shell>,
    session: SessionId,
) -> Result<Vec<FileChange>, ErrorCard> {
    shell
        .with(|core| async move { core.changes(session).await })
        .await
}

#[tauri::command]
pub async fn change_diff(
    shell: State<'_, Shell>,
    session: SessionId,
    path: PathBuf,
) -> Result<FileDiff, ErrorCard> {
    shell
        .with(|core| async move { core.change_diff(session, path).await })
        .await
}

#[tauri::command]
pub async fn undo(
    shell: State<'_, Shell>,
    session: SessionId,
    scope: UndoScope,
    force: bool,
) -> Result<UndoReport, ErrorCard> {
    shell
        .with(|core| async move { core.undo(session, scope, force).await })
        .await
}

#[tauri::command]
pub async fn redo(shell: State<'_, Shell>, session: SessionId) -> Result<UndoReport, ErrorCard> {
    shell
        .with(|core| async move { core.redo(session).await })
        .await
}

#[tauri::command]
pub async fn keep(
    shell: State<'_, Shell>,
    session: SessionId,
    path: Option<PathBuf>,
) -> Result<Vec<FileChange>, ErrorCard> {
    shell
        .with(|core| async move { core.keep(session, path).await })
        .await
}
