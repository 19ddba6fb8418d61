//! What the user says to the agent at work: answers to its questions, how free it is, in which folder, and how much it
//! carries along.

use leptos::{
    prelude::{GetUntracked, Set},
    task::spawn_local,
};
use nexus_protocol::{
    Approval, ApprovalAnswer, CloudOffer, ErrorCard, ItemId, Mode, Op, Routing, SessionId,
};

use super::chat::{ask, one_line, send, submit};
use crate::{ipc::client, state::App};

/// What starts a plan.
const CARRY_OUT: &str = "Carry out the plan.";

/// Answers a question. The answer is bound to what the user saw: nonce and fingerprint are the question's own.
///
/// # Errors
/// The core's card where it took no answer.
pub async fn answer(
    session: SessionId,
    item: ItemId,
    approval: Approval,
    answer: ApprovalAnswer,
) -> Result<(), ErrorCard> {
    let op = Op::Approve {
        item,
        nonce: approval.nonce,
        fingerprint: approval.fingerprint,
        answer,
    };
    submit(session, op).await
}

/// Says how free the agent is: in the open session, or in the chat that the next message begins.
pub fn set_mode(app: App, mode: Mode) {
    spawn_local(async move {
        if let Err(card) = change_mode(app, mode).await {
            app.view.say(one_line(&card), true, None);
        }
    });
}

async fn change_mode(app: App, mode: Mode) -> Result<(), ErrorCard> {
    match app.store.open.get_untracked() {
        Some(open) => app.store.put(client::session_mode(open.id, mode).await?),
        None => app.view.new_mode.set(mode),
    }
    Ok(())
}

/// Says where answers are made: in the open session, or in the chat that the next message begins. Ends when the core has answered.
pub async fn set_routing(app: App, routing: Option<Routing>) {
    let Some(open) = app.store.open.get_untracked() else {
        app.view.new_routing.set(routing);
        return;
    };
    match client::session_routing(open.id, routing).await {
        Ok(summary) => app.store.put(summary),
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

/// Answers the question whether the turn may go on in the cloud.
///
/// # Errors
/// The core's card where it took no answer.
pub async fn answer_offer(
    session: SessionId,
    item: ItemId,
    offer: CloudOffer,
    answer: ApprovalAnswer,
) -> Result<(), ErrorCard> {
    let op = Op::Approve {
        item,
        nonce: offer.nonce,
        fingerprint: offer.fingerprint,
        answer,
    };
    submit(session, op).await
}

/// Lets the user choose a working folder.
pub fn pick_folder(app: App) {
    spawn_local(async move {
        match client::folder_pick().await {
            Ok(Some(folder)) => change_folder(app, Some(folder)).await,
            Ok(None) => {}
            Err(card) => drop(app.view.say(one_line(&card), true, None)),
        }
    });
}

/// Takes the working folder away.
pub fn remove_folder(app: App) {
    spawn_local(change_folder(app, None));
}

async fn change_folder(app: App, folder: Option<String>) {
    let Some(open) = app.store.open.get_untracked() else {
        app.view.new_folder.set(folder);
        return;
    };
    match client::session_folder(open.id, folder).await {
        Ok(summary) => app.store.put(summary),
        Err(card) => drop(app.view.say(one_line(&card), true, None)),
    }
}

/// Puts what was said so far into few words.
pub fn compact(app: App) {
    ask(app, Op::Compact);
}

/// Takes a summary back.
pub fn undo_compaction(app: App, item: ItemId) {
    ask(app, Op::UndoCompaction { item });
}

/// Lets the agent change files, and tells it to do what it planned.
pub fn start_plan(app: App) {
    spawn_local(async move {
        let started = match change_mode(app, Mode::Edits).await {
            Ok(()) => send(app, CARRY_OUT.to_owned(), Vec::new()).await,
            Err(card) => Err(card),
        };
        if let Err(card) = started {
            app.view.send_error.set(Some(card));
        }
    });
}
