//! Hostile Markdown in the real window: nothing runs, nothing is fetched, and the page holds only what the renderer allows.

use std::{collections::BTreeSet, path::Path, time::Duration};

use nexus_protocol::{
    Item, ItemBody, ItemId, ItemStatus, Mode, ModelRef, SessionId, SessionSummary, TitleSource,
    TurnId, UnixMillis,
};
use nexus_store::Store;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::{App, Start},
    canary::Canary,
};

/// Payloads a session, so that one window never holds them all and a failure names its neighbourhood.
const SESSION: usize = 40;

#[derive(Deserialize)]
struct Payload {
    name: String,
    markdown: String,
}

fn payloads(canary: &Canary) -> Vec<Payload> {
    let text = include_str!("../fixtures/hostile_markdown.json");
    let mut payloads: Vec<Payload> = serde_json::from_str(text).unwrap();
    for payload in &mut payloads {
        payload.markdown = payload.markdown.replace("CANARY", &canary.authority());
    }
    payloads
}

/// Writes the payloads as chats: each in a user message, a thought, a title and an answer.
async fn seed(data: &Path, payloads: &[Payload]) -> Vec<SessionId> {
    let store = Store::open(&data.join("nexus.db")).unwrap();
    let mut sessions = Vec::new();
    for (number, chunk) in payloads.chunks(SESSION).enumerate() {
        let session = SessionId(Uuid::now_v7());
        let at = UnixMillis(1_750_000_000_000 + i64::try_from(number).unwrap());
        let summary = SessionSummary {
            id: session,
            // Titles are shown too.
            title: chunk[0].markdown.chars().take(80).collect(),
            title_source: TitleSource::User,
            model: None,
            mode: Mode::Ask,
            folder: None,
            routing: None,
            partner: None,
            created_at: at,
            updated_at: at,
        };
        store.create_session(&summary).await.unwrap();
        let mut items = Vec::new();
        for payload in chunk {
            let turn = TurnId(Uuid::now_v7());
            let bodies = [
                ItemBody::User {
                    text: payload.markdown.clone(),
                    attachments: vec![],
                },
                ItemBody::Thinking {
                    text: payload.markdown.clone(),
                    duration_ms: Some(1),
                },
                ItemBody::Assistant {
                    text: payload.markdown.clone(),
                    model: ModelRef("local/<img src=x onerror=window.__pwned=1>".into()),
                    meta: None,
                },
            ];
            for body in bodies {
                items.push(Item {
                    id: ItemId(Uuid::now_v7()),
                    session,
                    turn,
                    step: 0,
                    position: u32::try_from(items.len()).unwrap(),
                    created_at: at,
                    status: ItemStatus::Complete,
                    body,
                });
            }
        }
        store.put_items(&items).await.unwrap();
        sessions.push(session);
    }
    sessions
}

/// Opens a chat; says whether all its answers were drawn.
async fn drawn(app: &App, session: SessionId, expected: usize) -> bool {
    app.click_css(&format!(
        "[data-testid=\"session-row\"][data-session=\"{session}\"] .session-open"
    ))
    .await;
    let script = format!(
        "return document.querySelectorAll('[data-testid=\"message-assistant\"]').length === {expected};"
    );
    for _ in 0..200 {
        if app.js(&script).await == Value::Bool(true) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

/// Prints what the window reported to the log.
fn print_reports(data: &Path) {
    for entry in std::fs::read_dir(data.join("logs"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        for line in text.lines().filter(|line| line.contains("nexus_ui")) {
            println!("{line}");
        }
    }
}

/// Elements and attributes within the messages that the renderer does not allow, as `tag` or `tag@attribute`.
async fn strangers(app: &App) -> Vec<String> {
    let elements: BTreeSet<&str> = nexus_ui::markdown::allowed_elements().collect();
    let attributes: BTreeSet<&str> = nexus_ui::markdown::allowed_attributes().collect();
    let script = r"
        const [elements, attributes] = [arguments[0], arguments[1]].map(list => new Set(list));
        const strange = new Set();
        for (const root of document.querySelectorAll('.md')) {
          for (const e of root.querySelectorAll('*')) {
            const tag = e.localName;
            if (!elements.has(tag)) strange.add(tag);
            for (const a of e.attributes) {
              const ok = attributes.has(a.name) || a.name.startsWith('aria-');
              if (!ok) strange.add(`${tag}@${a.name}`);
              const value = a.value.replace(/[\x00-\x20]/g, '').toLowerCase();
              if (['href', 'src', 'action', 'formaction', 'xlink:href', 'srcdoc'].includes(a.name)
                  && !/^(https?:|mailto:|data:image\/|#)/.test(value)) strange.add(`${tag}@${a.name}=${value.slice(0, 40)}`);
            }
          }
        }
        return [...strange];
    ";
    let found = app
        .client
        .execute(script, vec![json!(elements), json!(attributes)])
        .await
        .unwrap();
    serde_json::from_value(found).unwrap()
}

#[tokio::test]
async fn two_hundred_payloads_do_nothing() {
    let data = tempfile::tempdir().unwrap();
    let canary = Canary::start();
    let payloads = payloads(&canary);
    assert!(payloads.len() >= 200, "{} payloads", payloads.len());
    let sessions = seed(data.path(), &payloads).await;
    let start = Start::new(data.path()).env("NEXUS_DEFAULT_MODEL", "local/smollm2-135m");
    let app = start.open().await;
    let mut rendered = 0;
    let only: Option<usize> = std::env::var("HOSTILE_FROM")
        .ok()
        .map(|v| v.parse().unwrap());
    for (n, session) in sessions.iter().enumerate() {
        if only.is_some_and(|from| n < from) {
            rendered += SESSION;
            continue;
        }
        let expected = payloads[rendered..].len().min(SESSION);
        if !drawn(&app, *session, expected).await {
            app.picture("hostile-stalled").await;
            print_reports(data.path());
            panic!("the page stopped drawing in chat {session}; see its reports above");
        }
        // What is folded away is drawn too, and everything clickable that is not a link is clicked as a user might hover and click.
        app.js("document.querySelectorAll('[data-testid=\"thinking\"] button').forEach(b => b.click()); return null;").await;
        app.js("document.querySelectorAll('.md *').forEach(e => { for (const t of ['mouseover', 'focus', 'pointerenter', 'animationstart', 'error', 'load', 'toggle']) e.dispatchEvent(new Event(t)); }); return null;").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let names: Vec<&str> = payloads[rendered..rendered + expected]
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        assert_eq!(
            app.js("return window.__pwned === undefined;").await,
            Value::Bool(true),
            "a script ran among {names:?}"
        );
        assert_eq!(
            canary.take(),
            Vec::<String>::new(),
            "a request was made among {names:?}"
        );
        assert_eq!(
            strangers(&app).await,
            Vec::<String>::new(),
            "among {names:?}"
        );
        rendered += expected;
    }
    app.picture("hostile").await;
    println!(
        "markdown: {rendered} payloads rendered, 0 scripts run, 0 requests, 0 strange elements"
    );
    app.close().await;
}
