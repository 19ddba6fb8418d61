//! A link: opens in the system's browser, through the core, which looks at the address again.

use leptos::prelude::*;

use crate::{
    actions,
    components::{Icon, Shape},
    state::use_app,
    visible,
};

/// Title and address. Other addresses than the web's are shown and cannot be opened.
#[component]
pub fn LinkView(url: String, title: String) -> impl IntoView {
    let app = use_app();
    let address = visible::plain(&url);
    let title = if title.trim().is_empty() {
        address.clone()
    } else {
        visible::plain(&title)
    };
    let opens = is_web(&url);
    view! {
        <p class="file-line">
            <Icon shape=Shape::Link />
            {if opens {
                view! {
                    <button
                        type="button"
                        class="link-button result-link"
                        title=address.clone()
                        on:click=move |_| actions::open_link(app, url.clone())
                    >
                        <span dir="auto">{title}</span>
                    </button>
                }
                .into_any()
            } else {
                view! { <span dir="auto">{title}</span> }.into_any()
            }}
            <span class="file-size" dir="ltr">{address}</span>
        </p>
    }
}

fn is_web(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::is_web;

    #[test]
    fn only_web_addresses_open() {
        assert!(is_web("https://a.example/"));
        assert!(is_web("HTTP://a.example/"));
        for bad in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            " https://x",
            "httpsx://",
        ] {
            assert!(!is_web(bad), "{bad}");
        }
    }
}
