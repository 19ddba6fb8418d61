//! Files that the agent changed: reading the list, taking changes back, keeping them.

use leptos::{
    prelude::{Callback, GetUntracked, Set, Update},
    task::spawn_local,
};
use nexus_protocol::{ErrorCard, FileDiff, SessionId, UndoReport, UndoScope};

use super::chat::one_line;
use crate::{
    format,
    ipc::{client, feed},
    state::{App, Undo},
};

/// Reads the list again.
pub fn load_changes(app: App, session: SessionId) {
    spawn_local(feed::refresh_changes(app.store, session));
}

/// What changed in one file.
///
/// # Errors
/// The core's card.
pub async fn change_diff(session: SessionId, path: String) -> Result<FileDiff, ErrorCard> {
    client::change_diff(session, path).await
}

/// Takes changes back. Where somebody changed the files since, nothing is touched and the Changes panel asks.
pub async fn undo(app: App, session: SessionId, scope: UndoScope, force: bool) {
    match client::undo(session, scope.clone(), force).await {
        Ok(report) if !report.conflicts.is_empty() => {
            app.view.undo.set(Some(Undo {
                session,
                scope,
                report,
            }));
            app.view.changes.set(true);
        }
        Ok(report) => {
            app.view.undo.set(None);
            if !report.restored.is_empty() {
                app.view.redo.set(Some(session));
            }
            let words = match report.restored.len() {
                0 => "There was nothing to undo".to_owned(),
                count => format!("{} put back", format::count(count, "file", "files")),
            };
            let again = Callback::new(move |()| spawn_local(redo(app, session)));
            let redo = (!report.restored.is_empty()).then(|| ("Redo".to_owned(), again));
            say(app, words, &report, redo);
            feed::refresh_changes(app.store, session).await;
        }
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

/// Takes the last undo back.
pub async fn redo(app: App, session: SessionId) {
    match client::redo(session).await {
        Ok(report) if !report.conflicts.is_empty() => {
            let names: Vec<&str> = report.conflicts.iter().map(|c| c.shown.as_str()).collect();
            let words = format!(
                "Not done again: {} changed since the undo",
                names.join(", ")
            );
            app.view.say(words, true, None);
        }
        Ok(report) => {
            app.view.redo.set(None);
            let words = format!(
                "{} changed again",
                format::count(report.restored.len(), "file", "files")
            );
            say(app, words, &report, None);
            feed::refresh_changes(app.store, session).await;
        }
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

/// Marks a change, or all of them, as looked at.
pub async fn keep(app: App, session: SessionId, path: Option<String>) {
    let Some(open) = app.store.opened(session) else {
        return;
    };
    match client::keep(session, path).await {
        // The answer is the list as it stands: it overtakes one that is on the way.
        Ok(list) => open.take_changes(open.ask_changes(), Ok(list)),
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

/// Shows or hides the Changes panel of the open session.
pub fn toggle_changes(app: App) {
    app.view.changes.update(|open| *open = !*open);
    if app.view.changes.get_untracked()
        && let Some(open) = app.store.open.get_untracked()
    {
        load_changes(app, open.id);
    }
}

/// What was done, and what could not be.
fn say(app: App, words: String, report: &UndoReport, action: Option<(String, Callback<()>)>) {
    app.view.say(words, false, action);
    for line in &report.lost {
        app.view.say(line.clone(), true, None);
    }
}
