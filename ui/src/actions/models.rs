//! Models on this machine: the lists, the choice, files of the user's own, the folder they are in.

use leptos::{
    prelude::{RwSignal, Set, Update, WithUntracked, request_animation_frame},
    task::spawn_local,
};
use nexus_protocol::{
    ErrorCard, ImportMode, ModelInfo, ModelRef, ModelRemoved, ModelsPlace, MoveProgress,
    StarterStatus,
};

use super::chat::one_line;
use crate::{
    browser,
    ipc::client::{self, Answer},
    state::{App, Loaded, Page},
};

/// Reads the list of models; `refresh` asks the providers again. What is shown stays until the new list is here.
pub fn load_models(app: App, refresh: bool) {
    reload(app, app.facts.catalog, client::models(refresh));
}

/// Reads what is in the models folder.
pub fn load_local(app: App) {
    reload(app, app.library.local, client::models_local());
}

/// Looks for models of other apps.
pub fn load_found(app: App) {
    reload(app, app.library.found, client::models_found());
}

/// Reads where models are kept and where they come from.
pub fn load_place(app: App) {
    reload(app, app.library.place, client::models_place());
}

/// Reads something of the core into its signal. What is shown stays until the new one is here.
pub(super) fn reload<T: Clone + Send + Sync + 'static>(
    app: App,
    into: RwSignal<Loaded<T>>,
    answer: impl Future<Output = Answer<T>> + 'static,
) {
    into.update(|held| match held {
        Loaded::Ready { refreshing, .. } => *refreshing = true,
        _ => *held = Loaded::Loading,
    });
    spawn_local(async move {
        match answer.await {
            Ok(value) => into.set(Loaded::Ready {
                value,
                refreshing: false,
            }),
            Err(card) => into.update(|held| match held {
                Loaded::Ready { refreshing, .. } => {
                    *refreshing = false;
                    app.view.say(one_line(&card), true, None);
                }
                _ => *held = Loaded::Failed(card),
            }),
        }
    });
}

/// Reads anew what changes when a model comes to this disk or goes.
pub(super) fn reload_lists(app: App) {
    load_models(app, false);
    load_local(app);
    load_place(app);
    // Looking through other apps' folders takes a while: only where somebody looked before.
    if app
        .library
        .found
        .with_untracked(|found| found.value().is_some())
    {
        load_found(app);
    }
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

/// Chooses a model and goes to the chat: the open one, or a new one.
pub fn use_model(app: App, model: ModelRef) {
    app.view.page.set(Page::Chat);
    app.view.send_error.set(None);
    spawn_local(async move {
        if let Err(card) = choose_model(app, model).await {
            app.view.send_error.set(Some(card));
        }
        app.view.focus();
    });
}

/// Opens the Models page at its lists, with the focus in the search field.
pub fn go_to_models(app: App) {
    app.library.wanted.set(None);
    app.view.page.set(Page::Models);
    app.view.drawer.set(false);
    request_animation_frame(|| browser::focus("[data-testid=models-search]"));
}

/// Shows the downloads: they stand over the lists, where nothing is searched.
pub fn show_downloads(app: App) {
    app.library.query.set(String::new());
    go_to_models(app);
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
    reload_lists(app);
    Ok(info)
}

/// Lets the user choose a model file. `None` where the dialog was closed.
///
/// # Errors
/// The core's card: what is wrong with the file.
pub async fn pick_model_file(app: App) -> Result<Option<ModelInfo>, ErrorCard> {
    let info = client::model_pick_file().await?;
    if info.is_some() {
        reload_lists(app);
    }
    Ok(info)
}

/// Imports a model file by its path, which may be written as an address.
///
/// # Errors
/// The core's card: what is wrong with the file.
pub async fn import_model(
    app: App,
    path: String,
    mode: ImportMode,
) -> Result<ModelInfo, ErrorCard> {
    let path = match path.strip_prefix("file://") {
        Some(address) => browser::decode(address),
        None => path,
    };
    let info = client::model_import(path, mode).await?;
    reload_lists(app);
    Ok(info)
}

/// Takes a model of another app in, without copying it.
///
/// # Errors
/// The core's card: what is wrong with the file.
pub async fn take_model(app: App, path: String) -> Result<ModelInfo, ErrorCard> {
    let info = client::model_take(path).await?;
    reload_lists(app);
    Ok(info)
}

/// Removes a local model.
///
/// # Errors
/// The core's card.
pub async fn remove_model(app: App, model: ModelRef) -> Result<ModelRemoved, ErrorCard> {
    let removed = client::model_remove(model).await?;
    // The starter may be what went; only the core knows whether it can come back.
    if let Ok(bootstrap) = client::bootstrap().await {
        app.facts.starter.set(Some(bootstrap.starter));
        app.facts.settings.set(Some(bootstrap.settings));
    }
    reload_lists(app);
    Ok(removed)
}

/// Lets the user choose a folder and moves all models there. `None` where the dialog was closed.
///
/// # Errors
/// The core's card: what stands in the way.
pub async fn move_models(app: App) -> Result<Option<ModelsPlace>, ErrorCard> {
    let Some(to) = client::models_pick_folder().await? else {
        return Ok(None);
    };
    app.library.moving.set(Some(MoveProgress {
        to: to.clone(),
        done: 0,
        total: 0,
    }));
    let moved = client::models_move(to).await;
    app.library.moving.set(None);
    let place = moved?;
    app.library.place.set(Loaded::Ready {
        value: place.clone(),
        refreshing: false,
    });
    reload_lists(app);
    Ok(Some(place))
}
