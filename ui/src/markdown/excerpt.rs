//! Markdown as one line of words, for titles, notifications and search results. Owns no length: the caller cuts.

use super::parse::parse_message;
use super::tree::{Block, plain_text};

/// The words of a text without their form, on one line, with single spaces. Code and formulas are kept as their source.
#[must_use]
pub fn plain_excerpt(markdown: &str) -> String {
    let mut words = String::new();
    for located in parse_message(markdown) {
        block_words(&located.block, &mut words);
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn block_words(block: &Block, into: &mut String) {
    match block {
        Block::Paragraph(content) | Block::Tight(content) | Block::Heading { content, .. } => {
            plain_text(content, into)
        }
        Block::List { items, .. } => {
            for item in items {
                item.blocks
                    .iter()
                    .for_each(|block| block_words(block, into));
            }
        }
        Block::Quote(blocks) | Block::Footnote { blocks, .. } => {
            blocks.iter().for_each(|block| block_words(block, into));
        }
        Block::Code { text, .. } | Block::Overflow(text) => {
            text.pieces().for_each(|piece| into.push_str(&piece))
        }
        Block::Table { head, rows, .. } => {
            for cell in head.iter().chain(rows.iter().flatten()) {
                plain_text(cell, into);
                into.push(' ');
            }
        }
        Block::Rule => {}
        Block::Html(text) => into.push_str(text),
    }
    into.push(' ');
}

#[cfg(test)]
mod tests {
    use super::plain_excerpt;

    #[test]
    fn keeps_words_and_drops_form() {
        assert_eq!(
            plain_excerpt(
                "# A *title*\n\n- [x] one `two`\n- [three](https://a.example)\n\n| a | b |\n|---|---|\n| c | d |\n\n```rust\nlet x;\n```\n$x^2$ ![alt](http://b.example)"
            ),
            "A title one two three a b c d let x; x^2 alt"
        );
    }
}
