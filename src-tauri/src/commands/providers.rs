//! Providers and their keys. A key goes in; none comes out.

use nexus_core::SecretString;
use nexus_protocol::{ErrorCard, KeyStatus, KeyTest, ProviderEntry, ProviderView};
use tauri::State;

use crate::Shell;

#[tauri::command]
pub async fn provider_save(
    shell: State<'_, Shell>,
    entry: ProviderEntry,
) -> Result<Vec<ProviderView>, ErrorCard> {
    shell
        .with(|core| async move { core.provider_save(entry).await })
        .await
}

#[tauri::command]
pub async fn provider_remove(
    shell: State<'_, Shell>,
    provider: String,
) -> Result<Vec<ProviderView>, ErrorCard> {
    shell
        .with(|core| async move { core.provider_remove(provider).await })
        .await
}

#[tauri::command]
pub async fn key_set(
    shell: State<'_, Shell>,
    provider: String,
    key: String,
) -> Result<KeyStatus, ErrorCard> {
    let key = SecretString::from(key);
    shell
        .with(|core| async move { core.key_set(provider, key).await })
        .await
}

#[tauri::command]
pub async fn key_delete(shell: State<'_, Shell>, provider: String) -> Result<KeyStatus, ErrorCard> {
    shell
        .with(|core| async move { core.key_delete(provider).await })
        .await
}

#[tauri::command]
pub async fn key_test(shell: State<'_, Shell>, provider: String) -> Result<KeyTest, ErrorCard> {
    shell
        .with(|core| async move { core.key_test(provider).await })
        .await
}
