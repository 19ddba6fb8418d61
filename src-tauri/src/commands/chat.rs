//! Talking: submissions, events, search, and what a message needs to be shown.

use nexus_protocol::{
    AppEvent, ErrorCard, Event, HighlightSpan, ImageData, SearchHit, SessionId, Snapshot,
    Submission,
};
use tauri::{Runtime, State, Webview, ipc::Channel};

use crate::Shell;

#[tauri::command]
pub async fn subscribe<R: Runtime>(
    webview: Webview<R>,
    shell: State<'_, Shell>,
    channel: Channel<Vec<Event>>,
) -> Result<(), ErrorCard> {
    shell.forward(webview.label().to_owned(), channel).await
}

/// What happens outside all sessions: downloads, the models folder.
#[tauri::command]
pub async fn subscribe_app<R: Runtime>(
    webview: Webview<R>,
    shell: State<'_, Shell>,
    channel: Channel<Vec<AppEvent>>,
) -> Result<(), ErrorCard> {
    shell.forward_app(webview.label().to_owned(), channel).await
}

#[tauri::command]
pub async fn submit(shell: State<'_, Shell>, submission: Submission) -> Result<(), ErrorCard> {
    shell
        .with(|core| async move { core.submit(submission).await })
        .await
}

#[tauri::command]
pub async fn snapshot(shell: State<'_, Shell>, session: SessionId) -> Result<Snapshot, ErrorCard> {
    shell
        .with(|core| async move { core.snapshot(session).await })
        .await
}

#[tauri::command]
pub async fn search(
    shell: State<'_, Shell>,
    query: String,
    limit: u32,
) -> Result<Vec<SearchHit>, ErrorCard> {
    shell
        .with(|core| async move { core.search(query, limit).await })
        .await
}

#[tauri::command]
pub async fn highlight(
    shell: State<'_, Shell>,
    language: String,
    code: String,
) -> Result<Vec<HighlightSpan>, ErrorCard> {
    shell
        .with(|core| async move { core.highlight(language, code).await })
        .await
}

#[tauri::command]
pub async fn fetch_image(shell: State<'_, Shell>, url: String) -> Result<ImageData, ErrorCard> {
    shell
        .with(|core| async move { core.fetch_image(url).await })
        .await
}
