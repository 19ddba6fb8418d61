//! Markdown: text from a model, a person or a file becomes nodes, never HTML.
//!
//! Text → `pulldown-cmark` events → a tree of plain data ([`Block`], [`Inline`]) → Leptos nodes. The tree can only say
//! what it has a variant for, so there is no element, attribute or address in the window that is not written in `view`.
//! Nothing here touches the network, the clipboard or the system: [`MarkdownHost`] does, when the reader asks for it.

mod autolink;
mod code;
mod delimiters;
mod excerpt;
mod host;
mod limits;
mod link;
mod math;
mod parse;
mod stream;
mod tree;
mod view;

#[cfg(test)]
mod tests;

pub use code::CodeText;
pub use excerpt::plain_excerpt;
pub use host::MarkdownHost;
pub use limits::{MAX_DEPTH, MAX_INPUT_BYTES, MAX_NODES};
pub use link::{Target, classify};
pub use math::MathNode;
pub use stream::LiveDocument;
pub use tree::{Block, CellAlign, Inline, ListItem, TableRow};
pub use view::{Markdown, allowed_attributes, allowed_elements};

/// Parses a whole message into its top-level blocks.
///
/// Never fails and never panics: what cannot be formatted within the limits is kept as plain text.
#[must_use]
pub fn parse(text: &str) -> Vec<Block> {
    parse::parse_message(text)
        .into_iter()
        .map(|located| located.block)
        .collect()
}
