//! Whole tasks: a scripted model over the real tools, in the real window, from the message to the files; then all of it undone.
//!
//! The model is the only thing that is played: every call it makes is prepared, decided, shown, run and recorded as any other.

mod desk;
mod photos;
mod work;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use nexus_protocol::{Mode, ModelRef, SessionId, SessionSummary, TitleSource, UnixMillis};
use nexus_store::Store;
use nexus_test_support::{ScriptedServer, Sse};
use serde_json::Value;
use uuid::Uuid;

use self::desk::{Entry, tree};
use crate::app::{App, Start, id};

pub(crate) const MODEL: &str = "openai/gpt-4o-mini";
/// How long one task may take in the window.
const TASK_LIMIT: Duration = Duration::from_secs(120);

/// One task.
struct Task {
    name: &'static str,
    /// What the user says.
    ask: &'static str,
    mode: Mode,
    /// Makes the folder as the user has it.
    prepare: fn(&Path),
    /// The calls of each step, in order: tool and arguments.
    steps: Vec<Vec<(&'static str, Value)>>,
    /// What the model says at the end.
    answer: &'static str,
    /// What the folder must hold afterwards; every other file must be as it was.
    expect: fn(&mut BTreeMap<String, Entry>, &Path),
}

/// A session in the store: folder and mode as its user chose them.
pub(crate) async fn seed(data: &Path, folder: &Path, mode: Mode, title: &str) -> SessionId {
    let store = Store::open(&data.join("nexus.db")).unwrap();
    let id = SessionId(Uuid::now_v7());
    store
        .create_session(&SessionSummary {
            id,
            title: title.to_owned(),
            title_source: TitleSource::User,
            model: Some(ModelRef(format!("openrouter/{MODEL}"))),
            mode,
            folder: Some(folder.canonicalize().unwrap().display().to_string()),
            routing: None,
            partner: None,
            created_at: UnixMillis(1_750_000_000_000),
            updated_at: UnixMillis(1_750_000_000_000),
        })
        .await
        .unwrap();
    store.close().await;
    id
}

/// Settings that name the server as OpenRouter.
pub(crate) fn cloud_settings(server: &ScriptedServer) -> String {
    format!(
        "[[providers]]\nid = \"openrouter\"\nname = \"OpenRouter\"\nkind = \"openrouter\"\nbase_url = \"{}\"\nkey = \"none\"\n",
        server.base_url()
    )
}

/// What the model plays.
fn script(server: &ScriptedServer, task: &Task) {
    let mut number = 0;
    for calls in &task.steps {
        let mut answer = Sse::openrouter(MODEL);
        for (index, (name, arguments)) in calls.iter().enumerate() {
            number += 1;
            let id = format!("call_{number}");
            let index = u32::try_from(index).unwrap();
            answer = answer.tool_call(index, &id, name, &arguments.to_string());
        }
        server.push(answer.finish("tool_calls").usage(50, 20).done().answer());
    }
    server.push(Sse::reply(MODEL, task.answer).answer());
}

/// Says yes to each question until the turn ends; how many there were.
async fn answer_questions(app: &App, task: &Task) -> usize {
    let end = std::time::Instant::now() + TASK_LIMIT;
    let mut asked: Vec<String> = Vec::new();
    loop {
        let state = app
            .js(
                "const ask = document.querySelector('[data-testid=\"approve-once\"]');
                 if (ask) return 'asked ' + ask.closest('[data-item]').dataset.item;
                 if (document.querySelector('[data-testid=\"error-card\"]')) return 'failed';
                 const answered = document.querySelectorAll('[data-testid=\"answer-facts\"]').length > 0;
                 const running = document.querySelector('[data-testid=\"stop\"]');
                 return answered && !running ? 'done' : 'working';",
            )
            .await;
        match state.as_str().unwrap_or_default() {
            // One that was answered stays for a moment, until the core says so.
            question if question.starts_with("asked") => {
                if !asked.iter().any(|known| known == question) {
                    if asked.is_empty() {
                        app.picture(&format!("task-{}-question", task.name)).await;
                    }
                    asked.push(question.to_owned());
                    app.click("approve-once").await;
                }
            }
            "done" => return asked.len(),
            state => {
                if state == "failed" || std::time::Instant::now() > end {
                    app.picture("failure").await;
                    panic!("{}: {state}\n{}", task.name, app.text("body").await);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn run(task: Task) {
    let data = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    (task.prepare)(folder.path());
    let before = tree(folder.path());
    let server = ScriptedServer::start();
    server.set_pause(Duration::from_millis(1));
    fs::write(data.path().join("settings.toml"), cloud_settings(&server)).unwrap();
    seed(data.path(), folder.path(), task.mode, task.name).await;
    script(&server, &task);

    let app = Start::new(data.path())
        .env("NEXUS_DEFAULT_MODEL", format!("openrouter/{MODEL}"))
        .env("NEXUS_AUTO_TITLE", "false")
        .open()
        .await;
    app.click_css(&format!("{} .session-open", id("session-row")))
        .await;
    app.see("composer").await;
    app.send(task.ask).await;
    let asked = answer_questions(&app, &task).await;
    app.picture(&format!("task-{}-done", task.name)).await;

    let after = tree(folder.path());
    let mut expected = before.clone();
    (task.expect)(&mut expected, folder.path());
    desk::assert_same(task.name, &after, &expected);

    undo_all(&app, &task, before == after).await;
    desk::assert_same(task.name, &tree(folder.path()), &before);
    app.close().await;
    server.assert_clean();
    println!(
        "task {}: {} calls, {asked} questions, as expected; undone to the byte",
        task.name,
        task.steps.iter().map(Vec::len).sum::<usize>()
    );
}

/// The Changes panel's "Undo all".
async fn undo_all(app: &App, task: &Task, nothing_changed: bool) {
    if nothing_changed {
        assert_eq!(app.count(&id("changes-button")).await, 0, "{}", task.name);
        return;
    }
    app.click("changes-button").await;
    app.see("change-row").await;
    app.picture(&format!("task-{}-changes", task.name)).await;
    app.click("undo-all").await;
    app.until(
        "the changes are gone",
        "return !document.querySelector('[data-testid=\"change-row\"]');",
    )
    .await;
    app.picture(&format!("task-{}-undone", task.name)).await;
}
