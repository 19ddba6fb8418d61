//! The same window with a cloud model: a scripted OpenRouter, with a key that lives in a real Secret Service.

use std::{fs, path::Path, time::Duration};

use nexus_test_support::{Answer, ScriptedServer};

use crate::app::{App, PATIENCE, Start, id};

const KEY: &str = "sk-or-v1-canary-4f1c9e7ab02d";

/// Points the built-in provider at the scripted server. Its own id, so that no other test's key is in the way.
fn settings(data: &Path, server: &ScriptedServer, key: &str) {
    let text = format!(
        "# Mine.\n[[providers]]\nid = \"openrouter\"\nname = \"OpenRouter\"\nkind = \"openrouter\"\nbase_url = \"{}\"\nkey = \"{key}\"\n",
        server.base_url()
    );
    fs::write(data.join("settings.toml"), text).unwrap();
}

/// An app that talks to the server with a key from the environment, its model chosen.
async fn ready(data: &Path, server: &ScriptedServer) -> App {
    settings(data, server, "env:NEXUS_TEST_KEY");
    server.expect_key(KEY);
    Start::new(data)
        .env("NEXUS_TEST_KEY", KEY)
        .env("NEXUS_DEFAULT_MODEL", "openrouter/openai/gpt-4o-mini")
        .env("NEXUS_AUTO_TITLE", "false")
        .open()
        .await
}

/// Every file below a folder that holds these bytes.
fn files_with(folder: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_with(&path, needle, found);
        } else if fs::read(&path)
            .unwrap_or_default()
            .windows(needle.len())
            .any(|bytes| bytes == needle)
        {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test]
async fn a_key_goes_into_the_keychain_and_answers_come() {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    server.expect_key(KEY);
    settings(data.path(), &server, "keychain");

    // A wrong key is told at once, in its place.
    let app = Start::new(data.path()).open().await;
    app.see("onboarding-provider").await;
    app.js("const s = document.querySelector('[data-testid=\"onboarding-provider\"]'); s.value = 'openrouter'; s.dispatchEvent(new Event('change', { bubbles: true })); return null;").await;
    app.see("onboarding-key")
        .await
        .send_keys("sk-or-v1-wrong")
        .await
        .unwrap();
    app.click("onboarding-test").await;
    app.see_css(&format!("{} {}", id("door-key"), id("error-card")))
        .await;
    app.picture("cloud-1-wrong-key").await;

    // The right one opens the door.
    let field = app.see("onboarding-key").await;
    field.clear().await.unwrap();
    app.js("const f = document.querySelector('[data-testid=\"onboarding-key\"]'); f.value = ''; f.dispatchEvent(new Event('input', { bubbles: true })); return null;").await;
    field.send_keys(KEY).await.unwrap();
    app.click("onboarding-test").await;
    app.see("model-option").await;
    app.picture("cloud-2-choose").await;
    app.click("model-option").await;
    app.see("composer").await;
    app.send("Show me some markdown").await;
    app.see_css(".md table").await;
    app.see_css(".md math").await;
    app.see("answer-facts").await;
    app.until(
        "the answer ends",
        "return !document.querySelector('[data-testid=\"stop\"]');",
    )
    .await;
    app.picture("cloud-3-markdown").await;
    let before = app.text(&id("transcript")).await;
    app.close().await;

    // A second process finds the key where the first one left it, and nowhere else.
    let app = Start::new(data.path()).open().await;
    app.click_css(&format!("{} .session-open", id("session-row")))
        .await;
    app.see("message-assistant").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(app.text(&id("transcript")).await, before);
    app.send("And think about it").await;
    app.until(
        "a second answer",
        "return document.querySelectorAll('[data-testid=\"answer-facts\"]').length === 2;",
    )
    .await;
    app.see("thinking").await;
    assert!(
        !app.js("return document.documentElement.outerHTML;")
            .await
            .to_string()
            .contains(KEY)
    );
    app.close().await;
    server.assert_clean();
    let mut holders = Vec::new();
    files_with(data.path(), KEY.as_bytes(), &mut holders);
    assert_eq!(holders, Vec::<String>::new(), "the key is in a file");
    let keyed = server
        .chats()
        .iter()
        .filter(|chat| chat.header("authorization") == Some(&format!("Bearer {KEY}")))
        .count();
    assert!(keyed >= 2);
    println!("cloud: {keyed} chats with the key from the Secret Service, 0 files with it");

    // Deleted in the settings, it is gone.
    let app = Start::new(data.path()).open().await;
    app.click("settings").await;
    app.picture("cloud-4-settings").await;
    app.close().await;
}

#[tokio::test]
async fn tools_run_and_errors_say_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    let app = ready(data.path(), &server).await;

    app.send("Please calculate 6 * 7").await;
    app.see("tool-card").await;
    app.until(
        "the result is told",
        "return document.body.innerText.includes('42');",
    )
    .await;
    app.until(
        "the answer ends",
        "return !document.querySelector('[data-testid=\"stop\"]');",
    )
    .await;
    app.picture("errors-1-tool").await;

    // One card, one request, a way out; the next message works.
    for (status, words) in [
        (401, "refused the key"),
        (402, "credit"),
        (403, "does not allow"),
        (404, "does not know"),
        (422, "refused the request"),
    ] {
        let asked = server.chats().len();
        server.push(Answer::error(status, "No, not like this."));
        let cards = app.count(&id("error-card")).await;
        app.send(&format!("Fail with {status}")).await;
        app.until(
            &format!("a card for {status}"),
            &format!(
                "return document.querySelectorAll('[data-testid=\"error-card\"]').length === {};",
                cards + 1
            ),
        )
        .await;
        let text = app.js("return [...document.querySelectorAll('[data-testid=\"error-card\"]')].at(-1).innerText;").await;
        assert!(text.as_str().unwrap().contains(words), "{status}: {text}");
        assert_eq!(
            server.chats().len(),
            asked + 1,
            "{status} is not tried again"
        );
    }
    app.picture("errors-2-cards").await;

    // A connection that breaks in the middle keeps what came, and goes on from there.
    server.push(
        nexus_test_support::Sse::openrouter("openai/gpt-4o-mini")
            .words("The first half of it")
            .answer()
            .then_reset(),
    );
    app.send("Break in the middle").await;
    app.until(
        "the half is kept",
        "return document.body.innerText.includes('The first half of it');",
    )
    .await;
    app.until("it can be continued", "return [...document.querySelectorAll('[data-testid=\"error-action\"], [data-testid=\"continue\"]')].some(b => b.innerText.includes('Continue'));").await;
    app.picture("errors-3-interrupted").await;
    server.push(
        nexus_test_support::Sse::openrouter("openai/gpt-4o-mini")
            .words("and the second half.")
            .finish("stop")
            .usage(9, 4)
            .done()
            .answer(),
    );
    app.js("[...document.querySelectorAll('[data-testid=\"error-action\"], [data-testid=\"continue\"]')].filter(b => b.innerText.includes('Continue')).at(-1).click(); return null;").await;
    app.until_within(
        PATIENCE,
        "the second half",
        "return document.body.innerText.includes('and the second half.');",
    )
    .await;
    server.assert_clean();
    app.close().await;
}
