//! Follows a text that grows and keeps what is finished. Owns which blocks are closed; draws nothing.
//!
//! A block is closed once a complete line after it has begun another block: by CommonMark's line-by-line rules nothing that
//! follows can change it. Only the open rest is parsed again, and an open block of code isn't parsed at all: its
//! lines are appended. Link definitions and footnotes that come after their use are resolved once, when the text is complete.

mod fence;

use std::sync::Arc;

use super::code::{CodeText, floor_boundary};
use super::limits::{LAZY_TAIL_BYTES, MAX_INPUT_BYTES};
use super::parse::{Context, Located, Parsed, parse_message, parse_part};
use super::tree::Block;
use fence::{Fence, Step};

/// How many bytes before the last known end are compared to tell growth from replacement.
const PROBE: usize = 64;

/// What follows the closed blocks.
enum Tail {
    /// Any block: parsed again when it grows.
    Blocks,
    /// Code whose end has not come.
    Fence(Fence),
    /// Plain text to the end; the limits were reached. Holds the text and how far it was taken.
    Plain(CodeText, usize),
}

/// The blocks of a message while it is written.
pub struct LiveDocument {
    blocks: Vec<Arc<Block>>,
    closed: usize,
    stable: usize,
    seen: usize,
    probe: String,
    parsed: usize,
    context: Context,
    tail: Tail,
    /// A fence here was not what it looked like.
    no_fence_at: Option<usize>,
    /// The text beyond the input limit.
    rest: (CodeText, usize),
    changed_from: usize,
    #[cfg(test)]
    pub(super) parsed_bytes: usize,
}

impl Default for LiveDocument {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            closed: 0,
            stable: 0,
            seen: 0,
            probe: String::new(),
            parsed: 0,
            context: Context::default(),
            tail: Tail::Blocks,
            no_fence_at: None,
            rest: (CodeText::default(), MAX_INPUT_BYTES),
            changed_from: 0,
            #[cfg(test)]
            parsed_bytes: 0,
        }
    }
}

