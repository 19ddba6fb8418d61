//! Pictures of every state, light and dark, wide and narrow, for people to look at; and that none of them overflows.

use std::{fs, time::Duration};

use nexus_protocol::Mode;
use nexus_test_support::{Answer, ScriptedServer, Sse};
use serde_json::{Value, json};

use crate::{
    app::{App, Start, id},
    tasks::{MODEL, cloud_settings, seed},
};

/// Nothing is wider than the window: the page itself never scrolls sideways.
async fn fits(app: &App, what: &str) {
    let wider = app
        .js("return document.documentElement.scrollWidth > innerWidth + 1;")
        .await;
    assert_eq!(wider, Value::Bool(false), "{what} is wider than its window");
}

async fn quiet(app: &App) {
    app.until(
        "the answer ends",
        "return !document.querySelector('[data-testid=\"stop\"]');",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(400)).await;
}

#[tokio::test]
async fn every_state_in_light_and_dark() {
    for theme in ["light", "dark"] {
        let data = tempfile::tempdir().unwrap();
        let server = ScriptedServer::start();
        let settings = format!(
            "theme = \"{theme}\"\nauto_title = false\n\n[[providers]]\nid = \"openrouter\"\nname = \"OpenRouter\"\nkind = \"openrouter\"\nbase_url = \"{}\"\nkey = \"none\"\n",
            server.base_url()
        );
        fs::write(data.path().join("settings.toml"), settings).unwrap();
        let start = Start::new(data.path());
        let app = start.open().await;
        app.size(1280, 860).await;
        app.see("onboarding").await;
        app.picture(&format!("{theme}-01-first-run")).await;
        app.size(480, 900).await;
        fits(&app, "the first-run screen").await;
        app.picture(&format!("{theme}-02-first-run-narrow")).await;
        app.close().await;

        let start = start.env("NEXUS_DEFAULT_MODEL", "openrouter/openai/gpt-4o-mini");
        let app = start.open().await;
        app.size(1280, 860).await;
        app.see("composer").await;
        app.picture(&format!("{theme}-03-empty")).await;
        app.send("Please think about rivers").await;
        app.see("answer-facts").await;
        quiet(&app).await;
        app.send("Now calculate 1024 * 3 + 7").await;
        app.until(
            "two steps",
            "return document.querySelectorAll('[data-testid=\"answer-facts\"]').length >= 2;",
        )
        .await;
        quiet(&app).await;
        app.picture(&format!("{theme}-04-tool")).await;
        app.send("Show me markdown").await;
        app.see_css(".md math").await;
        quiet(&app).await;
        app.picture(&format!("{theme}-05-markdown")).await;
        app.js("document.querySelector('[data-testid=transcript]').scrollTop = 0; return null;")
            .await;
        app.picture(&format!("{theme}-06-markdown-top")).await;
        server.push(Answer::error(429, "Slow down, please.").header("retry-after", "90"));
        app.send("Limit me").await;
        app.see("error-card").await;
        app.picture(&format!("{theme}-07-rate-limit")).await;
        server.push(
            Sse::openrouter("m")
                .words("Half of an answer that breaks off")
                .answer()
                .then_reset(),
        );
        app.send("Break").await;
        app.until("interrupted", "return document.body.innerText.includes('breaks off') && !document.querySelector('[data-testid=stop]');").await;
        app.picture(&format!("{theme}-08-interrupted")).await;
        app.send("Something long please").await;
        app.until(
            "streaming",
            "return document.body.innerText.includes('word60');",
        )
        .await;
        app.picture(&format!("{theme}-09-streaming")).await;
        app.click("stop").await;
        quiet(&app).await;
        app.click("model-picker").await;
        app.see("model-option").await;
        app.picture(&format!("{theme}-10-picker")).await;
        app.js("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })); return null;").await;
        app.click("search").await;
        app.see("search-input")
            .await
            .send_keys("river")
            .await
            .unwrap();
        app.see("search-hit").await;
        app.picture(&format!("{theme}-11-search")).await;
        app.js("document.querySelector('[data-testid=search-input]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })); return null;").await;
        app.click("session-menu").await;
        app.picture(&format!("{theme}-12-menu")).await;
        app.js("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })); return null;").await;
        app.click("models").await;
        app.see("models-page").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.picture(&format!("{theme}-13-models")).await;
        app.click("settings").await;
        app.see("settings-page").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.picture(&format!("{theme}-14-settings")).await;
        for (width, height) in [(480, 900), (720, 800), (3840, 2160)] {
            app.size(width, height).await;
            fits(&app, "the settings").await;
            app.picture(&format!("{theme}-15-settings-{width}")).await;
        }
        app.size(1280, 860).await;
        app.click_css(&format!("{} .session-open", id("session-row")))
            .await;
        app.see("message-assistant").await;
        for (width, height) in [(480, 900), (720, 800), (3840, 2160)] {
            app.size(width, height).await;
            fits(&app, "the chat").await;
            app.picture(&format!("{theme}-16-chat-{width}")).await;
        }
        app.size(480, 900).await;
        app.click("sidebar-toggle").await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        app.picture(&format!("{theme}-17-drawer")).await;
        app.close().await;
    }
}

