//! What a program printed: the sixteen colours of terminals as classes, drawn in the app's own palette.

use leptos::prelude::*;
use nexus_protocol::TerminalSpan;

/// The text and how the program ended.
#[component]
pub fn TerminalView(spans: Vec<TerminalSpan>, ending: String) -> impl IntoView {
    let nothing = spans.iter().all(|span| span.text.is_empty());
    view! {
        <figure class="terminal">
            <pre class="tool-text" tabindex="0" dir="ltr" aria-label="Output of the program">
                {nothing.then(|| view! { <span class="hint">"No output"</span> })}
                {spans
                    .into_iter()
                    .map(|span| match span_class(&span) {
                        class if class.is_empty() => span.text.into_any(),
                        class => view! { <span class=class>{span.text}</span> }.into_any(),
                    })
                    .collect_view()}
            </pre>
            {(!ending.is_empty()).then(|| view! { <figcaption class="terminal-end">{ending}</figcaption> })}
        </figure>
    }
}

fn span_class(span: &TerminalSpan) -> String {
    let colour = span
        .foreground
        .filter(|colour| *colour < 16)
        .map(|colour| format!("ansi-{colour}"));
    let bold = span.bold.then(|| "ansi-bold".to_owned());
    colour.into_iter().chain(bold).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_colours_become_classes() {
        let class = |foreground, bold| {
            span_class(&TerminalSpan {
                text: String::new(),
                foreground,
                bold,
            })
        };
        assert_eq!(class(Some(1), true), "ansi-1 ansi-bold");
        assert_eq!(class(Some(16), false), "");
        assert_eq!(class(None, true), "ansi-bold");
    }
}
