//! What the user takes back is told to the model, once, and stays told.

use std::{fs, path::Path};

use nexus_protocol::{
    ChatMessage, EventMsg, Item, ItemBody, Mode, UNDO_NAMES, UndoScope, UserPart,
};
use serde_json::json;

use crate::{
    harness::Harness,
    model::{call, stop, text, tools},
};

/// A turn that writes these files.
async fn writes(harness: &Harness, names: &[String]) {
    let mut script = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let arguments = json!({ "path": name, "content": format!("{name}\n") }).to_string();
        let id = format!("c{index}");
        script.extend(call(index as u32, &id, "write_file", &arguments));
    }
    script.push(tools());
    harness.model.plays(script);
    harness.model.plays(vec![text("Written."), stop()]);
    let end = harness.user_turn("Write").await;
    assert!(
        matches!(end, EventMsg::TurnCompleted { .. }),
        "{}",
        harness.story()
    );
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What the model reads as the user's last message in the turn that `words` begin.
async fn read_with(harness: &Harness, words: &str) -> Vec<ChatMessage> {
    harness.model.plays(vec![text("I see."), stop()]);
    harness.user_turn(words).await;
    harness.model.requests().pop().unwrap().messages
}

fn last_words(messages: &[ChatMessage]) -> String {
    let Some(ChatMessage::User { parts }) = messages.last() else {
        panic!("{messages:?}");
    };
    match parts.as_slice() {
        [UserPart::Text { text }] => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn notes(items: &[Item]) -> Vec<&ItemBody> {
    let is_note = |body: &&ItemBody| matches!(body, ItemBody::Undo { .. });
    items
        .iter()
        .map(|item| &item.body)
        .filter(is_note)
        .collect()
}

const UNDONE: &str = "They are no longer as you left them; look at them before you build on them, and do not repeat the changes unless asked.]";

#[tokio::test]
async fn the_next_request_says_what_was_undone_and_done_again() {
    let mut harness = Harness::new().await;
    let work = harness.works(Mode::Edits).await;
    writes(&harness, &names(&["a.txt", "b.txt"])).await;
    let before = harness.model.requests().pop().unwrap().messages;

    // One file, then all, then all of that again.
    let path = work.canonicalize().unwrap().join("a.txt");
    let path = path.to_str().unwrap().to_owned();
    let report = harness.session.undo(UndoScope::File { path }, false).await;
    assert_eq!(report.unwrap().restored, ["a.txt"]);
    assert!(!exists(&work, "a.txt") && exists(&work, "b.txt"));
    let messages = read_with(&harness, "Go on").await;
    assert_eq!(messages[..before.len()], before);
    assert_eq!(
        last_words(&messages),
        format!("[The user has undone changes of yours to these files: “a.txt”. {UNDONE}\n\nGo on")
    );

    harness.session.undo(UndoScope::All, false).await.unwrap();
    harness.session.redo().await.unwrap();
    assert!(exists(&work, "b.txt"));
    // It is part of the history: a restart takes nothing from it.
    harness.session.stop().await;
    harness.restart().await;
    let later = read_with(&harness, "And now?").await;
    assert_eq!(later[..messages.len()], messages);
    assert_eq!(
        last_words(&later),
        format!(
            "[The user has undone changes of yours to these files: “b.txt”. {UNDONE}\n\n[The user has done your changes to these files again, which had been undone: “b.txt”. Look at them before you go on.]\n\nAnd now?"
        )
    );
    let snapshot = harness.snapshot().await;
    assert_eq!(notes(&snapshot.items).len(), 3);
    let stored = harness.store.items(harness.summary.id).await.unwrap();
    assert_eq!(stored, snapshot.items);
    assert_eq!(harness.model.faults(), Vec::<String>::new());
}

fn exists(work: &Path, name: &str) -> bool {
    work.join(name).exists()
}

#[tokio::test]
async fn many_files_are_counted_rather_than_named() {
    let harness = Harness::new().await;
    harness.settings.lock().unwrap().max_tool_calls = 50;
    harness.works(Mode::Edits).await;
    let many: Vec<String> = (0..UNDO_NAMES + 5)
        .map(|number| format!("{number:02}-{}.txt", "n".repeat(180)))
        .collect();
    writes(&harness, &many).await;
    harness.session.undo(UndoScope::All, false).await.unwrap();
    let snapshot = harness.snapshot().await;
    let [
        ItemBody::Undo {
            files,
            more,
            redone: false,
        },
    ] = notes(&snapshot.items)[..]
    else {
        panic!("{}", harness.story());
    };
    assert_eq!((files.len(), *more), (UNDO_NAMES, 5));
    let words = last_words(&read_with(&harness, "Go on").await);
    assert!(words.contains(", 5 more. "), "{words}");
    assert!(words.len() < 4000, "{} bytes", words.len());
    harness.check().await;
}

#[tokio::test]
async fn an_undo_that_touches_nothing_says_nothing() {
    let harness = Harness::new().await;
    let work = harness.works(Mode::Edits).await;
    writes(&harness, &names(&["a.txt"])).await;
    // Somebody changed it since: nothing is put back over that.
    fs::write(work.join("a.txt"), "mine\n").unwrap();
    let report = harness.session.undo(UndoScope::All, false).await.unwrap();
    assert_eq!(report.conflicts.len(), 1);
    assert_eq!(last_words(&read_with(&harness, "Go on").await), "Go on");
    assert!(notes(&harness.snapshot().await.items).is_empty());
    harness.check().await;
}
