//! Windows that are made narrower: nothing is cut that has room, and nothing but the pages scrolls.

use std::fs;

use nexus_test_support::ScriptedServer;
use serde_json::{Value, json};

use crate::app::{App, Start, id};

/// What in a card reaches out of it, by the card's first words.
const OUT_OF_CARDS: &str = "
    const out = [];
    for (const card of document.querySelectorAll('.model-card, .door')) {
        const box = card.getBoundingClientRect();
        for (const part of card.children) {
            const inner = part.getBoundingClientRect();
            if (inner.bottom > box.bottom + 1 || inner.right > box.right + 1) {
                out.push(`${card.innerText.slice(0, 24)} at ${innerWidth}`);
            }
        }
    }
    return out;";

async fn narrower(app: &App) {
    for width in [1280, 720, 480, 720] {
        app.size(width, 800).await;
        assert_eq!(app.js(OUT_OF_CARDS).await, json!([]));
    }
    app.size(1280, 800).await;
}

#[tokio::test]
async fn a_narrow_window_cuts_nothing_and_scrolls_only_its_pages() {
    let data = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start();
    let settings = format!(
        "auto_title = false\n\n[[providers]]\nid = \"here\"\nname = \"Here\"\nbase_url = \"{}\"\nkey = \"none\"\n",
        server.base_url()
    );
    fs::write(data.path().join("settings.toml"), settings).unwrap();
    // What is wrong with it takes more lines the narrower the window is.
    fs::create_dir_all(data.path().join("models/bad")).unwrap();
    fs::write(data.path().join("models/bad/bad.gguf"), "nothing").unwrap();
    let start = Start::new(data.path());

    let app = start.open().await;
    app.see("onboarding").await;
    narrower(&app).await;
    app.close().await;

    let app = start.env("NEXUS_DEFAULT_MODEL", "here/small").open().await;
    app.see("composer").await;
    app.click("models").await;
    app.see("broken-card").await;
    app.see_css(&format!("{} .model-card", id("suggested-models")))
        .await;
    narrower(&app).await;

    // What is hidden from eyes only must not make the window taller than it is.
    app.click("settings").await;
    app.see("settings-models").await;
    let scrolls = app
        .js("document.querySelector('[data-testid=settings-models]').scrollIntoView();
             return [document.scrollingElement.scrollTop, document.body.scrollTop, document.querySelector('.page').scrollTop > 0];")
        .await;
    assert_eq!(scrolls, json!([0, 0, true]));

    // A short name stays whole where what stands behind it has no room, and all of it is in the title.
    app.click("new-chat").await;
    app.click("model-picker").await;
    app.click("routing-local-first").await;
    app.until(
        "what is chosen holds",
        "return document.querySelector('[data-testid=model-picker]').title === 'small runs on this machine · this machine first';",
    )
    .await;
    app.size(720, 800).await;
    let whole = app
        .js("const name = document.querySelector('[data-testid=model-picker] .chip-text');
             const place = document.querySelector('.composer').getBoundingClientRect();
             const last = document.querySelector('[data-testid=send]').getBoundingClientRect();
             return name.scrollWidth <= name.clientWidth && name.getBoundingClientRect().width > 20 && last.right <= place.right;")
        .await;
    assert_eq!(whole, Value::Bool(true), "the model's name is cut");
    app.close().await;
}
