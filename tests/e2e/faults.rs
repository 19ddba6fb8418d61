//! What a broken machine gets: a window that says what is wrong, and data that nobody touched.

use std::{fs, time::Duration};

use crate::app::{PATIENCE, Start, id};

#[tokio::test]
async fn broken_settings_leave_a_banner_and_the_file_alone() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("settings.toml");
    let broken = "# mine\ntheme = \"dark\"\n[[providers]\nid = 3\n";
    fs::write(&file, broken).unwrap();
    let app = Start::new(data.path()).open().await;
    app.see("onboarding").await;
    app.until("a banner names file and line", "return /settings\\.toml/.test(document.body.innerText) && /line 3/.test(document.body.innerText);").await;
    app.picture("faults-1-settings").await;
    app.close().await;
    assert_eq!(fs::read_to_string(&file).unwrap(), broken);
}

#[tokio::test]
async fn a_newer_database_is_refused_untouched() {
    let data = tempfile::tempdir().unwrap();
    let app = Start::new(data.path()).open().await;
    app.see("onboarding").await;
    app.close().await;
    let file = data.path().join("nexus.db");
    // `user_version` is the four bytes at offset 60 of the header.
    let mut bytes = fs::read(&file).unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(&file, &bytes).unwrap();
    for extra in ["nexus.db-wal", "nexus.db-shm"] {
        let _ = fs::remove_file(data.path().join(extra));
    }
    let app = Start::new(data.path()).open().await;
    app.see("startup-failure").await;
    app.picture("faults-2-newer-database").await;
    app.close().await;
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_said_in_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("not-a-folder");
    fs::write(&file, "a file").unwrap();
    let app = Start::new(&file.join("data")).open().await;
    app.see("startup-failure").await;
    app.picture("faults-3-data-folder").await;
    app.close().await;
}

#[tokio::test]
async fn files_that_are_no_models_are_refused_in_their_door() {
    let data = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let huge_claim = [
        b"GGUF".as_slice(),
        &3_u32.to_le_bytes(),
        &u64::MAX.to_le_bytes(),
        &u64::MAX.to_le_bytes(),
    ]
    .concat();
    let cases: [(&str, Option<&[u8]>); 5] = [
        ("missing.gguf", None),
        ("empty.gguf", Some(b"")),
        ("truncated.gguf", Some(b"GGUF\x03\x00")),
        ("page.gguf", Some(b"<!doctype html><title>Sign in</title>")),
        ("claim.gguf", Some(&huge_claim)),
    ];
    let app = Start::new(data.path()).open().await;
    for (name, bytes) in cases {
        let path = files.path().join(name);
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).unwrap();
        }
        let field = app.see("onboarding-path").await;
        app.js("const f = document.querySelector('[data-testid=\"onboarding-path\"]'); f.value = ''; f.dispatchEvent(new Event('input', { bubbles: true })); return null;").await;
        field.send_keys(&path.display().to_string()).await.unwrap();
        app.click("onboarding-file").await;
        app.until_within(
            Duration::from_secs(3),
            &format!("a card for {name}"),
            &format!(
                "return document.querySelector('{} {}')?.innerText.includes('{name}');",
                id("door-file"),
                id("error-card")
            ),
        )
        .await;
    }
    app.picture("faults-4-no-model").await;
    // The app is unharmed.
    app.click("onboarding-starter").await;
    app.until_within(
        PATIENCE,
        "the composer",
        "return !!document.querySelector('[data-testid=composer]');",
    )
    .await;
    app.close().await;
}

#[tokio::test]
async fn a_window_whose_wasm_was_cut_off_says_so_and_comes_back() {
    let data = tempfile::tempdir().unwrap();
    let app = Start::new(data.path()).open().await;
    app.see("onboarding").await;
    // A script error of a web view's extension is no reason to throw the user's window away.
    app.js("setTimeout(() => { throw new Error('not of ours'); }); return null;")
        .await;
    // What the engine throws where WASM has run out of stack. Only the throwing is played.
    app.js("setTimeout(() => Promise.reject(new RangeError('Maximum call stack size exceeded.')), 50); return null;")
        .await;
    app.see("crash-reload").await;
    app.picture("faults-5-window").await;
    let log = || {
        fs::read_dir(data.path().join("logs"))
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect::<String>()
    };
    assert_eq!(
        (
            log().contains("not of ours"),
            log().contains("Maximum call stack")
        ),
        (true, true)
    );
    app.click("crash-reload").await;
    app.until(
        "the window is new",
        "return !document.querySelector('#crash') && !!document.querySelector('[data-testid=onboarding]');",
    )
    .await;
    app.close().await;
}
