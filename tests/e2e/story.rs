//! The main job, from the first start: the starter model answers, word by word; everything is there after a restart.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::app::{App, PATIENCE, Start, id};

/// A real model on a busy machine may take its time to load and to read a prompt.
const ANSWER: Duration = Duration::from_secs(120);

/// A small model may go on for minutes: what has been seen growing for so long may be stopped.
const LONG_ENOUGH: Duration = Duration::from_secs(8);

const LAST_ANSWER: &str = "[...document.querySelectorAll('[data-testid=\"message-assistant\"] .md')].at(-1)?.innerText ?? ''";

/// Waits until no answer is coming.
async fn rest(app: &App) {
    app.until_within(
        ANSWER,
        "the answer ends",
        "return !document.querySelector('[data-testid=\"stop\"]');",
    )
    .await;
}

async fn transcript(app: &App) -> String {
    app.text(&id("transcript")).await
}

#[tokio::test]
async fn from_the_first_start_to_the_last_word() {
    let data = tempfile::tempdir().unwrap();
    let app = Start::new(data.path()).open().await;

    // Three doors, one of them the starter.
    app.see("onboarding").await;
    for door in ["door-starter", "door-file", "door-key"] {
        app.see(door).await;
    }
    app.picture("story-1-first-run").await;
    app.click("onboarding-starter").await;
    app.see("composer").await;
    app.until(
        "nothing to send yet",
        "return document.querySelector('[data-testid=send]').disabled;",
    )
    .await;

    // Tokens appear one after another: the text is seen at many lengths, each a continuation of the one before.
    app.send("Write a long story about a river and the people who live by it.")
        .await;
    let mut seen = BTreeSet::new();
    let asked = Instant::now();
    let mut last = String::new();
    loop {
        let text = app
            .js(&format!("return {LAST_ANSWER};"))
            .await
            .as_str()
            .unwrap_or("")
            .to_owned();
        if !text.is_empty() {
            seen.insert(text.len());
            last = text;
        }
        let going = app
            .js("return !!document.querySelector('[data-testid=\"stop\"]');")
            .await;
        if going == Value::Bool(true) && seen.len() >= 10 && asked.elapsed() > LONG_ENOUGH {
            app.js("document.querySelector('[data-testid=\"stop\"]')?.click(); return null;")
                .await;
            rest(&app).await;
            break;
        }
        if going == Value::Bool(false) && !last.is_empty() {
            break;
        }
        assert!(
            asked.elapsed() < ANSWER,
            "no answer: {}",
            transcript(&app).await
        );
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(
        seen.len() >= 5,
        "the answer was seen at {} lengths only",
        seen.len()
    );
    println!(
        "story: the answer was seen growing at {} lengths",
        seen.len()
    );
    assert!(
        app.count(".md p, .md li").await > 0,
        "Markdown is drawn as elements"
    );
    app.see("answer-facts").await;
    app.picture("story-2-answer").await;

    // Stop stops within a second.
    app.send("Write a very long story about a lighthouse keeper and the sea.")
        .await;
    app.until_within(
        ANSWER,
        "the second answer begins",
        &format!("return document.querySelectorAll('[data-testid=\"message-assistant\"]').length === 2 && ({LAST_ANSWER}).length > 20;"),
    )
    .await;
    let pressed = Instant::now();
    app.click("stop").await;
    app.until_within(
        PATIENCE,
        "it stops",
        "return !document.querySelector('[data-testid=\"stop\"]');",
    )
    .await;
    let stopped = pressed.elapsed();
    let length = app.js(&format!("return ({LAST_ANSWER}).length;")).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(
        app.js(&format!("return ({LAST_ANSWER}).length;")).await,
        length,
        "nothing comes after Stop"
    );
    assert!(stopped < Duration::from_secs(1), "Stop took {stopped:?}");
    println!("story: Stop took {} ms", stopped.as_millis());
    app.picture("story-3-stopped").await;

    // Closed and opened again: the same words.
    rest(&app).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    app.click("new-chat").await;
    app.click_css(&format!("{} .session-open", id("session-row")))
        .await;
    app.see("message-assistant").await;
    let before = transcript(&app).await;
    app.close().await;
    let app = Start::new(data.path()).open().await;
    app.click_css(&format!("{} .session-open", id("session-row")))
        .await;
    app.see("message-assistant").await;
    assert_eq!(app.count(&id("message-user")).await, 2);
    app.until_within(
        PATIENCE,
        "the same history",
        "return document.querySelectorAll('[data-testid=\"message-assistant\"]').length === 2;",
    )
    .await;
    // The models' names are read from their files a moment after the chat is there.
    app.until(
        "the model's name",
        "return document.querySelector('[data-testid=transcript]').innerText.includes('SmolLM2 135M');",
    )
    .await;
    assert_eq!(transcript(&app).await, before);
    println!(
        "story: {} bytes of history identical after the restart",
        before.len()
    );

    // Renamed.
    let row = id("session-row");
    app.js(&format!("document.querySelector('{row} .session-open').dispatchEvent(new MouseEvent('dblclick', {{ bubbles: true }})); return null;")).await;
    let field = app.see("rename-input").await;
    app.js("document.querySelector('[data-testid=\"rename-input\"]').select(); return null;")
        .await;
    field
        .send_keys("Fruits and a lighthouse\u{E007}")
        .await
        .unwrap();
    app.until(
        "the new title",
        &format!(
            "return document.querySelector('{row}')?.innerText.includes('Fruits and a lighthouse');"
        ),
    )
    .await;

    // Deleted, and brought back.
    app.click("session-menu").await;
    app.click("session-delete").await;
    app.until(
        "the row goes",
        &format!("return !document.querySelector('{row}');"),
    )
    .await;
    app.picture("story-4-deleted").await;
    app.click("toast-action").await;
    app.until(
        "the row is back",
        &format!(
            "return document.querySelector('{row}')?.innerText.includes('Fruits and a lighthouse');"
        ),
    )
    .await;
    app.click_css(&format!("{row} .session-open")).await;
    app.until_within(
        PATIENCE,
        "and its history",
        "return document.querySelectorAll('[data-testid=\"message-user\"]').length === 2;",
    )
    .await;
    app.close().await;
}
