//! Sessions and turns.

use leptos::{
    prelude::{Callback, GetUntracked, Set, WithUntracked},
    task::spawn_local,
};
use nexus_protocol::{Attachment, ErrorAction, ErrorCard, Mode, Op, SessionId, Submission};

use super::{go_to_settings, settings::set_offline};
use crate::{
    browser,
    ipc::{client, feed},
    state::{App, Draft, OpenSession, Page},
};

/// Shows a session.
pub fn open_session(app: App, id: SessionId) {
    spawn_local(open(app, id));
}

async fn open(app: App, id: SessionId) {
    app.view.page.set(Page::Chat);
    app.view.drawer.set(false);
    app.view.send_error.set(None);
    if app.store.opened(id).is_none() {
        app.view.undo.set(None);
        app.store.open.set(Some(OpenSession::new(id)));
        feed::refresh(app.store, id).await;
        // The list of changed files must not hold up the reader.
        spawn_local(feed::refresh_changes(app.store, id));
    }
    app.view.focus();
}

/// Shows an empty chat. The session is made with its first message.
pub fn new_chat(app: App) {
    app.view.page.set(Page::Chat);
    app.view.drawer.set(false);
    app.view.send_error.set(None);
    app.store.open.set(None);
    app.view.focus();
}

/// Sends a message to the open session, or to a new one.
///
/// # Errors
/// The core's card where the message was not accepted: then nothing was said.
pub async fn send(app: App, text: String, attachments: Vec<Attachment>) -> Result<(), ErrorCard> {
    let open_now = app
        .store
        .open
        .with_untracked(|open| open.as_ref().map(|open| open.id));
    let session = match open_now {
        Some(id) => id,
        None => {
            let model = app
                .facts
                .settings
                .with_untracked(|view| view.as_ref()?.settings.default_model.clone());
            let mode = Some(app.view.new_mode.get_untracked());
            let folder = app.view.new_folder.get_untracked();
            let routing = app.view.new_routing.get_untracked();
            let summary = client::session_create(model, mode, folder, routing).await?;
            // What was chosen is the session's now; the next new chat begins careful again.
            app.view.new_mode.set(Mode::default());
            app.view.new_routing.set(None);
            app.view.new_folder.set(None);
            let id = summary.id;
            app.store.put(summary);
            // The words stay in the composer until they are accepted, whichever session it shows then.
            let draft = Draft {
                text: text.clone(),
                attachments: attachments.clone(),
            };
            app.view.keep_draft(Some(id), draft);
            open(app, id).await;
            id
        }
    };
    // What the turn changes is no part of the undo that could be taken back.
    app.view.redo.set(None);
    let op = Op::UserTurn {
        text,
        attachments,
        model: None,
    };
    submit(session, op).await
}

/// Stops the running turn.
pub fn stop(app: App) {
    let Some(open) = app.store.open.get_untracked() else {
        return;
    };
    if open.stopping.get_untracked() {
        return;
    }
    // Shown at once: ending a program and all it started takes the core a moment, and what it says meanwhile is work for the page.
    open.stopping.set(true);
    browser::after_frame(move || {
        spawn_local(async move {
            if let Err(card) = submit(open.id, Op::Interrupt).await {
                open.stopping.set(false);
                app.view.say(one_line(&card), true, None);
            }
        });
    });
}

/// Runs the last turn again.
pub fn retry(app: App) {
    ask(app, Op::Retry);
}

/// Goes on with an answer that was broken off.
pub fn go_on(app: App) {
    ask(app, Op::Continue);
}

pub(super) fn ask(app: App, op: Op) {
    let Some(open) = app.store.open.get_untracked() else {
        return;
    };
    spawn_local(async move {
        if let Err(card) = submit(open.id, op).await {
            app.view.say(one_line(&card), true, None);
        }
    });
}

pub(super) async fn submit(session: SessionId, op: Op) -> Result<(), ErrorCard> {
    client::submit(Submission {
        id: browser::submission_id(),
        session,
        op,
    })
    .await
}

/// Does what the button on an error card says.
pub fn perform(app: App, action: &ErrorAction) {
    match action {
        ErrorAction::None => {}
        ErrorAction::Retry | ErrorAction::RetryAt { .. } => retry(app),
        ErrorAction::Continue => go_on(app),
        ErrorAction::OpenProvider { provider } => go_to_settings(app, Some(provider.clone())),
        ErrorAction::ChooseModel => {
            app.view.page.set(Page::Chat);
            app.view.picker.set(true);
        }
        ErrorAction::NewChat => new_chat(app),
        ErrorAction::GoOnline => spawn_local(go_online_and_on(app)),
    }
}

/// Goes online, and on with what that had stopped.
async fn go_online_and_on(app: App) {
    let at_chat = app.view.page.with_untracked(|page| *page == Page::Chat);
    if set_offline(app, false).await
        && at_chat
        && let Some(open) = app.store.open.get_untracked()
    {
        // Refused where nothing was stopped: then there is nothing to say.
        let _nothing = submit(open.id, Op::Continue).await;
    }
}

/// Offers the cloud for the last message.
pub fn ask_cloud(app: App) {
    ask(app, Op::AskCloud);
}

/// Gives a session the user's title.
pub fn rename_session(app: App, id: SessionId, title: String) {
    spawn_local(async move {
        match client::session_rename(id, title).await {
            Ok(summary) => app.store.put(summary),
            Err(card) => drop(app.view.say(one_line(&card), true, None)),
        }
    });
}

/// Deletes a session and offers to bring it back.
pub fn delete_session(app: App, id: SessionId) {
    let title = app.store.row(id).map_or_else(String::new, |row| {
        row.summary.with_untracked(|summary| summary.title.clone())
    });
    spawn_local(async move {
        if let Err(card) = client::session_delete(id).await {
            app.view.say(one_line(&card), true, None);
            return;
        }
        app.store.forget(id);
        app.view.keep_draft(Some(id), Draft::default());
        let words = if title.is_empty() {
            "Chat deleted".to_owned()
        } else {
            format!("Deleted “{title}”")
        };
        let undo = Callback::new(move |()| restore_session(app, id));
        app.view.say(words, false, Some(("Undo".into(), undo)));
    });
}

fn restore_session(app: App, id: SessionId) {
    spawn_local(async move {
        match client::session_restore(id).await {
            Ok(summary) => app.store.put(summary),
            Err(card) => drop(app.view.say(one_line(&card), true, None)),
        }
    });
}

/// An error in one line, for a toast.
pub(super) fn one_line(card: &ErrorCard) -> String {
    if card.detail.is_empty() {
        card.title.clone()
    } else {
        format!("{}. {}", card.title, card.detail)
    }
}
