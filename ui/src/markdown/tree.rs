//! The shape of a message: all that can be drawn, as plain data. Owns no parsing and no drawing.

use super::code::CodeText;
use super::math::MathNode;

/// A block of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// Text of a tight list item: a paragraph without its own space.
    Tight(Vec<Inline>),
    /// A heading.
    Heading {
        /// 1 to 6.
        level: u8,
        /// The words.
        content: Vec<Inline>,
    },
    /// A list.
    List {
        /// The first number; none for a bulleted list.
        start: Option<u64>,
        /// The items.
        items: Vec<ListItem>,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// A block of code.
    Code {
        /// The first word of the info string, at most 40 characters; empty if there is none.
        language: String,
        /// The code.
        text: CodeText,
    },
    /// A table.
    Table {
        /// How each column is aligned.
        align: Vec<CellAlign>,
        /// The header's cells.
        head: TableRow,
        /// The rows below it.
        rows: Vec<TableRow>,
    },
    /// A line across.
    Rule,
    /// What a footnote says, where the text has it.
    Footnote {
        /// Its number in this message, from 1.
        number: usize,
        /// What it says.
        blocks: Vec<Block>,
    },
    /// HTML, shown as the text it is.
    Html(String),
    /// Text beyond the limits, unformatted.
    Overflow(CodeText),
}

/// The cells of a row.
pub type TableRow = Vec<Vec<Inline>>;

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// Whether it is a task, and if so, a done one.
    pub task: Option<bool>,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// How the cells of a column are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellAlign {
    /// As the writing runs.
    Start,
    /// To the left.
    Left,
    /// In the middle.
    Center,
    /// To the right.
    Right,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Words.
    Text(String),
    /// A line's end inside a paragraph.
    SoftBreak,
    /// A new line that was asked for.
    HardBreak,
    /// `*so*`.
    Emphasis(Vec<Inline>),
    /// `**so**`.
    Strong(Vec<Inline>),
    /// `~~so~~`.
    Strikethrough(Vec<Inline>),
    /// `` `so` ``.
    Code(String),
    /// A formula.
    Math {
        /// On its own line.
        display: bool,
        /// The LaTeX.
        source: String,
        /// What it becomes; none if it could not be read.
        tree: Option<MathNode>,
    },
    /// A link that may be opened, when the reader asks for it.
    Link {
        /// An `http`, `https` or `mailto` address.
        href: String,
        /// The host or the mail address, for the reader.
        host: String,
        /// The words look like another address, so the host stands beside them.
        deceptive: bool,
        /// The words.
        content: Vec<Inline>,
    },
    /// A link that may not be opened: its words and where it wanted to go, as text.
    RefusedLink {
        /// The words.
        content: Vec<Inline>,
        /// The address, cleaned and cut.
        shown: String,
    },
    /// A picture that loads only if the reader asks for it.
    Image {
        /// What it shows, in words.
        alt: String,
        /// An `http` or `https` address; none if it may not be loaded.
        href: Option<String>,
        /// The host, or the address that was refused.
        host: String,
    },
    /// The number of a footnote.
    FootnoteRef(usize),
    /// HTML, shown as the text it is.
    Html(String),
}

/// The words of a line, without their form.
pub(crate) fn plain_text(content: &[Inline], into: &mut String) {
    for piece in content {
        match piece {
            Inline::Text(text) | Inline::Code(text) | Inline::Html(text) => into.push_str(text),
            Inline::SoftBreak | Inline::HardBreak => into.push(' '),
            Inline::Emphasis(inner)
            | Inline::Strong(inner)
            | Inline::Strikethrough(inner)
            | Inline::Link { content: inner, .. }
            | Inline::RefusedLink { content: inner, .. } => plain_text(inner, into),
            Inline::Math { source, .. } => into.push_str(source),
            Inline::Image { alt, .. } => into.push_str(alt),
            Inline::FootnoteRef(_) => {}
        }
    }
}
