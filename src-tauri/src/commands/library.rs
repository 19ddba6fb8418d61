//! Models to be had and models on this disk: search, details, what other apps have, the folder.

use std::path::PathBuf;

use nexus_protocol::{
    ErrorCard, FoundModel, HubDetails, HubPage, LocalModels, ModelInfo, ModelsPlace,
};
use tauri::{AppHandle, Runtime, State};
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

use crate::Shell;

#[tauri::command]
pub async fn models_search(
    shell: State<'_, Shell>,
    query: String,
    cursor: Option<String>,
) -> Result<HubPage, ErrorCard> {
    shell
        .with(|core| async move { core.models_search(query, cursor).await })
        .await
}

#[tauri::command]
pub async fn models_details(
    shell: State<'_, Shell>,
    id: String,
    context: Option<u32>,
) -> Result<HubDetails, ErrorCard> {
    shell
        .with(|core| async move { core.models_details(id, context).await })
        .await
}

#[tauri::command]
pub async fn models_local(shell: State<'_, Shell>) -> Result<LocalModels, ErrorCard> {
    shell
        .with(|core| async move { core.models_local().await })
        .await
}

#[tauri::command]
pub async fn models_found(shell: State<'_, Shell>) -> Result<Vec<FoundModel>, ErrorCard> {
    shell
        .with(|core| async move { core.models_found().await })
        .await
}

#[tauri::command]
pub async fn models_place(shell: State<'_, Shell>) -> Result<ModelsPlace, ErrorCard> {
    shell
        .with(|core| async move { core.models_place().await })
        .await
}

#[tauri::command]
pub async fn models_move(shell: State<'_, Shell>, to: PathBuf) -> Result<ModelsPlace, ErrorCard> {
    shell
        .with(|core| async move { core.models_move(to).await })
        .await
}

/// Asks for the folder to move the models to, with the system's dialog; `None` where the user thought better of it.
#[tauri::command]
pub async fn models_pick_folder<R: Runtime>(
    app: AppHandle<R>,
) -> Result<Option<PathBuf>, ErrorCard> {
    let (chosen, choice) = oneshot::channel();
    app.dialog()
        .file()
        .set_title("Choose a folder for models")
        .pick_folder(move |folder| drop(chosen.send(folder)));
    Ok(choice
        .await
        .ok()
        .flatten()
        .and_then(|folder| folder.into_path().ok()))
}

/// Takes a model of another app in, by a link.
#[tauri::command]
pub async fn model_take(shell: State<'_, Shell>, path: PathBuf) -> Result<ModelInfo, ErrorCard> {
    shell
        .with(|core| async move { core.model_take(path).await })
        .await
}
