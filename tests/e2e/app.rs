//! The app as a test sees it: its window's elements by their test id, scripts, pictures.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::Capabilities};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::driver::{Driver, required};

/// How long an element may take to appear. Generous: these machines are slow and shared.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running app in a window.
pub struct App {
    /// The WebDriver session.
    pub client: Client,
    driver: Driver,
}

/// How an app is started.
#[derive(Clone, Default)]
pub struct Start {
    environment: Vec<(OsString, OsString)>,
}

impl Start {
    /// With this data folder.
    pub fn new(data: &Path) -> Self {
        Self::default().env("NEXUS_DATA_DIR", data)
    }

    /// With this variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Opens the window.
    pub async fn open(&self) -> App {
        let driver = Driver::start(&self.environment);
        let mut capabilities = Capabilities::new();
        capabilities.insert(
            "tauri:options".into(),
            json!({ "application": required("NEXUS_E2E_APP") }),
        );
        // The driver listens before the native driver behind it does; until then it breaks the connection off.
        let end = Instant::now() + PATIENCE;
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            match builder
                .capabilities(capabilities.clone())
                .connect(&driver.url())
                .await
            {
                Ok(client) => break client,
                Err(error) => assert!(
                    Instant::now() < end,
                    "no WebDriver session with the app: {error}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        App { client, driver }
    }
}

/// The CSS selector of a test id.
pub fn id(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

impl App {
    /// Waits for the first element with this test id.
    pub async fn see(&self, name: &str) -> Element {
        self.see_css(&id(name)).await
    }

    /// Waits for the first element of a selector.
    pub async fn see_css(&self, css: &str) -> Element {
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => {
                self.picture("failure").await;
                panic!("{css} did not appear: {error}\n{}", self.text("body").await);
            }
        }
    }

    /// How many elements a selector finds now.
    pub async fn count(&self, css: &str) -> usize {
        self.client
            .find_all(Locator::Css(css))
            .await
            .expect("a search")
            .len()
    }

    /// Clicks the first element with this test id.
    pub async fn click(&self, name: &str) {
        self.see(name).await;
        self.click_css(&id(name)).await;
    }

    /// Clicks the first element of a selector, again where it was drawn anew meanwhile.
    pub async fn click_css(&self, css: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let clicked = match self.client.find(Locator::Css(css)).await {
                Ok(element) => element.click().await,
                Err(error) => Err(error),
            };
            match clicked {
                Ok(()) => return,
                Err(error) if Instant::now() > end => {
                    self.picture("failure").await;
                    panic!(
                        "{css} could not be clicked: {error}\n{}",
                        self.text("body").await
                    );
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Types into the composer.
    pub async fn write(&self, text: &str) {
        self.see("composer")
            .await
            .send_keys(text)
            .await
            .expect("typing");
    }

    /// Types a message and sends it.
    pub async fn send(&self, text: &str) {
        self.write(text).await;
        self.click("send").await;
    }

    /// Runs a script in the page and returns what it returns.
    pub async fn js(&self, script: &str) -> Value {
        self.client
            .execute(script, vec![])
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Runs a script that calls `done(value)` when it is through.
    pub async fn js_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        let script = format!("const done = arguments[arguments.length - 1];\n{script}");
        self.client
            .execute_async(&script, arguments)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The visible text of the first element of a selector; empty where there is none.
    pub async fn text(&self, css: &str) -> String {
        let script = "const e = document.querySelector(arguments[0]); return e ? e.innerText : '';";
        let value = self
            .client
            .execute(script, vec![json!(css)])
            .await
            .unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a script returns true.
    pub async fn until(&self, what: &str, script: &str) {
        self.until_within(PATIENCE, what, script).await;
    }

    /// Waits until a script returns true, so long.
    pub async fn until_within(&self, limit: Duration, what: &str, script: &str) {
        let end = Instant::now() + limit;
        // The driver fails a script now and then where the machine does much else; it is asked again.
        let holds = async || {
            let said = self.client.execute(script, vec![]).await;
            said.is_ok_and(|said| said == Value::Bool(true))
        };
        while !holds().await {
            if Instant::now() > end {
                self.picture("failure").await;
                panic!("not within {limit:?}: {what}\n{}", self.text("body").await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Takes a picture of the window into the artifacts folder.
    pub async fn picture(&self, name: &str) {
        let Ok(png) = self.client.screenshot().await else {
            return;
        };
        let folder = artifacts();
        fs::create_dir_all(&folder).expect("the artifacts folder");
        fs::write(folder.join(format!("{name}.png")), png).expect("a picture");
    }

    /// Sets the window's size in CSS pixels.
    pub async fn size(&self, width: u32, height: u32) {
        self.client
            .set_window_size(width, height)
            .await
            .expect("another size");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    /// Closes the window as a user would, and waits until the app is gone.
    pub async fn close(mut self) {
        // The driver answers before the app has ended; killing its group afterwards would cut the app's own farewell short.
        let _ = self.client.clone().close().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.driver.kill();
    }
}

/// Where pictures go.
pub fn artifacts() -> PathBuf {
    std::env::var_os("NEXUS_E2E_ARTIFACTS")
        .map_or_else(|| PathBuf::from("target/e2e"), PathBuf::from)
}
