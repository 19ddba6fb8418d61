//! Settings, providers and their keys, links, the clipboard.

use leptos::{
    prelude::{Set, Update},
    task::spawn_local,
};
use nexus_protocol::{DoctorReport, ErrorCard, KeyStatus, KeyTest, ModelsPlace, ProviderEntry};
use serde_json::Value;

use super::{chat::one_line, load_models, load_place, search_models};
use crate::{
    browser,
    ipc::client,
    state::{App, Loaded, Page, SettingsSection},
};

/// Opens Settings, at a provider where one is named.
pub fn go_to_settings(app: App, provider: Option<String>) {
    let section = provider.map_or(SettingsSection::Top, SettingsSection::Provider);
    app.view.page.set(Page::Settings(section));
    app.view.drawer.set(false);
}

/// Changes one setting; the window shows what the core made of it.
pub fn set_setting(app: App, name: &'static str, value: Value) {
    spawn_local(async move {
        match client::setting_set(name.into(), value).await {
            Ok(view) => {
                app.facts.settings.set(Some(view));
                if name == "hub_url" {
                    // What another hub said does not hold for this one.
                    app.library.wanted.set(None);
                    load_place(app);
                    search_models(app);
                }
            }
            Err(card) => {
                app.view.say(one_line(&card), true, None);
                // The control shows what the user chose: bring back what holds.
                if let Ok(view) = client::settings().await {
                    app.facts.settings.set(Some(view));
                }
            }
        }
    });
}

/// Goes offline, or online again. Whether it is so then.
pub async fn set_offline(app: App, offline: bool) -> bool {
    match client::setting_set("offline".into(), Value::Bool(offline)).await {
        Ok(view) => {
            app.facts.settings.set(Some(view));
            // Which models can be used is another matter now.
            load_models(app, !offline);
            true
        }
        Err(card) => {
            app.view.say(one_line(&card), true, None);
            false
        }
    }
}

/// Goes online again.
pub fn go_online(app: App) {
    spawn_local(async move {
        set_offline(app, false).await;
    });
}

/// Stores a key.
///
/// # Errors
/// The core's card.
pub async fn save_key(app: App, provider: String, key: String) -> Result<(), ErrorCard> {
    let status = client::key_set(provider.clone(), key).await?;
    note_key(app, &provider, status);
    Ok(())
}

/// Forgets a key.
///
/// # Errors
/// The core's card.
pub async fn delete_key(app: App, provider: String) -> Result<(), ErrorCard> {
    let status = client::key_delete(provider.clone()).await?;
    note_key(app, &provider, status);
    Ok(())
}

/// Tries a key.
///
/// # Errors
/// The core's card where it could not be tried; a key that does not work is a [`KeyTest::Failed`].
pub async fn test_key(provider: String) -> Result<KeyTest, ErrorCard> {
    client::key_test(provider).await
}

fn note_key(app: App, provider: &str, status: KeyStatus) {
    if provider == ModelsPlace::TOKEN {
        app.library.place.update(|held| {
            if let Loaded::Ready { value, .. } = held {
                value.token = status;
            }
        });
        return;
    }
    app.facts.providers.update(|providers| {
        if let Some(held) = providers.iter_mut().find(|held| held.id == provider) {
            held.key = status;
        }
    });
    load_models(app, true);
}

/// Adds or changes a provider.
///
/// # Errors
/// The core's card.
pub async fn save_provider(app: App, entry: ProviderEntry) -> Result<(), ErrorCard> {
    let providers = client::provider_save(entry).await?;
    take_providers(app, providers).await;
    Ok(())
}

/// Removes a provider.
///
/// # Errors
/// The core's card.
pub async fn remove_provider(app: App, provider: String) -> Result<(), ErrorCard> {
    let providers = client::provider_remove(provider).await?;
    take_providers(app, providers).await;
    Ok(())
}

async fn take_providers(app: App, providers: Vec<nexus_protocol::ProviderView>) {
    app.facts.providers.set(providers);
    // The entries themselves, for the form, are part of the settings.
    if let Ok(view) = client::settings().await {
        app.facts.settings.set(Some(view));
    }
    load_models(app, true);
}

/// Looks at what the app needs on this machine.
///
/// # Errors
/// The core's card.
pub async fn check_health() -> Result<DoctorReport, ErrorCard> {
    client::doctor().await
}

/// Opens an address in the system's browser.
pub fn open_link(app: App, url: String) {
    spawn_local(async move {
        if let Err(card) = client::open_link(url).await {
            app.view.say(one_line(&card), true, None);
        }
    });
}

/// Opens the data folder.
pub fn open_data_dir(app: App) {
    spawn_local(async move {
        if let Err(card) = client::open_data_dir().await {
            app.view.say(one_line(&card), true, None);
        }
    });
}

/// Puts text on the clipboard and says so.
pub fn copy_text(app: App, text: String) {
    spawn_local(async move {
        if browser::copy(text).await {
            app.view.say("Copied".into(), false, None);
        } else {
            app.view
                .say("The clipboard could not be written".into(), true, None);
        }
    });
}
