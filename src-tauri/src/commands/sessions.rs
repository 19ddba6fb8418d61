//! The list of chats.

use nexus_protocol::{ErrorCard, ModelRef, SessionId, SessionSummary};
use tauri::State;

use crate::Shell;

#[tauri::command]
pub async fn sessions(shell: State<'_, Shell>) -> Result<Vec<SessionSummary>, ErrorCard> {
    shell
        .with(|core| async move { core.sessions().await })
        .await
}

#[tauri::command]
pub async fn session_create(
    shell: State<'_, Shell>,
    model: Option<ModelRef>,
) -> Result<SessionSummary, ErrorCard> {
    shell
        .with(|core| async move { core.session_create(model).await })
        .await
}

#[tauri::command]
pub async fn session_rename(
    shell: State<'_, Shell>,
    session: SessionId,
    title: String,
) -> Result<SessionSummary, ErrorCard> {
    shell
        .with(|core| async move { core.session_rename(session, title).await })
        .await
}

#[tauri::command]
pub async fn session_delete(shell: State<'_, Shell>, session: SessionId) -> Result<(), ErrorCard> {
    shell
        .with(|core| async move { core.session_delete(session).await })
        .await
}

#[tauri::command]
pub async fn session_restore(
    shell: State<'_, Shell>,
    session: SessionId,
) -> Result<SessionSummary, ErrorCard> {
    shell
        .with(|core| async move { core.session_restore(session).await })
        .await
}
