//! A file or a folder: its path and size.

use leptos::prelude::*;

use crate::{
    components::{Icon, Shape},
    format,
};

/// The line.
#[component]
pub fn FileView(path: String, bytes: Option<u64>) -> impl IntoView {
    let shape = match bytes {
        Some(_) => Shape::File,
        None => Shape::Folder,
    };
    view! {
        <p class="file-line">
            <Icon shape />
            <code class="file-path" dir="ltr">{path}</code>
            {bytes.map(|bytes| view! { <span class="file-size">{format::bytes(bytes)}</span> })}
        </p>
    }
}
