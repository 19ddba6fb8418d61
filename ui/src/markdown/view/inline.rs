//! Pieces of a line as elements. A link is a button in meaning: it has no address of its own that the window could follow.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::super::tree::Inline;
use super::RowState;
use super::image::image_view;
use super::math::math_view;

/// Draws the pieces of a line.
pub(super) fn inlines_view(content: &[Inline], state: &RowState) -> Vec<AnyView> {
    content
        .iter()
        .map(|inline| inline_view(inline, state))
        .collect()
}

fn inline_view(inline: &Inline, state: &RowState) -> AnyView {
    match inline {
        Inline::Text(text) => text.clone().into_any(),
        Inline::SoftBreak => "\n".into_any(),
        Inline::HardBreak => view! { <br /> }.into_any(),
        Inline::Emphasis(inner) => view! { <em>{inlines_view(inner, state)}</em> }.into_any(),
        Inline::Strong(inner) => view! { <strong>{inlines_view(inner, state)}</strong> }.into_any(),
        Inline::Strikethrough(inner) => view! { <del>{inlines_view(inner, state)}</del> }.into_any(),
        Inline::Code(text) => view! { <code class="md-inline-code" dir="auto">{text.clone()}</code> }.into_any(),
        Inline::Html(text) => view! { <code class="md-inline-html">{text.clone()}</code> }.into_any(),
        Inline::Math { display, source, tree } => math_view(*display, source, tree.as_ref()),
        Inline::Link { href, host, deceptive, content } => {
            link_view(href, host, *deceptive, inlines_view(content, state), state)
        }
        Inline::RefusedLink { content, shown } => view! {
            <span class="md-refused" title="This link can't be opened">
                {inlines_view(content, state)} <span class="md-host" dir="ltr">{format!(" ({shown})")}</span>
            </span>
        }
        .into_any(),
        Inline::Image { alt, href, host } => image_view(alt, href.as_deref(), host, state),
        Inline::FootnoteRef(number) => view! {
            <sup class="md-note-ref" aria-label=format!("Footnote {number}")>{number.to_string()}</sup>
        }
        .into_any(),
    }
}

fn link_view(
    href: &str,
    host: &str,
    deceptive: bool,
    content: Vec<AnyView>,
    state: &RowState,
) -> AnyView {
    let open = {
        let href = href.to_owned();
        let host = state.host.clone();
        move || {
            if let Some(host) = &host {
                host.open_link.run(href.clone());
            }
        }
    };
    let on_key = {
        let open = open.clone();
        move |event: KeyboardEvent| {
            if event.key() == "Enter" {
                event.prevent_default();
                open();
            }
        }
    };
    let beside = deceptive.then(|| {
        view! { <span class="md-host" dir="ltr">{format!(" ({host})")}</span> }
    });
    view! {
        <a
            class="md-link"
            role="link"
            tabindex="0"
            title=host.to_owned()
            data-href=href.to_owned()
            on:click=move |event| {
                event.prevent_default();
                open();
            }
            on:keydown=on_key
        >
            {content}
            {beside}
        </a>
    }
    .into_any()
}
