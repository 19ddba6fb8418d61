//! The app itself: what a window needs to start, settings, links, health.

use nexus_protocol::{Bootstrap, DoctorReport, ErrorAction, ErrorCard, ErrorCode, SettingsView};
use serde_json::Value;
use tauri::State;

use crate::{Shell, links};

/// Characters of a report from the window that reach the log.
const MAX_REPORT: usize = 8 * 1024;

#[tauri::command]
pub async fn bootstrap(shell: State<'_, Shell>) -> Result<Bootstrap, ErrorCard> {
    shell
        .with(|core| async move { core.bootstrap().await })
        .await
}

#[tauri::command]
pub async fn settings(shell: State<'_, Shell>) -> Result<SettingsView, ErrorCard> {
    shell
        .with(|core| async move { core.settings().await })
        .await
}

#[tauri::command]
pub async fn setting_set(
    shell: State<'_, Shell>,
    name: String,
    value: Value,
) -> Result<SettingsView, ErrorCard> {
    shell
        .with(|core| async move { core.setting_set(name, value).await })
        .await
}

#[tauri::command]
pub async fn open_link(url: String) -> Result<(), ErrorCard> {
    links::open_link(&url)
}

#[tauri::command]
pub async fn open_data_dir(shell: State<'_, Shell>) -> Result<(), ErrorCard> {
    let folder = shell.data_dir().ok_or_else(|| {
        ErrorCard::new(
            ErrorCode::Storage,
            "There is no data folder",
            "The app could not work out where to keep its data. Set NEXUS_DATA_DIR and start again.",
            ErrorAction::None,
        )
    })?;
    links::open_folder(&folder)
}

#[tauri::command]
pub async fn doctor(shell: State<'_, Shell>) -> Result<DoctorReport, ErrorCard> {
    shell.with(|core| async move { core.doctor().await }).await
}

/// A panic or a script error in the window, for the log.
#[tauri::command]
pub async fn report_ui_error(message: String) -> Result<(), ErrorCard> {
    let message: String = message.chars().take(MAX_REPORT).collect();
    tracing::error!(target: "nexus_ui", %message, "the window reported an error");
    Ok(())
}
