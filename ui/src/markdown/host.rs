//! What a message may ask of the app, always after the reader asked for it. Owns no act itself.

use std::sync::Arc;

use futures::future::LocalBoxFuture;
use leptos::prelude::Callback;
use nexus_protocol::HighlightSpan;

/// The side effects of a rendered message. Provide it with `provide_context` above every [`Markdown`](super::Markdown);
/// without it links, copy buttons and pictures do nothing and code stays plain.
#[derive(Clone)]
pub struct MarkdownHost {
    /// Opens an `http`, `https` or `mailto` address in the system's program. The core checks the address again.
    pub open_link: Callback<String>,
    /// Puts text on the clipboard.
    pub copy: Callback<String>,
    /// Colours code: language, code. The pieces put together must be the code, or they are not used.
    pub highlight:
        Arc<dyn Fn(String, String) -> LocalBoxFuture<'static, Vec<HighlightSpan>> + Send + Sync>,
    /// Fetches a picture; returns a `data:image/…` URL, or what went wrong in words for the reader.
    pub load_image:
        Arc<dyn Fn(String) -> LocalBoxFuture<'static, Result<String, String>> + Send + Sync>,
}