impl LiveDocument {
    /// The blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    /// How many of them, from the first, will not change while the text grows.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.closed
    }

    /// Where the open part of the text starts (bytes).
    #[must_use]
    pub fn stable(&self) -> usize {
        self.stable
    }

    /// Takes the text as it is now; returns the index of the first block that may differ from before.
    ///
    /// While `streaming`, text that was only appended to costs as much as its open block. Other text starts anew.
    pub fn update(&mut self, text: &str, streaming: bool) -> usize {
        self.changed_from = self.blocks.len();
        if !streaming {
            self.finish(text);
            return self.changed_from;
        }
        if !self.is_continued(text) {
            self.forget();
        }
        self.remember(text);
        let cut = floor_boundary(text, MAX_INPUT_BYTES);
        let open = self.advance(text, cut);
        if let Some(mut open) = open {
            if cut < text.len() && !matches!(self.tail, Tail::Plain(..)) {
                self.rest.0.push_str(&text[self.rest.1.max(cut)..]);
                self.rest.1 = text.len();
                open.push(Block::Overflow(self.rest.0.clone()));
            }
            let total = self.closed + open.len();
            for (index, block) in open.into_iter().enumerate() {
                self.put(self.closed + index, block);
            }
            self.truncate(total);
        }
        self.changed_from
    }

    /// The whole text at once: the truth, which all the rest only foresees.
    fn finish(&mut self, text: &str) {
        let all = parse_message(text);
        let total = all.len();
        for (index, located) in all.into_iter().enumerate() {
            self.put(index, located.block);
        }
        self.truncate(total);
        self.forget();
        self.closed = total;
        self.stable = text.len();
    }

    fn is_continued(&self, text: &str) -> bool {
        let from = self.seen - self.probe.len();
        // After `finish` nothing counts as seen: if the text grows again, its blocks may have been closed by its end only.
        self.stable <= self.seen && text.get(from..self.seen) == Some(self.probe.as_str())
    }

    fn remember(&mut self, text: &str) {
        self.seen = text.len();
        self.probe.clear();
        self.probe
            .push_str(&text[floor_boundary(text, text.len().saturating_sub(PROBE))..]);
    }

    /// Back to the start, but the blocks stay until they are replaced, so that nothing flickers.
    fn forget(&mut self) {
        let blocks = std::mem::take(&mut self.blocks);
        *self = Self {
            blocks,
            changed_from: self.changed_from,
            #[cfg(test)]
            parsed_bytes: self.parsed_bytes,
            ..Self::default()
        };
    }

    fn put(&mut self, index: usize, block: Block) {
        match self.blocks.get_mut(index) {
            Some(known) if **known == block => return,
            Some(known) => *known = Arc::new(block),
            None => self.blocks.push(Arc::new(block)),
        }
        self.changed_from = self.changed_from.min(index);
    }

    fn truncate(&mut self, total: usize) {
        if self.blocks.len() > total {
            self.blocks.truncate(total);
            self.changed_from = self.changed_from.min(total);
        }
    }

    fn commit(&mut self, blocks: Vec<Located>) {
        for located in blocks {
            self.context.nodes += located.nodes;
            for label in located.notes {
                let number = self.context.notes.len() + 1;
                self.context.notes.insert(label, number);
            }
            self.put(self.closed, located.block);
            self.closed += 1;
        }
    }

    /// Moves the closed part forward as far as it goes; returns the open blocks, or none if they are as before.
    fn advance(&mut self, text: &str, cut: usize) -> Option<Vec<Block>> {
        loop {
            match std::mem::replace(&mut self.tail, Tail::Blocks) {
                Tail::Plain(mut code, taken) => {
                    code.push_str(&text[taken..]);
                    self.tail = Tail::Plain(code.clone(), text.len());
                    return Some(vec![Block::Overflow(code)]);
                }
                Tail::Fence(mut fence) => match fence.step(&text[..cut]) {
                    Step::Open(block) => {
                        self.tail = Tail::Fence(fence);
                        return Some(vec![block]);
                    }
                    Step::Closed(end) => {
                        let parsed = self.parse(&text[self.stable..end]);
                        if matches!(parsed.blocks.as_slice(), [only] if only.fenced) && !parsed.full
                        {
                            self.commit(parsed.blocks);
                            self.stable = end;
                            self.parsed = 0;
                        } else {
                            self.no_fence_at = Some(self.stable);
                        }
                    }
                },
                Tail::Blocks => {
                    let tail = &text[self.stable..cut];
                    let grown = tail.len().saturating_sub(self.parsed);
                    if tail.len() > LAZY_TAIL_BYTES && self.parsed > 0 && grown < tail.len() / 32 {
                        return None;
                    }
                    self.parsed = tail.len();
                    if let Some(open) = self.advance_blocks(text, cut) {
                        return Some(open);
                    }
                }
            }
        }
    }

    /// None if the tail became something else and must be looked at again.
    fn advance_blocks(&mut self, text: &str, cut: usize) -> Option<Vec<Block>> {
        let tail = &text[self.stable..cut];
        let mut parsed = self.parse(&tail[..shown_end(tail)]);
        if parsed.full {
            let plain = parsed.blocks.pop();
            let from = self.stable + plain.map_or(0, |plain| plain.start);
            self.commit(parsed.blocks);
            self.stable = from;
            self.tail = Tail::Plain(CodeText::default(), from);
            return None;
        }
        // The parser may put two blocks on one line (a footnote in a footnote): that line closes neither.
        let decides = |index: usize| {
            let start = parsed.blocks[index].start;
            start > parsed.blocks[index - 1].start
                && parsed.open_from.is_none_or(|open| start <= open)
                && tail[start..].contains('\n')
        };
        let decider = (1..parsed.blocks.len()).rev().find(|index| decides(*index));
        let mut open = parsed.blocks;
        if let Some(decider) = decider {
            let boundary = boundary(tail, open[decider - 1].end, open[decider].start);
            let rest = open.split_off(decider);
            for (start, label, href) in parsed.definitions {
                if start < boundary {
                    self.context.definitions.entry(label).or_insert(href);
                }
            }
            self.commit(std::mem::replace(&mut open, rest));
            self.stable += boundary;
            self.parsed = cut - self.stable;
            for block in &mut open {
                block.start = block.start.saturating_sub(boundary);
            }
        }
        if let [only] = open.as_slice()
            && only.fenced
            && only.start == 0
            && self.no_fence_at != Some(self.stable)
            && let Some(fence) = Fence::open(&text[..cut], self.stable)
        {
            self.tail = Tail::Fence(fence);
            return None;
        }
        Some(open.into_iter().map(|located| located.block).collect())
    }

    fn parse(&mut self, source: &str) -> Parsed {
        #[cfg(test)]
        {
            self.parsed_bytes += source.len();
        }
        parse_part(source, &self.context)
    }
}

/// Where the open part starts: at the block that closed the one before, or at link definitions right above it, which may
/// still take in its first lines.
fn boundary(tail: &str, closed_end: usize, open_start: usize) -> usize {
    let gap_start = closed_end.min(open_start);
    let gap = &tail[gap_start..open_start];
    let last_line = gap.trim_end_matches(['\n', '\r']).len();
    let blank_before = gap[last_line..].matches('\n').count() > 1;
    if gap.trim().is_empty() || blank_before {
        return open_start;
    }
    let first = gap.len() - gap.trim_start().len();
    tail[..gap_start + first]
        .rfind(['\n', '\r'])
        .map_or(0, |line_end| line_end + 1)
}

/// Where to stop showing: a last line that could still become a heading, a list, a rule or a fence waits for its next character.
fn shown_end(tail: &str) -> usize {
    let line = tail.rfind('\n').map_or(0, |line_end| line_end + 1);
    let partial = tail[line..].trim();
    let undecided = partial.len() <= 12
        && partial.bytes().all(|b| {
            matches!(
                b,
                b'-' | b'='
                    | b'+'
                    | b'*'
                    | b'#'
                    | b'>'
                    | b'`'
                    | b'~'
                    | b'|'
                    | b':'
                    | b' '
                    | b'_'
                    | b'.'
                    | b')'
            ) || (b.is_ascii_digit() && partial.len() < 4)
        });
    if undecided { line } else { tail.len() }
}

#[cfg(test)]
mod tests {
    use super::boundary;

    #[test]
    fn definitions_right_above_stay_open() {
        let text = "a\n\n[x]: /u\nb";
        assert_eq!(boundary(text, 2, 11), 3);
        let text = "a\n\n[x]: /u\n\nb";
        assert_eq!(boundary(text, 2, 12), 12);
        assert_eq!(boundary("a\n\nb", 2, 3), 3);
    }
}
