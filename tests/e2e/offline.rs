//! Offline by choice, where answers are made, and the command line. What needs no network runs once more without any, under a trace
//! of connections: `cargo xtask test --only alone`.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use nexus_test_support::{Answer, ScriptedServer, Sse};
use serde_json::Value;

use crate::{
    app::{App, Start, id},
    driver::required,
};

const KEY: &str = "sk-offline-canary-0815";

/// A provider on this machine, and one elsewhere whose name leads nowhere.
fn settings(data: &Path, server: &ScriptedServer, more: &str) {
    let text = format!(
        "auto_title = false\n{more}\n[[providers]]\nid = \"here\"\nname = \"Here\"\nbase_url = \"{}\"\nkey = \"env:NEXUS_TEST_KEY\"\n\
         [[providers]]\nid = \"far\"\nname = \"Far\"\nbase_url = \"https://far.invalid/v1\"\nkey = \"none\"\n",
        server.base_url()
    );
    fs::write(data.join("settings.toml"), text).unwrap();
    server.expect_key(KEY);
}

async fn open(data: &Path) -> App {
    Start::new(data).env("NEXUS_TEST_KEY", KEY).open().await
}

/// A setting is changed as a user does it.
async fn toggle(app: &App, name: &str) {
    app.click("settings").await;
    app.click(&format!("setting-{name}")).await;
}

#[tokio::test]
async fn the_switch_is_seen_holds_and_goes_with_a_click() {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    settings(data.path(), &server, "default_model = \"here/small\"");
    let app = open(data.path()).await;
    app.see("composer").await;
    assert_eq!(app.count(&id("banner-offline")).await, 0);
    toggle(&app, "offline").await;
    app.see("banner-offline").await;
    app.picture("offline-1-settings").await;
    // This machine answers as before, and the answer says where it was made.
    app.click("new-chat").await;
    server.push(Sse::reply("small", "From here.").answer());
    app.send("Hi").await;
    app.until(
        "the answer's place",
        "return document.querySelector('[data-testid=\"answer-place\"]')?.innerText === 'On this machine';",
    )
    .await;
    app.picture("offline-2-answer").await;
    let saved = fs::read_to_string(data.path().join("settings.toml")).unwrap();
    assert!(saved.contains("offline = true"), "{saved}");
    app.click("banner-offline").await;
    app.until(
        "online again",
        "return !document.querySelector('[data-testid=\"banner-offline\"]');",
    )
    .await;
    let saved = fs::read_to_string(data.path().join("settings.toml")).unwrap();
    assert!(saved.contains("offline = false"), "{saved}");
    app.close().await;
}

#[tokio::test]
async fn offline_the_cloud_is_refused_with_the_way_out() {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    settings(
        data.path(),
        &server,
        "offline = true\ndefault_model = \"far/large\"",
    );
    let app = open(data.path()).await;
    app.see("banner-offline").await;
    app.send("Hi").await;
    app.see_css("[data-testid=\"error-card\"][data-code=\"offline\"]")
        .await;
    let words = app.text(&id("error-card")).await;
    assert!(
        words.contains("You are offline by your own choice") && words.contains("Go online"),
        "{words}"
    );
    app.picture("offline-3-refused").await;
    app.close().await;
}

#[tokio::test]
async fn the_cloud_is_offered_and_nothing_is_sent_without_a_word() {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    settings(data.path(), &server, "default_model = \"here/small\"");
    // A model in the cloud that a chat has: the other one of the pair.
    let known = Command::new(required("NEXUS_E2E_CLI"))
        .args(["--offline", "ask", "--model", "far/large", "Hi"])
        .env("NEXUS_DATA_DIR", data.path())
        .output()
        .unwrap();
    assert_eq!(known.status.code(), Some(1), "{known:?}");

    let app = open(data.path()).await;
    app.see("composer").await;
    app.click("model-picker").await;
    app.click("routing-local-first").await;
    app.until(
        "what it means",
        "return document.querySelector('[data-testid=\"routing-words\"]')?.innerText.includes('you are asked');",
    )
    .await;
    app.picture("offline-4-routing").await;
    app.js("document.querySelector('.menu-scrim')?.click(); return null;")
        .await;
    server.push(Answer::error(400, "no such thing"));
    app.send("Hi there").await;
    app.see("cloud-offer").await;
    let contents = app.text(&id("offer-contents")).await;
    assert!(contents.contains("2 messages"), "{contents}");
    // Staying here has the focus.
    let focused = app
        .js("return document.activeElement?.dataset.testid ?? '';")
        .await;
    assert_eq!(focused, Value::from("deny"));
    app.picture("offline-5-offer").await;
    app.click_css(&format!("{} {}", id("cloud-offer"), id("deny")))
        .await;
    app.see("error-card").await;
    let said = app.text(&id("transcript")).await;
    assert!(said.contains("Nothing was sent to large."), "{said}");
    app.close().await;
}

/// The command line with the real worker and the real model.
fn nexus(data: &Path, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(required("NEXUS_E2E_CLI"))
        .arg("--offline")
        .args(arguments)
        .env("NEXUS_DATA_DIR", data)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert!(status.success(), "{arguments:?}: {stdout}{stderr}");
    stdout
}

#[test]
fn the_command_line_needs_no_network() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let model = nexus(data, &["models", "pull", "smollm2-135m"]);
    let listed = nexus(data, &["models", "list", "--refresh"]);
    assert!(listed.contains(model.trim()), "{listed}");
    let answer = nexus(data, &["ask", "--model", model.trim(), "Say hello."]);
    assert!(!answer.trim().is_empty());
    let sessions = nexus(data, &["sessions", "list"]);
    let id = sessions.split_whitespace().next().unwrap();
    let more = nexus(data, &["ask", "--session", id, "And now goodbye."]);
    assert!(!more.trim().is_empty());
    let document = nexus(data, &["sessions", "export", id]);
    assert!(
        document.contains(&format!("## {}, on this machine", model.trim())),
        "{document}"
    );
    assert!(nexus(data, &["sessions", "search", "goodbye"]).contains(id));
    nexus(data, &["sessions", "show", id]);
    println!("command line: eight commands, offline");
}
