//! Blocks of code: label, copy, wrap, and colours once the block is complete.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use nexus_protocol::{HighlightClass, HighlightSpan};

use super::super::code::CodeText;
use super::RowState;

/// How long the button says that it copied.
const COPIED_FOR: Duration = Duration::from_secs(2);

/// Draws a block of code.
pub(super) fn code_view(language: &str, text: &CodeText, state: &RowState) -> AnyView {
    let number = state.next_code();
    let label = match language {
        "" => "Code".to_owned(),
        language => format!("Code, {language}"),
    };
    let wrapped = state.wrapped.clone();
    let toggle = {
        let wrapped = wrapped.clone();
        move |_| wrapped.update(|wrapped| *wrapped = !*wrapped)
    };
    let is_wrapped = {
        let wrapped = wrapped.clone();
        move || if wrapped.get() { "true" } else { "false" }
    };
    let pre_class = move || {
        if wrapped.get() {
            "md-pre md-wrapped"
        } else {
            "md-pre"
        }
    };
    view! {
        <figure class="md-code" role="group" aria-label=label>
            <figcaption class="md-code-head">
                <span class="md-code-language">{language.to_owned()}</span>
                <button type="button" class="md-button" aria-pressed=is_wrapped on:click=toggle>
                    "Wrap"
                </button>
                {copy_button(number, text, state)}
            </figcaption>
            <pre class=pre_class dir="ltr" tabindex="0">
                <code>{coloured(language, text, state)}</code>
            </pre>
        </figure>
    }
    .into_any()
}

fn copy_button(number: usize, text: &CodeText, state: &RowState) -> impl IntoView + use<> {
    let copied = state.copied.clone();
    let host = state.host.clone();
    let text = text.clone();
    let copy = {
        let copied = copied.clone();
        move |_| {
            let Some(host) = &host else { return };
            host.copy.run(text.to_text());
            copied.set(Some(number));
            let copied = copied.clone();
            set_timeout(
                move || {
                    if copied.get_untracked() == Some(number) {
                        copied.set(None);
                    }
                },
                COPIED_FOR,
            );
        }
    };
    let is_copied = Memo::new(move |_| copied.get() == Some(number));
    view! {
        <button
            type="button"
            class="md-button"
            data-testid="copy-code"
            aria-label=move || if is_copied.get() { "Copied" } else { "Copy code" }
            on:click=copy
        >
            {move || if is_copied.get() { "Copied" } else { "Copy" }}
        </button>
    }
}

/// The code: plain until its colours are there.
fn coloured(language: &str, text: &CodeText, state: &RowState) -> AnyView {
    let spans: ArcRwSignal<Option<Vec<HighlightSpan>>> = ArcRwSignal::new(None);
    if let Some(host) = state.host.clone()
        && !language.is_empty()
        && !text.is_empty()
    {
        let closed = state.closed.clone();
        let spans = spans.clone();
        let text = text.clone();
        let language = language.to_owned();
        Effect::new(move |asked: Option<bool>| {
            let asked = asked.unwrap_or(false);
            if asked || !closed.get() {
                return asked;
            }
            let code = text.to_text();
            let answer = (host.highlight)(language.clone(), code.clone());
            let spans = spans.clone();
            spawn_local(async move {
                let coloured = answer.await;
                if puts_together(&coloured, &code) {
                    spans.set(Some(coloured));
                }
            });
            true
        });
    }
    let text = text.clone();
    (move || match spans.get() {
        None => pieces_view(&text).into_any(),
        Some(spans) => spans
            .into_iter()
            .map(span_view)
            .collect::<Vec<_>>()
            .into_any(),
    })
    .into_any()
}

/// The pieces of a long text, as text nodes of their own: a full piece is never written again.
pub(super) fn pieces_view(text: &CodeText) -> Vec<std::sync::Arc<str>> {
    text.pieces().collect()
}

/// Colours may not change a character.
fn puts_together(spans: &[HighlightSpan], code: &str) -> bool {
    let mut rest = code;
    spans
        .iter()
        .all(|span| match rest.strip_prefix(span.text.as_str()) {
            Some(after) => {
                rest = after;
                true
            }
            None => false,
        })
        && rest.is_empty()
}

fn span_view(span: HighlightSpan) -> AnyView {
    let class = match span.class {
        HighlightClass::Plain => return span.text.into_any(),
        HighlightClass::Keyword => "hl-keyword",
        HighlightClass::String => "hl-string",
        HighlightClass::Constant => "hl-constant",
        HighlightClass::Comment => "hl-comment",
        HighlightClass::Function => "hl-function",
        HighlightClass::Type => "hl-type",
        HighlightClass::Attribute => "hl-attribute",
        HighlightClass::Inserted => "hl-inserted",
        HighlightClass::Deleted => "hl-deleted",
    };
    view! { <span class=class>{span.text}</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::puts_together;
    use nexus_protocol::{HighlightClass, HighlightSpan};

    #[test]
    fn colours_that_change_the_code_are_not_used() {
        let span = |text: &str| HighlightSpan {
            class: HighlightClass::Keyword,
            text: text.into(),
        };
        assert!(puts_together(&[span("let "), span("x")], "let x"));
        assert!(!puts_together(&[span("let ")], "let x"));
        assert!(!puts_together(&[span("let "), span("xy")], "let x"));
        assert!(puts_together(&[], ""));
    }
}
