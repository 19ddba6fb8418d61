//! What holds for every text: only listed things are drawn, streaming ends in the same tree, time stays linear.

mod corpus;
mod rich;
mod streaming;
mod timing;

use super::limits::{MAX_DEPTH, MAX_NODES};
use super::math::{MATH_ATTRIBUTES, MATH_ELEMENTS, MathNode};
use super::tree::{Block, Inline};

/// Panics if a tree holds what may not be drawn.
fn assert_allowed(blocks: &[Block]) {
    let mut check = Check { nodes: 0 };
    check.blocks(blocks, 1);
    assert!(check.nodes <= MAX_NODES * 2, "{} nodes", check.nodes);
}

struct Check {
    nodes: usize,
}

impl Check {
    fn blocks(&mut self, blocks: &[Block], depth: usize) {
        // A block and its line are two levels; the parser's containers are at most `MAX_DEPTH`.
        assert!(depth <= MAX_DEPTH * 2, "too deep");
        for block in blocks {
            self.nodes += 1;
            match block {
                Block::Paragraph(content) | Block::Tight(content) => {
                    self.inlines(content, depth + 1)
                }
                Block::Heading { level, content } => {
                    assert!((1..=6).contains(level));
                    self.inlines(content, depth + 1);
                }
                Block::List { items, .. } => {
                    for item in items {
                        self.nodes += 1;
                        self.blocks(&item.blocks, depth + 1);
                    }
                }
                Block::Quote(inner) | Block::Footnote { blocks: inner, .. } => {
                    self.blocks(inner, depth + 1)
                }
                Block::Code { language, .. } => {
                    assert!(
                        language.chars().count() <= 40
                            && !language.contains(['<', '>', '"', '=', ' ']),
                        "{language:?}"
                    );
                }
                Block::Table { head, rows, .. } => {
                    for cell in head.iter().chain(rows.iter().flatten()) {
                        self.nodes += 1;
                        self.inlines(cell, depth + 1);
                    }
                }
                Block::Rule | Block::Html(_) | Block::Overflow(_) => {}
            }
        }
    }

    fn inlines(&mut self, content: &[Inline], depth: usize) {
        assert!(depth <= MAX_DEPTH * 2, "too deep");
        for inline in content {
            self.nodes += 1;
            match inline {
                Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Strikethrough(inner) => {
                    self.inlines(inner, depth + 1)
                }
                Inline::Link {
                    href,
                    host,
                    content,
                    ..
                } => {
                    assert_openable(href, true);
                    assert!(!host.is_empty());
                    self.inlines(content, depth + 1);
                }
                Inline::RefusedLink { content, shown } => {
                    assert!(shown.chars().count() <= 201 && !shown.contains('\u{202e}'));
                    self.inlines(content, depth + 1);
                }
                Inline::Image { href, .. } => {
                    if let Some(href) = href {
                        assert_openable(href, false);
                    }
                }
                Inline::Math {
                    tree: Some(tree), ..
                } => self.math(tree),
                Inline::Math { tree: None, .. }
                | Inline::Text(_)
                | Inline::SoftBreak
                | Inline::HardBreak
                | Inline::Code(_)
                | Inline::Html(_)
                | Inline::FootnoteRef(_) => {}
            }
        }
    }

    fn math(&mut self, node: &MathNode) {
        self.nodes += 1;
        assert!(MATH_ELEMENTS.contains(&node.name));
        for (name, value) in &node.attributes {
            assert!(MATH_ATTRIBUTES.contains(name), "{name}");
            assert!(!value.contains([':', '<', '"', '(', '/']), "{value}");
        }
        node.children.iter().for_each(|child| self.math(child));
    }
}

fn assert_openable(href: &str, mail_too: bool) {
    let allowed = href.starts_with("http://")
        || href.starts_with("https://")
        || (mail_too && href.starts_with("mailto:"));
    assert!(allowed, "{href:?}");
    assert!(
        !href
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || "\"<>`\\\u{202e}\u{200b}".contains(c)),
        "{href:?}"
    );
}
