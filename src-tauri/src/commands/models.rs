//! Models: what there is, which one is chosen, files of the user's own.

use std::path::PathBuf;

use nexus_protocol::{
    ErrorCard, ImportMode, ModelCatalog, ModelInfo, ModelRef, ModelRemoved, SessionId,
};
use tauri::{AppHandle, Runtime, State};
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

use crate::Shell;

#[tauri::command]
pub async fn models(shell: State<'_, Shell>, refresh: bool) -> Result<ModelCatalog, ErrorCard> {
    shell
        .with(|core| async move { core.models(refresh).await })
        .await
}

#[tauri::command]
pub async fn model_select(
    shell: State<'_, Shell>,
    session: Option<SessionId>,
    model: ModelRef,
) -> Result<(), ErrorCard> {
    shell
        .with(|core| async move { core.model_select(session, model).await })
        .await
}

/// Asks for a file with the system's dialog; `None` where the user thought better of it.
#[tauri::command]
pub async fn model_pick_file<R: Runtime>(
    app: AppHandle<R>,
    shell: State<'_, Shell>,
) -> Result<Option<ModelInfo>, ErrorCard> {
    let (chosen, choice) = oneshot::channel();
    app.dialog()
        .file()
        .set_title("Choose a model file")
        // Of a folder any file of weights stands for it: the dialog chooses files.
        .add_filter("Models", &["gguf", "safetensors", "uqff"])
        .pick_file(move |file| drop(chosen.send(file)));
    let Some(path) = choice
        .await
        .ok()
        .flatten()
        .and_then(|file| file.into_path().ok())
    else {
        return Ok(None);
    };
    shell
        .with(|core| async move { core.model_import(path, ImportMode::Either).await })
        .await
        .map(Some)
}

#[tauri::command]
pub async fn model_import(
    shell: State<'_, Shell>,
    path: PathBuf,
    mode: Option<ImportMode>,
) -> Result<ModelInfo, ErrorCard> {
    let mode = mode.unwrap_or_default();
    shell
        .with(|core| async move { core.model_import(path, mode).await })
        .await
}

#[tauri::command]
pub async fn model_remove(
    shell: State<'_, Shell>,
    model: ModelRef,
) -> Result<ModelRemoved, ErrorCard> {
    shell
        .with(|core| async move { core.model_remove(model).await })
        .await
}

#[tauri::command]
pub async fn starter_install(shell: State<'_, Shell>) -> Result<ModelInfo, ErrorCard> {
    shell
        .with(|core| async move { core.starter_install().await })
        .await
}
