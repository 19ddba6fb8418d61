//! Getting a model in the window: found on a hub, fetched with a pause in the middle, used for an answer.

use std::{fs, time::Duration};

use nexus_test_support::hub::{MODEL, TestHub};

use crate::{
    app::{Start, id},
    driver::required,
};

const FILE: &str = "model-Q4_1.gguf";

/// A real file through a real worker, on a busy machine.
const LONG: Duration = Duration::from_secs(180);

#[tokio::test]
async fn a_model_is_found_fetched_and_used() {
    let data = tempfile::tempdir().unwrap();
    let weights = fs::read(required("NEXUS_STARTER_MODEL")).unwrap();
    let hub = TestHub::start(&[(FILE, &weights)]).await;
    // Slow enough to be watched and paused.
    hub.slow_down(64 * 1024, Duration::from_millis(20));

    // From the first screen, past the three doors.
    let app = Start::new(data.path())
        .env("NEXUS_HUB_URL", hub.base())
        .open()
        .await;
    app.click("onboarding-models").await;
    app.see("models-page").await;
    app.see("suggested-models").await;
    app.picture("models-1-lists").await;

    // By words, and into its details.
    app.see("models-search")
        .await
        .send_keys("maker model")
        .await
        .unwrap();
    app.click_css(&format!("[data-hub=\"{MODEL}\"]")).await;
    app.see_css(&format!("[data-file=\"{FILE}\"] {}", id("fit")))
        .await;
    app.picture("models-2-details").await;

    // The button becomes the progress; a pause holds, and nothing is lost by it.
    app.click_css(&format!("[data-file=\"{FILE}\"] {}", id("get-model")))
        .await;
    app.see("downloads-note").await;
    app.click("download-pause").await;
    app.see("download-resume").await;
    app.until(
        "no download runs",
        "return !document.querySelector('[data-testid=downloads-note]');",
    )
    .await;
    app.picture("models-3-paused").await;
    // Offline it would only fail: it cannot be gone on with before one is online again.
    app.click("settings").await;
    app.click("setting-offline").await;
    app.see("banner-offline").await;
    app.click("models").await;
    app.click_css(&format!("[data-hub=\"{MODEL}\"]")).await;
    app.see_css("[data-testid=\"download-resume\"]:disabled")
        .await;
    app.click("banner-offline").await;
    app.see_css("[data-testid=\"download-resume\"]:enabled")
        .await;
    hub.hurry();
    app.click("download-resume").await;
    app.until_within(
        LONG,
        "the model is here",
        &format!(
            "return !!document.querySelector('[data-file=\"{FILE}\"] [data-testid=use-model]');"
        ),
    )
    .await;
    app.picture("models-4-here").await;

    // Back in the lists it stands among the models of this machine.
    app.click("details-back").await;
    app.see("hub-results").await;
    assert_eq!(
        app.count(&id("downloads")).await,
        0,
        "what was searched begins below the downloads"
    );
    app.js("const f = document.querySelector('[data-testid=models-search]'); f.value = ''; f.dispatchEvent(new Event('input', { bubbles: true })); return null;").await;
    app.see("downloads").await;
    app.see_css(&format!("{} {}", id("local-models"), id("model-card")))
        .await;

    // It answers.
    app.click_css(&format!("{} {}", id("model-card"), id("model-chat")))
        .await;
    app.see("composer").await;
    app.send("Say hello.").await;
    app.until_within(
        LONG,
        "an answer comes",
        "return ([...document.querySelectorAll('[data-testid=\"message-assistant\"] .md')].at(-1)?.innerText ?? '').length > 0;",
    )
    .await;
    app.picture("models-5-answer").await;
    app.close().await;
}
