//! Starting the app: as it ships, or with hot reload.

use std::{env, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{
    build::{APP, trunk},
    command,
    desktop::Xvfb,
    interpreters, llama,
    work::Work,
};

/// How long the dev server may take for its first build: a cold one compiles the whole UI.
const DEV_SERVER_LIMIT: Duration = Duration::from_secs(20 * 60);
/// Where `devUrl` in tauri.conf.json and Trunk.toml say that it is.
const DEV_SERVER: &str = "127.0.0.1:1420";

/// Whether a window can be opened, or will be by our own display: asked before anything is built.
///
/// # Errors
/// On Linux without a display, unless headless.
pub fn check_display(headless: bool) -> Result<()> {
    let shown = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| env::var_os(name).is_some_and(|v| !v.is_empty()));
    if cfg!(target_os = "linux") && !shown && !headless {
        bail!(
            "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set. Run it in a desktop session, or as `cargo xtask run --headless` (a display that nobody sees), or under `xvfb-run`"
        );
    }
    Ok(())
}

/// Opens the window of the release build and waits until it is closed.
///
/// # Errors
/// When it cannot be opened or ends with an error.
pub fn run(work: &mut Work, headless: bool, arguments: &[String]) -> Result<()> {
    let mut app = command::clean(work.place.release(APP));
    app.args(arguments);
    prepare(work, &mut app, headless)?;
    println!("{} is open; close its window to end", APP);
    command::run(&mut app)
}

fn prepare(work: &mut Work, app: &mut Command, headless: bool) -> Result<()> {
    app.env("NEXUS_WORKER", work.worker()?)
        .env("NEXUS_STARTER_MODEL", work.starter()?);
    interpreters::give(work, app)?;
    llama::give(work, app)?;
    if headless && cfg!(target_os = "linux") {
        let display = Xvfb::start()?;
        println!("the display is {}", display.name);
        app.env("DISPLAY", &display.name)
            .env("GDK_BACKEND", "x11")
            .env_remove("WAYLAND_DISPLAY");
        work.display = Some(display);
    }
    Ok(())
}

/// Serves the UI with hot reload and runs the app against it, until the window is closed.
///
/// # Errors
/// When the server does not come up, or the app does not build or ends with an error.
pub fn dev(work: &mut Work, headless: bool) -> Result<()> {
    let mut serve = trunk(work)?;
    // To a folder of its own: `ui/dist` is what ships.
    serve
        .args(["serve", "--offline", "--dist"])
        .arg(work.place.target.join("ui-dev"));
    let mut server = Ended(serve.spawn().context("cannot start trunk")?);
    let deadline = std::time::Instant::now() + DEV_SERVER_LIMIT;
    while std::net::TcpStream::connect(DEV_SERVER).is_err() {
        if let Some(status) = server.0.try_wait()? {
            bail!("trunk ended with {status} before it served; its words are above");
        }
        if std::time::Instant::now() > deadline {
            bail!(
                "trunk did not serve on {DEV_SERVER} within {} s",
                DEV_SERVER_LIMIT.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut app = work.cargo(["run", "-p", APP]);
    prepare(work, &mut app, headless)?;
    command::run(&mut app)
}

/// A child that is ended when this goes.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        command::end(&mut self.0);
    }
}
