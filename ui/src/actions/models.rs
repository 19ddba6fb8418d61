//! Models: the list, the choice, files of the user's own.

use leptos::{
    prelude::{GetUntracked, Set, Update, WithUntracked},
    task::spawn_local,
};
use nexus_protocol::{ErrorCard, ModelInfo, ModelRef, StarterStatus};

use super::chat::one_line;
use crate::{
    ipc::client,
    state::{App, Loaded},
};

/// Reads the list of models; `refresh` asks the providers again. What is shown stays until the new list is here.
pub fn load_models(app: App, refresh: bool) {
    let held = app.facts.catalog.get_untracked();
    app.facts.catalog.set(match held {
        Loaded::Ready { value, .. } => Loaded::Ready {
            value,
            refreshing: true,
        },
        _ => Loaded::Loading,
    });
    spawn_local(async move {
        match client::models(refresh).await {
            Ok(value) => app.facts.catalog.set(Loaded::Ready {
                value,
                refreshing: false,
            }),
            Err(card) => {
                let had = app
                    .facts
                    .catalog
                    .with_untracked(|held| held.value().is_some());
                if had {
                    app.facts.catalog.update(|held| {
                        if let Loaded::Ready { refreshing, .. } = held {
                            *refreshing = false;
                        }
                    });
                    app.view.say(one_line(&card), true, None);
                } else {
                    app.facts.catalog.set(Loaded::Failed(card));
                }
            }
        }
    });
}

/// Chooses a model for the open session and for new chats.
///
/// # Errors
/// The core's card.
pub async fn choose_model(app: App, model: ModelRef) -> Result<(), ErrorCard> {
    let session = app
        .store
        .open
        .with_untracked(|open| open.as_ref().map(|open| open.id));
    client::model_select(session, model.clone()).await?;
    let routed = session
        .and_then(|id| app.store.row(id))
        .is_some_and(|row| row.summary.with_untracked(|it| it.routing.is_some()));
    if routed {
        // Which of the two it became, the core says.
        return Ok(());
    }
    app.facts.choose_default(&model);
    if let Some(row) = session.and_then(|id| app.store.row(id)) {
        // The event says the same; this only spares the chip a moment of the old name.
        row.summary.update(|summary| summary.model = Some(model));
    }
    Ok(())
}

/// Puts the starter model in place.
///
/// # Errors
/// The core's card.
pub async fn install_starter(app: App) -> Result<ModelInfo, ErrorCard> {
    let info = client::starter_install().await?;
    app.facts.starter.set(Some(StarterStatus::Installed {
        model: info.model.clone(),
    }));
    load_models(app, false);
    Ok(info)
}

/// Lets the user choose a model file. `None` where the dialog was closed.
///
/// # Errors
/// The core's card: what is wrong with the file.
pub async fn pick_model_file(app: App) -> Result<Option<ModelInfo>, ErrorCard> {
    let info = client::model_pick_file().await?;
    if info.is_some() {
        load_models(app, false);
    }
    Ok(info)
}

/// Imports a model file by its path.
///
/// # Errors
/// The core's card: what is wrong with the file.
pub async fn import_model(app: App, path: String) -> Result<ModelInfo, ErrorCard> {
    let info = client::model_import(path).await?;
    load_models(app, false);
    Ok(info)
}

/// Removes a local model.
///
/// # Errors
/// The core's card.
pub async fn remove_model(app: App, model: ModelRef) -> Result<(), ErrorCard> {
    client::model_remove(model).await?;
    // The starter may be what went; only the core knows whether it can come back.
    if let Ok(bootstrap) = client::bootstrap().await {
        app.facts.starter.set(Some(bootstrap.starter));
        app.facts.settings.set(Some(bootstrap.settings));
    }
    load_models(app, false);
    Ok(())
}
