//! The stack that turns a balanced run of events into one top-level block after another.

mod text;

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Tag};

use super::super::code::CodeText;
use super::super::limits::MAX_DEPTH;
use super::super::link::{Target, classify};
use super::super::tree::{Block, CellAlign, Inline, ListItem, TableRow, plain_text};
use super::leaf::{cell_align, heading_level, image, language, link};
use super::{Context, Located, label_key};

/// A container that has begun.
enum Kind {
    Root,
    Paragraph,
    Heading(u8),
    Quote,
    List(Option<u64>, Vec<ListItem>),
    Item(Option<bool>),
    Footnote(usize),
    Html(String),
    Code {
        language: String,
        text: String,
    },
    Table {
        align: Vec<CellAlign>,
        head: TableRow,
        rows: Vec<TableRow>,
    },
    Row {
        head: bool,
        cells: TableRow,
    },
    Cell,
    Emphasis,
    Strong,
    Strikethrough,
    Link(Target),
    Image(Target),
}

struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
    inlines: Vec<Inline>,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            blocks: Vec::new(),
            inlines: Vec::new(),
        }
    }
}

/// Builds blocks from events.
pub(super) struct Builder<'a> {
    source: &'a str,
    mapped: &'a str,
    context: &'a Context,
    numbers: HashMap<String, usize>,
    added: Vec<String>,
    stack: Vec<Frame>,
    /// Containers that have begun beyond the depth limit.
    skipped: usize,
    links: usize,
    nodes: usize,
    start: usize,
    end: usize,
    fenced: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a str, mapped: &'a str, context: &'a Context) -> Self {
        Self {
            source,
            mapped,
            context,
            numbers: HashMap::new(),
            added: Vec::new(),
            stack: vec![Frame::new(Kind::Root)],
            skipped: 0,
            links: 0,
            nodes: 0,
            start: 0,
            end: 0,
            fenced: false,
        }
    }

    /// Nodes of the block being built.
    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    /// Where the block being built starts.
    pub(super) fn block_start(&self) -> usize {
        self.start
    }

    /// The finished top-level block, if there is one.
    pub(super) fn take_block(&mut self) -> Option<Located> {
        if self.stack.len() != 1 || self.skipped > 0 {
            return None;
        }
        let block = self.stack.first_mut()?.blocks.pop()?;
        Some(Located {
            block,
            start: self.start,
            end: self.end,
            notes: std::mem::take(&mut self.added),
            nodes: std::mem::take(&mut self.nodes),
            fenced: std::mem::take(&mut self.fenced),
        })
    }

    pub(super) fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        if self.stack.len() == 1 && self.skipped == 0 {
            self.start = line_start(self.source, range.start);
            self.end = range.end;
        }
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(_) => self.finish(),
            Event::Text(text) => {
                let verbatim = matches!(
                    self.stack.last(),
                    Some(Frame {
                        kind: Kind::Code { .. } | Kind::Html(_),
                        ..
                    })
                );
                let text = match verbatim {
                    true => self.original(&range, &text),
                    false => self.words(&range, &text),
                };
                self.text(&text);
            }
            Event::Code(text) => {
                let code = self.inline_code(&range, &text);
                self.inline(Inline::Code(code));
            }
            Event::InlineMath(text) => self.math(&range, &text, false),
            Event::DisplayMath(text) => self.math(&range, &text, true),
            Event::Html(text) => {
                let text = self.original(&range, &text);
                self.text(&text);
            }
            Event::InlineHtml(text) => {
                let text = self.original(&range, &text);
                self.inline(match text.to_ascii_lowercase().as_str() {
                    // Models break lines in tables with it; it can do nothing else.
                    "<br>" | "<br/>" | "<br />" => Inline::HardBreak,
                    _ => Inline::Html(text),
                });
            }
            Event::FootnoteReference(label) => {
                let number = self.note_number(&label);
                self.inline(Inline::FootnoteRef(number));
            }
            Event::SoftBreak => self.inline(Inline::SoftBreak),
            Event::HardBreak => self.inline(Inline::HardBreak),
            Event::Rule => self.block(Block::Rule),
            Event::TaskListMarker(done) => {
                if let Some(Frame {
                    kind: Kind::Item(task),
                    ..
                }) = self.stack.last_mut()
                {
                    *task = Some(done);
                } else if let [
                    ..,
                    Frame {
                        kind: Kind::Item(task),
                        ..
                    },
                    Frame {
                        kind: Kind::Paragraph,
                        ..
                    },
                ] = self.stack.as_mut_slice()
                {
                    *task = Some(done);
                }
            }
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        if self.skipped > 0 || self.stack.len() > MAX_DEPTH {
            self.skipped += 1;
            return;
        }
        let kind = match tag {
            Tag::Paragraph => Kind::Paragraph,
            Tag::Heading { level, .. } => Kind::Heading(heading_level(level)),
            Tag::BlockQuote(_) => Kind::Quote,
            Tag::CodeBlock(code) => {
                let fenced = matches!(code, CodeBlockKind::Fenced(_));
                self.fenced = fenced && self.stack.len() == 1;
                let language = match code {
                    CodeBlockKind::Fenced(info) => language(&info),
                    CodeBlockKind::Indented => String::new(),
                };
                Kind::Code {
                    language,
                    text: String::new(),
                }
            }
            Tag::HtmlBlock => Kind::Html(String::new()),
            Tag::List(first) => Kind::List(first, Vec::new()),
            Tag::Item => Kind::Item(None),
            Tag::FootnoteDefinition(label) => Kind::Footnote(self.note_number(&label)),
            Tag::Table(align) => Kind::Table {
                align: align.into_iter().map(cell_align).collect(),
                head: Vec::new(),
                rows: Vec::new(),
            },
            Tag::TableHead => Kind::Row {
                head: true,
                cells: Vec::new(),
            },
            Tag::TableRow => Kind::Row {
                head: false,
                cells: Vec::new(),
            },
            Tag::TableCell => Kind::Cell,
            Tag::Emphasis => Kind::Emphasis,
            Tag::Strong => Kind::Strong,
            Tag::Strikethrough => Kind::Strikethrough,
            Tag::Link {
                dest_url,
                link_type,
                ..
            } => {
                self.links += 1;
                let target = match link_type {
                    pulldown_cmark::LinkType::Email => classify(&format!("mailto:{dest_url}")),
                    _ => classify(&dest_url),
                };
                Kind::Link(target)
            }
            Tag::Image { dest_url, .. } => {
                self.links += 1;
                Kind::Image(classify(&dest_url))
            }
            // Not enabled; their text stays.
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => Kind::Paragraph,
        };
        self.stack.push(Frame::new(kind));
    }

    fn finish(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
            // What was flattened stays apart.
            if self.skipped == 0 {
                self.text(" ");
            }
            return;
        }
        let Some(mut frame) = self.stack.pop() else {
            return;
        };
        let in_link = self.links > 0;
        let inlines = std::mem::take(&mut frame.inlines);
        let content = if in_link {
            inlines
        } else {
            self.link_bare(inlines)
        };
        match frame.kind {
            Kind::Root => {}
            Kind::Paragraph => self.block(Block::Paragraph(content)),
            Kind::Heading(level) => self.block(Block::Heading { level, content }),
            Kind::Quote => {
                let blocks = with_tight(frame.blocks, content);
                self.block(Block::Quote(blocks));
            }
            Kind::List(start, items) => self.block(Block::List { start, items }),
            Kind::Item(task) => {
                let blocks = with_tight(frame.blocks, content);
                self.nodes += 1;
                if let Some(Frame {
                    kind: Kind::List(_, items),
                    ..
                }) = self.stack.last_mut()
                {
                    items.push(ListItem { task, blocks });
                }
            }
            Kind::Footnote(number) => {
                let blocks = with_tight(frame.blocks, content);
                self.block(Block::Footnote { number, blocks });
            }
            Kind::Html(text) => self.block(Block::Html(text)),
            Kind::Code { language, text } => {
                let text = CodeText::from(text.strip_suffix('\n').unwrap_or(&text));
                self.nodes += text.len() / 4096;
                self.block(Block::Code { language, text });
            }
            Kind::Table { align, head, rows } => self.block(Block::Table { align, head, rows }),
            Kind::Row {
                head: is_head,
                cells,
            } => {
                self.nodes += 1;
                if let Some(Frame {
                    kind: Kind::Table { head, rows, .. },
                    ..
                }) = self.stack.last_mut()
                {
                    match is_head {
                        true => *head = cells,
                        false => rows.push(cells),
                    }
                }
            }
            Kind::Cell => {
                self.nodes += 1;
                if let Some(Frame {
                    kind: Kind::Row { cells, .. },
                    ..
                }) = self.stack.last_mut()
                {
                    cells.push(content);
                }
            }
            Kind::Emphasis => self.inline(Inline::Emphasis(content)),
            Kind::Strong => self.inline(Inline::Strong(content)),
            Kind::Strikethrough => self.inline(Inline::Strikethrough(content)),
            Kind::Link(target) => {
                self.links = self.links.saturating_sub(1);
                self.inline(link(target, content));
            }
            Kind::Image(target) => {
                self.links = self.links.saturating_sub(1);
                self.inline(image(target, &content));
            }
        }
    }

    fn block(&mut self, block: Block) {
        self.nodes += 1;
        let Some(frame) = self.stack.last_mut() else {
            return;
        };
        if !frame.inlines.is_empty() {
            let before = std::mem::take(&mut frame.inlines);
            let before = if self.links > 0 {
                before
            } else {
                self.link_bare(before)
            };
            if let Some(frame) = self.stack.last_mut() {
                frame.blocks.push(Block::Tight(before));
            }
        }
        if let Some(frame) = self.stack.last_mut() {
            frame.blocks.push(block);
        }
    }

    fn inline(&mut self, inline: Inline) {
        match self.stack.last_mut() {
            Some(Frame {
                kind: Kind::Html(text) | Kind::Code { text, .. },
                ..
            }) => {
                let mut words = String::new();
                plain_text(&[inline], &mut words);
                text.push_str(&words);
            }
            Some(frame) => {
                self.nodes += 1;
                frame.inlines.push(inline);
            }
            None => {}
        }
    }

    fn text(&mut self, text: &str) {
        match self.stack.last_mut() {
            Some(Frame {
                kind: Kind::Html(all) | Kind::Code { text: all, .. },
                ..
            }) => all.push_str(text),
            Some(frame) => match frame.inlines.last_mut() {
                Some(Inline::Text(last)) => last.push_str(text),
                _ => {
                    self.nodes += 1;
                    frame.inlines.push(Inline::Text(text.to_owned()));
                }
            },
            None => {}
        }
    }

    fn note_number(&mut self, label: &str) -> usize {
        let key = label_key(label);
        if let Some(number) = self
            .context
            .notes
            .get(&key)
            .or_else(|| self.numbers.get(&key))
        {
            return *number;
        }
        let number = self.context.notes.len() + self.numbers.len() + 1;
        self.numbers.insert(key.clone(), number);
        self.added.push(key);
        number
    }
}

fn with_tight(mut blocks: Vec<Block>, content: Vec<Inline>) -> Vec<Block> {
    if !content.is_empty() {
        blocks.push(Block::Tight(content));
    }
    blocks
}

/// Where the line starts that `at` is on.
fn line_start(source: &str, at: usize) -> usize {
    source.as_bytes()[..at.min(source.len())]
        .iter()
        .rposition(|byte| matches!(byte, b'\n' | b'\r'))
        .map_or(0, |line_end| line_end + 1)
}
