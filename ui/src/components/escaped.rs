//! Text for the user to judge, with what would deceive written out and marked.

use leptos::prelude::*;

use crate::visible;

/// The text as nodes.
pub fn escaped(text: &str) -> Vec<AnyView> {
    visible::pieces(text)
        .into_iter()
        .map(|(hidden, piece)| {
            if hidden {
                view! { <span class="escaped" title="A character that cannot be seen">{piece}</span> }
                    .into_any()
            } else {
                piece.into_any()
            }
        })
        .collect()
}
