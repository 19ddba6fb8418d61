//! Downloads, and what else happens outside sessions.

use leptos::{
    prelude::{Callback, GetUntracked, Set},
    task::spawn_local,
};
use nexus_protocol::{AppEvent, Download, DownloadId, DownloadRequest, DownloadStatus, ErrorCard};

use super::{
    chat::one_line,
    models::{reload_lists, show_downloads, use_model},
};
use crate::{
    format,
    ipc::client,
    state::{Aftermath, App, Page},
};

/// Reads all downloads: once, at the start; what they do then comes as events.
pub fn load_downloads(app: App) {
    spawn_local(async move {
        match client::downloads().await {
            Ok(all) => all.into_iter().for_each(|one| app.library.add(one)),
            Err(card) => drop(app.view.say(one_line(&card), true, None)),
        }
    });
}

/// Begins a download.
///
/// # Errors
/// The core's card: why it cannot begin.
pub async fn get_model(app: App, request: DownloadRequest) -> Result<(), ErrorCard> {
    let download = client::download_start(request).await?;
    app.library.add(download);
    Ok(())
}

/// Stops a download for now.
pub fn pause_download(app: App, id: DownloadId) {
    spawn_local(async move { take(app, client::download_pause(id).await) });
}

/// Goes on with a download.
pub fn resume_download(app: App, id: DownloadId) {
    spawn_local(async move { take(app, client::download_resume(id).await) });
}

/// Ends a download and removes what came of it; takes one that is done off the list.
pub fn cancel_download(app: App, id: DownloadId) {
    spawn_local(async move {
        match client::download_cancel(id).await {
            Ok(()) => app.library.forget(id),
            Err(card) => drop(app.view.say(one_line(&card), true, None)),
        }
    });
}

fn take(app: App, answer: Result<Download, ErrorCard>) {
    match answer {
        Ok(download) => app.library.add(download),
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

/// Takes in what happened outside sessions.
pub(super) fn happened(app: App, events: Vec<AppEvent>) {
    let mut lists_are_old = false;
    for event in events {
        match app.library.apply(event) {
            Aftermath::None => {}
            Aftermath::ListsAreOld => lists_are_old = true,
            Aftermath::Ended(download) => ended(app, &download),
        }
    }
    if lists_are_old {
        reload_lists(app);
    }
}

/// Says how a download ended to those who do not look at it.
fn ended(app: App, download: &Download) {
    let name = format::download_name(download);
    let looking = app.view.page.get_untracked() == Page::Models;
    match &download.status {
        DownloadStatus::Done { model } => {
            let words = format!("{name} is ready");
            app.store.announcement.set(words.clone());
            if !looking {
                let model = model.clone();
                let act = Callback::new(move |()| use_model(app, model.clone()));
                app.view.say(words, false, Some(("Use".into(), act)));
            }
        }
        DownloadStatus::Failed { error } => {
            let words = format!("{name} could not be fetched: {}", error.title);
            app.store.announcement.set(words.clone());
            if !looking {
                let act = Callback::new(move |()| show_downloads(app));
                app.view.say(words, true, Some(("Look".into(), act)));
            }
        }
        _ => {}
    }
}