/// Three windows: a desk's, a half screen's, a narrow one's.
const SIZES: [(u32, u32); 3] = [(1280, 860), (720, 800), (480, 900)];

async fn in_all_sizes(app: &App, theme: &str, what: &str) {
    for (width, height) in SIZES {
        app.size(width, height).await;
        fits(app, what).await;
        app.picture(&format!("{theme}-{what}-{width}")).await;
    }
    app.size(1280, 860).await;
}

#[tokio::test]
async fn what_the_agent_asks_and_did_in_light_and_dark() {
    for theme in ["light", "dark"] {
        let data = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let server = ScriptedServer::start();
        let settings = format!("theme = \"{theme}\"\n\n{}", cloud_settings(&server));
        fs::write(data.path().join("settings.toml"), settings).unwrap();
        fs::write(
            folder.path().join("plan.md"),
            "# Plan\n\n- walk\n- eat\n- rest\n",
        )
        .unwrap();
        seed(data.path(), folder.path(), Mode::Ask, "A plan").await;
        let mut number = 0;
        let mut call = |name: &str, arguments: Value| {
            number += 1;
            let id = format!("call_{number}");
            let step = Sse::openrouter(MODEL)
                .text("The plan needs a second day, so I change the file and look at the folder.")
                .tool_call(0, &id, name, &arguments.to_string());
            server.push(step.finish("tool_calls").usage(50, 20).done().answer());
        };
        call(
            "edit_file",
            json!({ "path": "plan.md", "edits": [{ "old_text": "- walk\n- eat", "new_text": "- walk to the old mill\n- eat there\n- swim" }] }),
        );
        call(
            "shell",
            json!({ "command": "wc -l plan.md && for day in one two; do echo \"day $day\"; done" }),
        );
        server.push(Sse::reply(MODEL, "The plan has two days now.").answer());
        let app = Start::new(data.path())
            .env("NEXUS_DEFAULT_MODEL", format!("openrouter/{MODEL}"))
            .env("NEXUS_AUTO_TITLE", "false")
            .open()
            .await;
        app.size(1280, 860).await;
        app.click_css(&format!("{} .session-open", id("session-row")))
            .await;
        app.see("composer").await;
        app.send("Plan a second day").await;
        app.see("approve-once").await;
        in_all_sizes(&app, theme, "asked-edit").await;
        app.click("approve-once").await;
        app.until("the shell is asked about", "return document.querySelectorAll('[data-testid=\"approve-once\"]').length === 1 && document.body.innerText.includes('wc -l');").await;
        in_all_sizes(&app, theme, "asked-shell").await;
        app.click("approve-once").await;
        app.see("answer-facts").await;
        quiet(&app).await;
        in_all_sizes(&app, theme, "done").await;
        app.click("changes-button").await;
        app.see("change-row").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        in_all_sizes(&app, theme, "changes").await;
        app.close().await;
    }
}
