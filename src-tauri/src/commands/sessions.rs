//! The list of chats.

use std::path::PathBuf;

use nexus_protocol::{ErrorCard, Mode, ModelRef, NewSession, Routing, SessionId, SessionSummary};
use tauri::{AppHandle, Runtime, State};
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

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
    mode: Option<Mode>,
    folder: Option<String>,
    routing: Option<Routing>,
) -> Result<SessionSummary, ErrorCard> {
    let new = NewSession {
        model,
        mode,
        folder,
        routing,
        partner: None,
    };
    shell
        .with(|core| async move { core.session_create(new).await })
        .await
}

#[tauri::command]
pub async fn session_mode(
    shell: State<'_, Shell>,
    session: SessionId,
    mode: Mode,
) -> Result<SessionSummary, ErrorCard> {
    shell
        .with(|core| async move { core.session_mode(session, mode).await })
        .await
}

#[tauri::command]
pub async fn session_routing(
    shell: State<'_, Shell>,
    session: SessionId,
    routing: Option<Routing>,
) -> Result<SessionSummary, ErrorCard> {
    shell
        .with(|core| async move { core.session_routing(session, routing, None).await })
        .await
}

#[tauri::command]
pub async fn session_folder(
    shell: State<'_, Shell>,
    session: SessionId,
    folder: Option<PathBuf>,
) -> Result<SessionSummary, ErrorCard> {
    shell
        .with(|core| async move { core.session_folder(session, folder).await })
        .await
}

/// Asks for a folder with the system's dialog; `None` where the user thought better of it.
#[tauri::command]
pub async fn folder_pick<R: Runtime>(app: AppHandle<R>) -> Result<Option<PathBuf>, ErrorCard> {
    let (chosen, choice) = oneshot::channel();
    app.dialog()
        .file()
        .set_title("Choose the folder to work in")
        .pick_folder(move |folder| drop(chosen.send(folder)));
    let folder = choice.await.ok().flatten();
    Ok(folder.and_then(|folder| folder.into_path().ok()))
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
