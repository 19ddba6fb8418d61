//! The main window: how it is made, and that it never leaves the app's own pages.

use tauri::{
    AppHandle, Manager, Runtime, Url, WebviewUrl, WebviewWindowBuilder, WindowEvent,
    webview::{DownloadEvent, NewWindowResponse},
};

use crate::drops::Drops;

/// The main window's label, which its capability names.
pub const MAIN: &str = "main";

/// Opens the main window.
///
/// # Errors
/// Where the system has no web view or no display.
pub fn open<R: Runtime>(app: &tauri::App<R>) -> tauri::Result<()> {
    let dev_url = app.config().build.dev_url.clone();
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Nexus")
        .inner_size(1180.0, 800.0)
        .min_inner_size(400.0, 480.0)
        .zoom_hotkeys_enabled(true)
        .on_navigation(move |url| is_own_page(url, dev_url.as_ref()))
        .on_new_window(|url, _| {
            tracing::warn!(scheme = url.scheme(), "a page tried to open a window");
            NewWindowResponse::Deny
        })
        .on_download(|_, event| {
            if let DownloadEvent::Requested { url, .. } = event {
                tracing::warn!(scheme = url.scheme(), "a page tried to download a file");
            }
            false
        })
        .build()?;
    // The page itself would get dropped files without their paths: images could be attached, but no model could be added.
    let handle = app.handle().clone();
    window.on_window_event(move |event| {
        if let WindowEvent::DragDrop(event) = event {
            handle.state::<Drops>().happened(event);
        }
    });
    Ok(())
}

/// Brings the main window to the front.
pub fn focus<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN) {
        for result in [window.unminimize(), window.show(), window.set_focus()] {
            if let Err(error) = result {
                tracing::debug!(%error, "the window could not be brought to the front");
            }
        }
    }
}

/// Whether the main window may show this: the embedded pages, and in development the server that serves them.
fn is_own_page(url: &Url, dev_url: Option<&Url>) -> bool {
    let embedded = match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        // Windows serves the same pages as http(s)://tauri.localhost.
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        _ => false,
    };
    let served = cfg!(dev) && dev_url.is_some_and(|dev| dev.origin() == url.origin());
    embedded || served
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_pages_are_shown() {
        let url = |text: &str| Url::parse(text).unwrap();
        assert!(is_own_page(&url("tauri://localhost/index.html"), None));
        for other in [
            "https://example.org/",
            "http://tauri.evil.example/",
            "http://tauri.localhost.evil.example/",
            "tauri://evil/",
            "about:blank",
            "data:text/html,x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "blob:tauri://localhost/1",
            "http://localhost:1421/",
        ] {
            assert!(
                !is_own_page(&url(other), Some(&url("http://localhost:1420"))),
                "{other}"
            );
        }
    }
}
