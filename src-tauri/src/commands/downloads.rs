//! Downloads of models. What they do afterwards comes as events.

use nexus_protocol::{Download, DownloadId, DownloadRequest, ErrorCard};
use tauri::State;

use crate::Shell;

#[tauri::command]
pub async fn downloads(shell: State<'_, Shell>) -> Result<Vec<Download>, ErrorCard> {
    shell
        .with(|core| async move { core.downloads().await })
        .await
}

#[tauri::command]
pub async fn download_start(
    shell: State<'_, Shell>,
    request: DownloadRequest,
) -> Result<Download, ErrorCard> {
    shell
        .with(|core| async move { core.download_start(request).await })
        .await
}

#[tauri::command]
pub async fn download_pause(
    shell: State<'_, Shell>,
    id: DownloadId,
) -> Result<Download, ErrorCard> {
    shell
        .with(|core| async move { core.download_pause(id).await })
        .await
}

#[tauri::command]
pub async fn download_resume(
    shell: State<'_, Shell>,
    id: DownloadId,
) -> Result<Download, ErrorCard> {
    shell
        .with(|core| async move { core.download_resume(id).await })
        .await
}

/// Ends a download and removes what came; one that is done goes off the list, and its model stays.
#[tauri::command]
pub async fn download_cancel(shell: State<'_, Shell>, id: DownloadId) -> Result<(), ErrorCard> {
    shell
        .with(|core| async move { core.download_cancel(id).await })
        .await
}
